package checkout

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const nastyText = `<script>alert(1)</script>"'&` + "\u202e" + `مرحبا`

// nastyBody is an order whose every text is an attack on the page that shows it.
var nastyBody = `{"line_items":[{"name":"<script>alert(1)</script>\"'&\u202eمرحبا","amount":2500,"currency":"eur","quantity":1,"description":"<img src=x onerror=alert(1)>",` +
	`"sku":"<b>","tax_rate_bp":1900,"tax_name":"<i>"}],"customer_email":"customer@example.com","client_reference_id":"<script>alert(1)</script>` + strings.Repeat("x", 150) + `",` +
	`"success_url":"https://yoursite.com/success?a=%3Cscript%3E","cancel_url":"https://yoursite.com/cancel","metadata":{"<script>alert(1)</script>":"<img src=x onerror=alert(1)>"},` +
	`"billing_details":{"name":"<script>alert(1)</script>","company":"` + strings.Repeat("long ", 30) + `","tax_id":"<b>"}}`

// adminOK opens a screen that has to be there.
func (s *shop) adminOK(p person, path string) string {
	s.t.Helper()
	w := s.admin(p, path)
	if w.Code != http.StatusOK {
		s.t.Fatalf("GET %s answers %d: %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

func TestPaymentScreensShowEverythingAndEscapeIt(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id := s.create(nastyBody)
		s.payWire(id)
		ref := a.ref(s.attempts(id)[0].ID)
		waiting, _ := s.awaited(a)
		record := func(ref string, amount int64, key string) {
			t.Helper()
			if _, err := s.co.RecordTransfer(t.Context(), ref, amount, Transfer{Key: key, Text: nastyText, Payer: nastyText, Actor: nastyText}); err != nil {
				t.Fatal(err)
			}
		}
		record(ref, 2600, "surplus")
		record("", 2500, "nameless")
		s.work()
		for _, lang := range []string{"en", "de"} {
			for _, path := range []string{"", "/payments", "/payments/" + id, "/payments/" + id + "/refund", "/payments/" + waiting, "/payments/" + waiting + "/expire", "/transfers", "/audit"} {
				wantGoodPage(t, path, s.adminOK(manager, "/live"+path+"?lang="+lang))
			}
			wantGoodPage(t, "settle", s.adminOK(manager, "/live/refunds/"+s.refundOf(id).ID+"/settle?lang="+lang))
			wantGoodPage(t, "empty overview", s.adminOK(manager, "/test?lang="+lang))
			wantGoodPage(t, "empty list", s.adminOK(manager, "/test/payments?lang="+lang))
		}
		page := s.adminOK(manager, "/live/payments/"+id)
		for _, want := range []string{
			"€25.00", "incl. <bdi>&lt;i&gt;</bdi> <bdi>19%</bdi>", ">customer@example.com<", "&lt;img src=x onerror=alert(1)&gt;", ref, "More came than was due",
			"/refunds/" + s.refundOf(id).ID + "/settle", "1 ×", "Attempt <bdi>1</bdi> paid", "&#34;payment_status&#34;: &#34;paid&#34;", "checkout.session.completed",
		} {
			if !strings.Contains(page, want) {
				t.Errorf("the payment lacks %s", want)
			}
		}
		if page := s.adminOK(manager, "/live"); !strings.Contains(page, "Pay back") || !strings.Contains(page, "1</bdi> transfer names no order") {
			t.Errorf("the overview does not say what waits: %s", page)
		}
	})
}

var (
	controlRule = regexp.MustCompile(`<(?:input|select|textarea) [^>]*>`)
	idRule      = regexp.MustCompile(` id="([^"]*)"`)
	tableRule   = regexp.MustCompile(`(?s)<table[ >].*?</table>`)
)

// wantGoodPage holds a page to what every page of the admin has to be.
func wantGoodPage(t *testing.T, name, page string) {
	t.Helper()
	for _, bad := range []string{"<script>", "<img", "<b>", "<i>", "\u202e", " style=", "onclick=", "ZgotmplZ", "{{", "&lt;bdi&gt;", ">label.", ">standing.", ">timeline.", ">transfers.", ">overview.", ">payment"} {
		if strings.Contains(page, bad) {
			t.Errorf("%s contains %s: %s", name, bad, around(page, bad))
		}
	}
	if n := strings.Count(page, "<h1"); n != 1 {
		t.Errorf("%s has %d headings of the first rank", name, n)
	}
	ids := map[string]bool{}
	for _, m := range idRule.FindAllStringSubmatch(page, -1) {
		if ids[m[1]] {
			t.Errorf("%s has the id %s twice", name, m[1])
		}
		ids[m[1]] = true
	}
	for _, control := range controlRule.FindAllString(page, -1) {
		m := idRule.FindStringSubmatch(control)
		if !strings.Contains(control, `type="hidden"`) && (m == nil || !strings.Contains(page, `<label for="`+m[1]+`"`)) {
			t.Errorf("%s: nothing labels %s", name, control)
		}
	}
	for _, table := range tableRule.FindAllString(page, -1) {
		if !strings.Contains(table, `<th scope="col"`) {
			t.Errorf("%s has a table without headers: %s", name, table)
		}
	}
}

func around(page, part string) string {
	i := strings.Index(page, part)
	return page[max(0, i-80):min(len(page), i+80)]
}

func TestEmptyScreensTellTheNextStep(t *testing.T) {
	s := oneShop(t)
	for _, path := range []string{"/test", "/test/payments"} {
		page := s.adminOK(manager, path)
		for _, want := range []string{"http://shop.test/api/checkout/v1/sessions", s.key[:12] + "…", "No payments yet"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %s: %s", path, want, page)
			}
		}
		if strings.Contains(page, s.key) {
			t.Errorf("%s shows the whole key", path)
		}
	}
	if page := s.adminOK(manager, "/test/payments?email=nobody%40example.com"); !strings.Contains(page, "No payments match.") || !strings.Contains(page, "Clear filters") {
		t.Errorf("a filter that nothing matches shows %s", page)
	}
	if page := s.adminOK(manager, "/live"); !strings.Contains(page, "/settings/keys") || !strings.Contains(page, "Connect a payment provider") {
		t.Errorf("the set-up of live mode is %s", page)
	}
	if w := s.admin(manager, "/test/transfers"); w.Code != http.StatusNotFound || strings.Contains(s.adminOK(manager, "/test"), "/transfers") {
		t.Errorf("without an account there are transfers: %d", w.Code)
	}
}

// sessionsOn are the ids on a page of the payments list, in order.
func sessionsOn(page string) (ids []string) {
	for _, link := range hrefsOf(page) {
		if _, id, ok := strings.Cut(link, "payments/cs_"); ok {
			ids = append(ids, "cs_"+strings.TrimSuffix(id, "?lang=de"))
		}
	}
	return ids
}

func TestPaymentsCanBeFiltered(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		paid := s.create(seedBody)
		s.pay(paid, "4242424242424242")
		s.clock.advance(48 * time.Hour)
		yen := s.create(`{"line_items":[{"name":"Matcha","amount":2500,"currency":"jpy","quantity":1}],"customer_email":"hanako@example.jp","client_reference_id":"A 7",` +
			`"success_url":"https://yoursite.com/success","cancel_url":"https://yoursite.com/cancel","metadata":{"order_id":7}}`)
		attempt := s.attempts(paid)[0]
		for query, want := range map[string][]string{
			"":                                 {yen, paid},
			"status=completed":                 {paid},
			"status=pending":                   {yen},
			"payment_status=paid":              {paid},
			"email=+customer%40example.com+":   {paid},
			"currency=jpy":                     {yen},
			"reference=A+7":                    {yen},
			"id=" + attempt.ID:                 {paid},
			"id=" + attempt.Ref:                {paid},
			"id=" + yen:                        {yen},
			"metadata=order_id%3D12345":        {paid},
			"metadata=order_id%3D7":            {yen},
			"from=2025-01-12":                  {yen},
			"to=2025-01-10":                    {paid},
			"from=2025-01-10&to=2025-01-12":    {yen, paid},
			"currency=eur&min=25&max=25.00":    {paid},
			"currency=eur&min=25.01":           nil,
			"currency=jpy&min=2500":            {yen},
			"currency=jpy&max=2499":            nil,
			"status=completed&currency=jpy":    nil,
			"metadata=order_id%3D7&currency=x": nil,
		} {
			if got := sessionsOn(s.adminOK(manager, "/test/payments?"+query)); !slices.Equal(got, want) {
				t.Errorf("%q lists %v, want %v", query, got, want)
			}
			lines := strings.Split(strings.TrimSpace(s.adminOK(manager, "/test/payments.csv?"+query)), "\r\n")
			if len(lines)-1 != len(want) {
				t.Errorf("the CSV of %q has %d lines, want %d", query, len(lines)-1, len(want))
			}
		}
		for query, field := range map[string]string{
			"status=x": "status", "payment_status=x": "payment_status", "min=1": "currency", "currency=jpy&min=1.5": "min", "currency=eur&max=1e3": "max",
			"from=tomorrow": "from", "to=2025-02-30": "to", "metadata=x": "metadata", "metadata=%3Dx": "metadata",
		} {
			w := s.admin(manager, "/test/payments?"+query)
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `<a href="#`+field+`">`) || !strings.Contains(w.Body.String(), `aria-invalid="true"`) {
				t.Errorf("%q answers %d without naming %s: %s", query, w.Code, field, w.Body)
			}
			if w := s.admin(manager, "/test/payments.csv?"+query); w.Code != http.StatusBadRequest {
				t.Errorf("the CSV of %q answers %d", query, w.Code)
			}
		}
		if w := s.admin(manager, "/live/payments/"+paid); w.Code != http.StatusNotFound {
			t.Errorf("a test payment is shown in live mode: %d", w.Code)
		}
	})
}

func TestPagesOfPaymentsAreSmallAndLinked(t *testing.T) {
	s := oneShop(t)
	var all []string
	for i := range 101 {
		s.clock.advance(time.Second)
		all = append(all, s.create(strings.Replace(seedBody, "customer@", fmt.Sprintf("customer-with-a-longer-address-%d@", i), 1)))
	}
	slices.Reverse(all)
	var got []string
	path := "/test/payments?currency=eur&lang=de"
	for path != "" {
		page := s.adminOK(manager, path)
		if size := gzipped([]byte(page)); size > 30<<10 {
			t.Errorf("%s has %d bytes", path, size)
		}
		got = append(got, sessionsOn(page)...)
		path = ""
		if _, rest, ok := strings.Cut(page, `rel="next"`); ok {
			before, _, _ := strings.Cut(page, `" rel="next"`+rest[:1])
			path = "/test/payments" + strings.ReplaceAll(before[strings.LastIndex(before, `href="`)+6:], "&amp;", "&")
			if !strings.Contains(path, "currency=eur") || !strings.Contains(path, "lang=de") {
				t.Fatalf("the next page is %s", path)
			}
		}
	}
	if !slices.Equal(got, all) {
		t.Errorf("the pages list %d sessions, want %d in order", len(got), len(all))
	}
	back := s.adminOK(manager, "/test/payments?before="+all[100])
	if ids := sessionsOn(back); !slices.Equal(ids, all[50:100]) {
		t.Errorf("back from the end are %d sessions", len(ids))
	}
	if w := s.admin(manager, "/test/payments?after=x"); w.Code != http.StatusBadRequest {
		t.Errorf("a cursor that is none answers %d", w.Code)
	}
}

func TestExportIsAFile(t *testing.T) {
	s := oneShop(t)
	s.create(strings.Replace(seedBody, "customer@example.com", "=cmd@example.com", 1))
	w := s.admin(manager, "/test/payments.csv")
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="payments-test-2025-01-10.csv"` {
		t.Errorf("Content-Disposition is %s", got)
	}
	if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "text/csv") || !strings.Contains(w.Body.String(), ",'=cmd@example.com,") {
		t.Errorf("the file is %s: %s", got, w.Body)
	}
}

// brokenPipe takes nothing of the first write, and what comes after it.
type brokenPipe struct {
	*httptest.ResponseRecorder
	broke bool
}

func (p *brokenPipe) Write(b []byte) (int, error) {
	if !p.broke {
		p.broke = true
		return 0, errHost
	}
	return p.ResponseRecorder.Write(b)
}

// A file that is not whole must not look like one: the connection breaks off.
func TestAnExportThatFailsBreaksOff(t *testing.T) {
	s := oneShop(t)
	s.create(seedBody)
	pipe := &brokenPipe{ResponseRecorder: httptest.NewRecorder()}
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("the handler ends with %v", p)
		}
		if got := pipe.Body.String(); got != "\ufeff\r\n# incomplete\r\n" {
			t.Errorf("the last line is %q", got)
		}
		if !strings.Contains(s.log.String(), "an export broke off") {
			t.Errorf("the log is silent: %s", s.log)
		}
	}()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/admin/checkout/test/payments.csv", nil)
	s.co.Admin(manager.authorize).ServeHTTP(pipe, r)
}

// A look changes nothing: neither what is stored, nor the log of changes.
func TestLookingChangesNothing(t *testing.T) {
	s := oneShop(t)
	id := s.create(seedBody)
	open := s.create(seedBody)
	s.pay(id, "4242424242424242")
	before := s.count("audit", "1 = 1") + s.count("refunds", "1 = 1")
	for _, path := range []string{"", "/payments", "/payments/" + id, "/payments/" + id + "/refund?amount=1&step=confirmed&seen=0", "/payments/" + open + "/expire", "/payments/" + open + "/confirm"} {
		s.admin(manager, "/test"+path)
	}
	if after := s.count("audit", "1 = 1") + s.count("refunds", "1 = 1"); after != before || s.get(open)["status"] != "pending" {
		t.Errorf("there are %d rows more", after-before)
	}
	reader := person{Actor: Actor{ID: "r"}, access: AccessRead}
	for _, path := range []string{"/payments/" + id + "/refund", "/payments/" + open + "/expire", "/payments/" + open + "/confirm"} {
		if w := s.admin(reader, "/test"+path); w.Code != http.StatusForbidden {
			t.Errorf("GET %s answers %d to a reader", path, w.Code)
		}
		if w := s.adminPost(reader, "/test"+path, url.Values{"step": {"confirmed"}, "seen": {"0"}, "amount": {"1"}}); w.Code != http.StatusForbidden {
			t.Errorf("POST %s answers %d to a reader", path, w.Code)
		}
	}
	if page := s.adminOK(reader, "/test/payments/"+id); strings.Contains(page, "/refund") {
		t.Errorf("a reader is offered a refund: %s", page)
	}
}
