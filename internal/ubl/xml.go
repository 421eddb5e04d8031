package ubl

// The elements of UBL 2.1 that EN 16931 uses here, in the order of the schema: encoding/xml writes fields as they stand.
// Prefixes are part of the names, because encoding/xml would declare a namespace on every element.

const (
	nsInvoice    = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
	nsCreditNote = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"
	nsAggregate  = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
	nsBasic      = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
)

// head is how both kinds begin.
type head struct {
	Namespace       string `xml:"xmlns,attr"`
	Aggregate       string `xml:"xmlns:cac,attr"`
	Basic           string `xml:"xmlns:cbc,attr"`
	CustomizationID string `xml:"cbc:CustomizationID"`
	ProfileID       string `xml:"cbc:ProfileID"`
	ID              string `xml:"cbc:ID"`
	IssueDate       string `xml:"cbc:IssueDate"`
}

// middle is what both kinds have between their own elements.
type middle struct {
	Currency       string     `xml:"cbc:DocumentCurrencyCode"`
	BuyerReference string     `xml:"cbc:BuyerReference,omitempty"`
	OrderID        *id        `xml:"cac:OrderReference"`
	Corrects       *reference `xml:"cac:BillingReference>cac:InvoiceDocumentReference"`
	Seller         party      `xml:"cac:AccountingSupplierParty>cac:Party"`
	Buyer          party      `xml:"cac:AccountingCustomerParty>cac:Party"`
	Delivery       *delivery  `xml:"cac:Delivery"`
	PaymentMeans   means      `xml:"cac:PaymentMeans"`
	TaxTotal       taxTotal   `xml:"cac:TaxTotal"`
	Totals         totals     `xml:"cac:LegalMonetaryTotal"`
}

type invoice struct {
	XMLName struct{} `xml:"Invoice"`
	head
	DueDate      string `xml:"cbc:DueDate,omitempty"`
	TypeCode     string `xml:"cbc:InvoiceTypeCode"`
	Note         string `xml:"cbc:Note,omitempty"`
	TaxPointDate string `xml:"cbc:TaxPointDate,omitempty"`
	middle
	Lines []line `xml:"cac:InvoiceLine"`
}

type creditNote struct {
	XMLName struct{} `xml:"CreditNote"`
	head
	TaxPointDate string `xml:"cbc:TaxPointDate,omitempty"`
	TypeCode     string `xml:"cbc:CreditNoteTypeCode"`
	Note         string `xml:"cbc:Note,omitempty"`
	middle
	Lines []line `xml:"cac:CreditNoteLine"`
}

type id struct {
	ID string `xml:"cbc:ID"`
}

type reference struct {
	ID        string `xml:"cbc:ID"`
	IssueDate string `xml:"cbc:IssueDate,omitempty"`
}

type party struct {
	Endpoint  *endpoint   `xml:"cbc:EndpointID"`
	ID        *id         `xml:"cac:PartyIdentification"`
	Address   address     `xml:"cac:PostalAddress"`
	TaxScheme []taxNumber `xml:"cac:PartyTaxScheme"`
	Name      string      `xml:"cac:PartyLegalEntity>cbc:RegistrationName"`
	Contact   *contact    `xml:"cac:Contact"`
}

type endpoint struct {
	Scheme string `xml:"schemeID,attr"`
	Value  string `xml:",chardata"`
}

type address struct {
	Street     string `xml:"cbc:StreetName,omitempty"`
	Additional string `xml:"cbc:AdditionalStreetName,omitempty"`
	City       string `xml:"cbc:CityName,omitempty"`
	PostalZone string `xml:"cbc:PostalZone,omitempty"`
	State      string `xml:"cbc:CountrySubentity,omitempty"`
	Country    string `xml:"cac:Country>cbc:IdentificationCode"`
}

type taxNumber struct {
	CompanyID string `xml:"cbc:CompanyID"`
	Scheme    string `xml:"cac:TaxScheme>cbc:ID"`
}

type contact struct {
	Name  string `xml:"cbc:Name,omitempty"`
	Phone string `xml:"cbc:Telephone,omitempty"`
	Email string `xml:"cbc:ElectronicMail,omitempty"`
}

type delivery struct {
	Date    string   `xml:"cbc:ActualDeliveryDate"`
	Address *address `xml:"cac:DeliveryLocation>cac:Address"`
}

type means struct {
	Code    string `xml:"cbc:PaymentMeansCode"`
	DueDate string `xml:"cbc:PaymentDueDate,omitempty"` // of credit notes, which have no DueDate
}

type amount struct {
	Currency string `xml:"currencyID,attr"`
	Value    string `xml:",chardata"`
}

type taxTotal struct {
	Amount amount     `xml:"cbc:TaxAmount"`
	Groups []taxGroup `xml:"cac:TaxSubtotal"`
}

type taxGroup struct {
	Taxable  amount   `xml:"cbc:TaxableAmount"`
	Amount   amount   `xml:"cbc:TaxAmount"`
	Category category `xml:"cac:TaxCategory"`
}

type category struct {
	ID         string `xml:"cbc:ID"`
	Percent    string `xml:"cbc:Percent,omitempty"`
	ReasonCode string `xml:"cbc:TaxExemptionReasonCode,omitempty"`
	Reason     string `xml:"cbc:TaxExemptionReason,omitempty"`
	Scheme     string `xml:"cac:TaxScheme>cbc:ID"`
}

type totals struct {
	Lines        amount `xml:"cbc:LineExtensionAmount"`
	TaxExclusive amount `xml:"cbc:TaxExclusiveAmount"`
	TaxInclusive amount `xml:"cbc:TaxInclusiveAmount"`
	Prepaid      amount `xml:"cbc:PrepaidAmount"`
	Payable      amount `xml:"cbc:PayableAmount"`
}

type line struct {
	ID       int       `xml:"cbc:ID"`
	Invoiced *quantity `xml:"cbc:InvoicedQuantity"`
	Credited *quantity `xml:"cbc:CreditedQuantity"`
	Net      amount    `xml:"cbc:LineExtensionAmount"`
	Item     item      `xml:"cac:Item"`
	Price    price     `xml:"cac:Price"`
}

type quantity struct {
	Unit  string `xml:"unitCode,attr"`
	Value int64  `xml:",chardata"`
}

type item struct {
	Description string   `xml:"cbc:Description,omitempty"`
	Name        string   `xml:"cbc:Name"`
	SKU         *id      `xml:"cac:SellersItemIdentification"`
	Category    category `xml:"cac:ClassifiedTaxCategory"`
}

type price struct {
	Amount amount    `xml:"cbc:PriceAmount"`
	Base   *quantity `xml:"cbc:BaseQuantity"`
}
