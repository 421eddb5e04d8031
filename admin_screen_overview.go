package checkout

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// overviewScreen is how the shop is doing.
type overviewScreen struct {
	Periods     []overviewPeriod
	Charts      []chart
	Refunds     []Refund // that wait for a person, the oldest
	Transfers   int      // that wait for a person
	MoreRefunds bool
	Unissued    bool       // some document could not be issued
	Trouble     []Endpoint // that are off, or have given up on something
	Readable    bool       // webhook secrets can be read in the database
	Setup       []setupStep
	Start       *startHelp // when there is no payment yet
}

// Ready tells whether all of the setup is done.
func (s overviewScreen) Ready() bool {
	return !slices.ContainsFunc(s.Setup, func(step setupStep) bool { return !step.Done })
}

// Waiting tells whether something waits for a person.
func (s overviewScreen) Waiting() bool { return len(s.Refunds)+s.Transfers > 0 }

// bannerRefunds is how many refunds the banner names.
const bannerRefunds = 5

// overviewPeriod is a period with a line for each currency.
type overviewPeriod struct {
	Name string // today, week or month
	period
	Lines []periodLine
}

// periodLine is what came and went in one currency.
type periodLine struct {
	Currency       string
	Paid, Refunded sum
}

// Count is the number of payments, as catalogues count.
func (l periodLine) Count() int { return int(l.Paid.Count) }

func periodOf(name string, p period) overviewPeriod {
	both := maps.Clone(p.Paid)
	maps.Copy(both, p.Refunded)
	o := overviewPeriod{Name: name, period: p}
	for _, currency := range slices.Sorted(maps.Keys(both)) {
		o.Lines = append(o.Lines, periodLine{currency, p.Paid[currency], p.Refunded[currency]})
	}
	return o
}

// ExpiredCount is how many sessions ended unpaid, as catalogues count.
func (p overviewPeriod) ExpiredCount() int { return int(p.Expired) }

// Success is the success rate in basis points to a tenth of a percent, negative where no session has ended.
func (p overviewPeriod) Success() int64 {
	rate, ok := p.SuccessRate()
	if !ok {
		return -1
	}
	return int64(rate+5) / 10 * 10
}

// chart is what was paid on each of the last days in one currency.
type chart struct {
	Currency string
	Total    int64
	Bars     []chartBar
}

// chartBar is a day; X, Y and Height are in the units of the drawing.
type chartBar struct {
	Day          time.Time
	Amount       int64
	Count        int64
	X, Y, Height int
}

// The drawing's units: 30 bars and what is between them.
const (
	chartHeight = 100
	chartStep   = 12
)

func chartOf(currency string, series []bar) chart {
	c := chart{Currency: currency}
	highest := int64(1)
	for _, b := range series {
		highest = max(highest, b.Amount)
	}
	for i, b := range series {
		height := int(b.Amount * chartHeight / highest)
		if b.Amount > 0 {
			height = max(height, 2) // what came in is seen
		}
		c.Total += b.Amount
		c.Bars = append(c.Bars, chartBar{b.Day, b.Amount, b.Count, i * chartStep, chartHeight - height, height})
	}
	return c
}

// Width is the drawing's.
func (c chart) Width() int { return len(c.Bars) * chartStep }

// First and Last are the days at its ends.
func (c chart) First() time.Time { return c.Bars[0].Day }
func (c chart) Last() time.Time  { return c.Bars[len(c.Bars)-1].Day }

// setupStep is something a shop needs before it can take money.
type setupStep struct {
	Name string // a key under setup.
	Path string // of the screen where it is done; empty where only the host's code can
	Done bool
}

// getOverview is GET /{mode}.
func (a *adminCall) getOverview() error {
	figures, err := a.queries.overview(a.ctx(), a.mode, a.now())
	if err != nil {
		return err
	}
	s := overviewScreen{Periods: []overviewPeriod{
		periodOf("today", figures.Today), periodOf("week", figures.Week), periodOf("month", figures.Month),
	}}
	for _, currency := range figures.Currencies {
		s.Charts = append(s.Charts, chartOf(currency, figures.Series[currency]))
	}
	person, err := a.queries.needsPerson(a.ctx(), a.mode)
	if err != nil {
		return err
	}
	if s.Unissued, err = a.store.anyStuckDocument(a.ctx(), a.mode); err != nil {
		return err
	}
	s.Refunds, s.Transfers = person.Refunds[:min(len(person.Refunds), bannerRefunds)], len(person.Transfers)
	s.MoreRefunds = len(person.Refunds) > bannerRefunds
	if err := a.addSetup(&s); err != nil {
		return err
	}
	return a.show(http.StatusOK, "overview", "overview", s)
}

// addSetup looks at what the shop is made of.
func (a *adminCall) addSetup(s *overviewScreen) error {
	endpoints, err := a.Endpoints(a.ctx(), a.mode)
	if err != nil {
		return err
	}
	if s.Trouble, err = a.troubled(endpoints); err != nil {
		return err
	}
	s.Readable = len(endpoints) > 0 && !a.SecretsSealed()
	keys, err := a.Keys(a.ctx())
	if err != nil {
		return err
	}
	s.Setup = []setupStep{
		{"key", "/settings/keys", slices.ContainsFunc(keys, func(k Key) bool { return k.Mode == a.mode && works(k, a.now()) })},
		{"webhook", "/settings/webhook", slices.ContainsFunc(endpoints, func(e Endpoint) bool { return e.Enabled })},
		{"seller", "", a.cfg.Seller.LegalName != ""},
	}
	if a.mode == Live {
		s.Setup = append(s.Setup, setupStep{"provider", "", a.takesMoney()})
	}
	any, _, err := a.Sessions(a.ctx(), SessionFilter{Mode: a.mode, Limit: 1})
	if err == nil && len(any) == 0 {
		s.Start, err = a.startHelp()
	}
	return err
}

// takesMoney tells whether a provider of the mode offers something. Providers are asked for an order in the currencies that
// are most used; one that takes none of these is not seen.
func (a *adminCall) takesMoney() bool {
	return slices.ContainsFunc([]string{"eur", "usd", "gbp", "chf", "jpy"}, func(currency string) bool {
		return len(a.offers(a.ctx(), a.mode, MethodQuery{Amount: 5000, Currency: currency})) > 0
	})
}

// givenUpWindow is how old a webhook may be that was given up: what lies further back is history.
const givenUpWindow = 7 * 24 * time.Hour

// troubled are the endpoints that are off or fail now, and those that lately gave up on a webhook.
func (a *adminCall) troubled(endpoints []Endpoint) (list []Endpoint, err error) {
	for _, e := range endpoints {
		gaveUp, err := a.store.gaveUp(a.ctx(), e.ID, a.now().Add(-givenUpWindow))
		if err != nil {
			return nil, err
		}
		if !e.Enabled || e.SecretLost || e.FailingSince != nil || gaveUp {
			list = append(list, e)
		}
	}
	return list, nil
}
