package checkout

import (
	"net/http"
	"net/url"
	"slices"
)

// businessScreen is what the module knows of the seller, and what is missing for invoices.
type businessScreen struct {
	Seller   []labelled // as it stands on documents
	Needs    []sellerNeed
	Complete bool
	Small    bool
	Off      bool // the host makes its own documents
	Numbers  []nextNumber
	Printer  bool
	XML      bool
	Mailer   bool
	From     string
	SendTest bool
	Locales  []labelled // to choose from: tag and own name
	Locale   string     // of the preview
	Preview  url.Values
}

// sellerNeed is a detail that invoices need, and the setting that holds it.
type sellerNeed struct {
	Name    omission
	Setting string
	Done    bool
}

// nextNumber is what the next document of a kind will be called this year.
type nextNumber struct {
	Kind   DocumentKind
	Number string
}

// settingOf names what to set for a detail of the seller.
var settingOf = map[omission]string{
	noSellerName: "Seller.LegalName", noSellerStreet: "Seller.Address.Line1", noSellerPostcode: "Seller.Address.PostalCode", noSellerCity: "Seller.Address.City",
	noSellerCountry: "Seller.Address.Country", noSellerTaxID: "Seller.VATID, Seller.TaxNumber",
}

// sellerNeeds are in the order of an address.
var sellerNeeds = []omission{noSellerName, noSellerStreet, noSellerPostcode, noSellerCity, noSellerCountry, noSellerTaxID}

// getBusiness is GET /{mode}/settings/business.
func (a *adminCall) getBusiness() error {
	d, lacks, err := a.sampleDocument(a.mode, a.sampleLocale())
	if err != nil {
		return err
	}
	numbers, err := a.nextNumbers()
	if err != nil {
		return err
	}
	s := businessScreen{
		Seller: a.sellerLines(), Complete: len(lacks) == 0, Small: a.cfg.Seller.SmallBusiness, Off: a.cfg.Documents.Off, Numbers: numbers, Printer: a.cfg.Printer != nil,
		XML: d.Profile != "", Mailer: a.cfg.Mailer != nil, From: a.cfg.Mail.From, SendTest: a.cfg.Mail.SendTest, Locale: a.sampleLocale(),
		Preview: url.Values{"locale": {a.sampleLocale()}},
	}
	for _, tag := range a.pages.texts.tags {
		s.Locales = append(s.Locales, labelled{Label: tag, Value: a.pages.texts.say(tag, "language")})
	}
	for _, name := range sellerNeeds {
		s.Needs = append(s.Needs, sellerNeed{name, settingOf[name], !slices.Contains(lacks, name)})
	}
	h := a.w.Header()
	h.Set("Content-Security-Policy", h.Get("Content-Security-Policy")+"; frame-src 'self'")
	return a.show(http.StatusOK, "business", "business", s)
}

// sampleLocale is the language of the preview: the person's choice, else that of the admin.
func (a *adminCall) sampleLocale() string {
	lang, _ := a.pages.texts.locale(shorten(a.r.URL.Query().Get("locale"), 35), a.lang)
	return lang
}

func (a *adminCall) sellerLines() []labelled {
	s := a.cfg.Seller
	list := []labelled{
		{"seller.name", s.LegalName, false}, {"seller.line1", s.Address.Line1, false}, {"seller.line2", s.Address.Line2, false},
		{"seller.postal_code", s.Address.PostalCode, false}, {"seller.city", s.Address.City, false}, {"seller.state", s.Address.State, false},
		{"seller.country", s.Address.Country, false}, {"seller.vat_id", s.VATID, false}, {"seller.tax_number", s.TaxNumber, false},
		{"seller.contact", s.Contact, false}, {"seller.email", s.Email, false}, {"seller.phone", s.Phone, false}, {"seller.time_zone", s.TimeZone.String(), false},
	}
	return slices.DeleteFunc(list, func(l labelled) bool { return l.Value == "" })
}

// nextNumbers are those of all kinds in the seller's present year.
func (a *adminCall) nextNumbers() (list []nextNumber, err error) {
	year := a.yearOf(a.now())
	var series []string
	for _, kind := range documentKinds {
		series = append(series, a.seriesOf(a.mode, kind))
	}
	begun, err := a.store.nextNumbers(a.ctx(), year, series)
	for i, kind := range documentKinds {
		next := int64(1)
		for _, n := range begun {
			if n.Series == series[i] {
				next = n.Next
			}
		}
		list = append(list, nextNumber{kind, documentNumber(series[i], year, next)})
	}
	return list, err
}

// sample is the document of the previews.
func (a *adminCall) sample() (Document, error) {
	d, _, err := a.sampleDocument(a.mode, a.sampleLocale())
	return d, err
}

// getBusinessSheet is GET /{mode}/settings/business/sheet: the sample for the frame of our own page only.
func (a *adminCall) getBusinessSheet() error {
	d, err := a.sample()
	if err != nil {
		return err
	}
	return a.writeSheet(d)
}

// getBusinessPDF is GET /{mode}/settings/business/pdf.
func (a *adminCall) getBusinessPDF() error {
	d, err := a.sample()
	if err != nil {
		return err
	}
	return a.writePDF(a.w, a.r, d)
}

// getBusinessXML is GET /{mode}/settings/business/xml.
func (a *adminCall) getBusinessXML() error {
	d, err := a.sample()
	if err != nil {
		return err
	}
	return a.writeXML(a.w, d)
}
