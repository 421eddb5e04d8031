package ubl

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strings"
	"testing"
)

// sequences are the elements of UBL 2.1 that the documents here may have, in the order of its schema, by their parent. The
// official rules look at what is there and not at its order or at strange elements; receivers that check the schema do.
var sequences = map[string]string{
	"Invoice":                   "CustomizationID ProfileID ID IssueDate DueDate InvoiceTypeCode Note TaxPointDate DocumentCurrencyCode BuyerReference OrderReference AccountingSupplierParty AccountingCustomerParty Delivery PaymentMeans TaxTotal LegalMonetaryTotal InvoiceLine",
	"CreditNote":                "CustomizationID ProfileID ID IssueDate TaxPointDate CreditNoteTypeCode Note DocumentCurrencyCode BuyerReference OrderReference BillingReference AccountingSupplierParty AccountingCustomerParty Delivery PaymentMeans TaxTotal LegalMonetaryTotal CreditNoteLine",
	"OrderReference":            "ID",
	"BillingReference":          "InvoiceDocumentReference",
	"AccountingSupplierParty":   "Party",
	"AccountingCustomerParty":   "Party",
	"InvoiceDocumentReference":  "ID IssueDate",
	"Party":                     "EndpointID PartyIdentification PostalAddress PartyTaxScheme PartyLegalEntity Contact",
	"PartyIdentification":       "ID",
	"PostalAddress":             "StreetName AdditionalStreetName CityName PostalZone CountrySubentity Country",
	"Address":                   "StreetName AdditionalStreetName CityName PostalZone CountrySubentity Country",
	"Country":                   "IdentificationCode",
	"PartyTaxScheme":            "CompanyID TaxScheme",
	"PartyLegalEntity":          "RegistrationName",
	"Contact":                   "Name Telephone ElectronicMail",
	"Delivery":                  "ActualDeliveryDate DeliveryLocation",
	"DeliveryLocation":          "Address",
	"PaymentMeans":              "PaymentMeansCode PaymentDueDate",
	"TaxTotal":                  "TaxAmount TaxSubtotal",
	"TaxSubtotal":               "TaxableAmount TaxAmount TaxCategory",
	"TaxCategory":               "ID Percent TaxExemptionReasonCode TaxExemptionReason TaxScheme",
	"ClassifiedTaxCategory":     "ID Percent TaxScheme",
	"TaxScheme":                 "ID",
	"LegalMonetaryTotal":        "LineExtensionAmount TaxExclusiveAmount TaxInclusiveAmount PrepaidAmount PayableAmount",
	"InvoiceLine":               "ID InvoicedQuantity LineExtensionAmount Item Price",
	"CreditNoteLine":            "ID CreditedQuantity LineExtensionAmount Item Price",
	"Item":                      "Description Name SellersItemIdentification ClassifiedTaxCategory",
	"SellersItemIdentification": "ID",
	"Price":                     "PriceAmount BaseQuantity",
}

// Elements stand in the order of the schema, in the namespace of their kind, and each of them occurs in some document.
func TestOrderOfElements(t *testing.T) {
	g, seen := newGenerator(3), map[string]bool{}
	for n := range documents {
		walk(t, marshal(t, g.document(n)), seen)
	}
	for parent, names := range sequences {
		for _, name := range strings.Fields(names) {
			if !seen[parent+"/"+name] {
				t.Errorf("%s/%s never occurs", parent, name)
			}
		}
	}
}

// walk holds a document to the sequences and marks what it has.
func walk(t *testing.T, content []byte, seen map[string]bool) {
	t.Helper()
	type open struct {
		name string
		at   int // of the last child in the sequence
	}
	var path []open
	dec := xml.NewDecoder(bytes.NewReader(content))
	for {
		token, err := dec.Token()
		if err != nil {
			return // the end: what is no XML fails elsewhere
		}
		switch e := token.(type) {
		case xml.StartElement:
			if len(path) > 0 {
				parent := &path[len(path)-1]
				at := slices.Index(strings.Fields(sequences[parent.name]), e.Name.Local)
				if at < parent.at {
					t.Fatalf("%s/%s is unknown or out of order", parent.name, e.Name.Local)
				}
				parent.at = at
				seen[parent.name+"/"+e.Name.Local] = true
				if want := namespaceOf(e.Name.Local); e.Name.Space != want {
					t.Fatalf("%s is in %s", e.Name.Local, e.Name.Space)
				}
			}
			path = append(path, open{name: e.Name.Local})
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
}

// namespaceOf tells elements with children from those with text.
func namespaceOf(name string) string {
	if _, ok := sequences[name]; ok {
		return nsAggregate
	}
	return nsBasic
}
