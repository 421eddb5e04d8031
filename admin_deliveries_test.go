package checkout

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// deliver does what is due and gives the newest delivery.
func (s *shop) deliver() Delivery {
	s.t.Helper()
	if _, err := s.co.RunOnce(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	list, _, err := s.co.Deliveries(s.t.Context(), DeliveryFilter{Mode: Test})
	if err != nil || len(list) == 0 {
		s.t.Fatalf("no delivery: %v", err)
	}
	return list[0]
}

var deliveryRule = regexp.MustCompile(`deliveries/(dlv_[0-9a-f]{44})`)

func idsOn(page string) (ids []string) {
	for _, m := range deliveryRule.FindAllStringSubmatch(page, -1) {
		ids = append(ids, m[1])
	}
	return slices.Compact(ids)
}

func TestDeliveriesAreListedInPages(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		r := newReceiver(t, func(n int) int { return map[bool]int{true: 500, false: 200}[n%10 == 0] })
		id, _ := s.addEndpoint(r.URL, webhook.SessionCompleted)
		session := ""
		for range deliveriesPerPage + 5 {
			session = s.create(seedBody)
			s.pay(session, "4242424242424242")
			s.clock.advance(time.Second)
		}
		s.deliver()
		first := s.admin(manager, "/test/deliveries").Body.String()
		older := regexp.MustCompile(`href="([^"]*after=[^"]*)" rel="next"`).FindStringSubmatch(first)
		if len(idsOn(first)) != deliveriesPerPage || older == nil || strings.Contains(first, `rel="prev"`) {
			t.Fatalf("the first page has %d, older %v", len(idsOn(first)), older)
		}
		u, err := url.Parse("http://shop.test/admin/checkout/test/deliveries")
		if err != nil {
			t.Fatal(err)
		}
		next, err := u.Parse(html.UnescapeString(older[1]))
		if err != nil {
			t.Fatal(err)
		}
		second := s.admin(manager, strings.TrimPrefix(next.RequestURI(), "/admin/checkout")).Body.String()
		if got := idsOn(second); len(got) != 5 || strings.Contains(second, `rel="next"`) || !strings.Contains(second, `rel="prev"`) || slices.Contains(idsOn(first), got[0]) {
			t.Errorf("the second page has %d", len(got))
		}
		back := regexp.MustCompile(`href="([^"]*before=[^"]*)" rel="prev"`).FindStringSubmatch(second)
		if next, err = u.Parse(html.UnescapeString(back[1])); err != nil {
			t.Fatal(err)
		}
		if again := s.admin(manager, strings.TrimPrefix(next.RequestURI(), "/admin/checkout")).Body.String(); !slices.Equal(idsOn(again), idsOn(first)) {
			t.Error("the way back leads to another page")
		}
		for query, want := range map[string]int{
			"session=" + session: 1, "state=pending": 5, "state=failed": 0, "endpoint=" + id + "&state=delivered": 50, "state=nonsense&endpoint=x": 50,
			"session=" + url.QueryEscape(`"><script>`): 0, "after=x&before=y": 50,
		} {
			page := s.admin(manager, "/test/deliveries?"+query).Body.String()
			if got := len(idsOn(page)); got != want || strings.Contains(page, "<script>") {
				t.Errorf("%s lists %d, want %d", query, got, want)
			}
		}
		if page := s.admin(manager, "/live/deliveries").Body.String(); len(idsOn(page)) != 0 {
			t.Error("live mode lists test deliveries")
		}
	})
}

func TestADeliveryShowsWhatWentOverTheWire(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		answered := 0
		r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			answered++
			w.Header().Set("X-Trace", "<i>trace</i>")
			w.WriteHeader(map[bool]int{true: 500, false: 204}[answered == 1])
			if answered == 1 {
				_, _ = w.Write([]byte("</pre><script>alert(1)</script>"))
			}
		}))
		t.Cleanup(r.Close)
		id, secret := s.addEndpoint(r.URL+"/it's", webhook.SessionCompleted)
		s.pay(s.create(strings.Replace(seedBody, "12345", "it's <b>\u2028", 1)), "4242424242424242")
		d := s.deliver()
		detail, err := s.co.GetDelivery(t.Context(), d.ID)
		if err != nil {
			t.Fatal(err)
		}
		at := "/test/deliveries/" + d.ID
		raw := s.admin(manager, at).Body.String()
		page := html.UnescapeString(raw)
		first := detail.Attempts[0]
		for _, want := range []string{
			detail.Body, first.Signature, *first.StandardSignature, "HTTP 500", "X-Trace: <i>trace</i>", "Error of the receiver", d.EventID,
			detail.Attempts[0].Signature[2:12] + "." + detail.Body, "Next try",
		} {
			if !strings.Contains(page, want) {
				t.Errorf("the page lacks %s: %s", want, page)
			}
		}
		if strings.Contains(raw, "<script>alert") || strings.Contains(raw, "<i>trace") || strings.Contains(page, secret) {
			t.Error("the page shows what it must not")
		}
		s.sendsAsCurlSays(page, detail.Body, secret)
		if reader := s.admin(person{Actor: Actor{ID: "r"}, access: AccessRead}, at).Body.String(); strings.Contains(reader, "Signed just now") || strings.Contains(reader, "<form method") {
			t.Error("somebody who may only read gets a signed request or a form")
		}
		if w := s.adminPost(manager, at+"/resend", nil); w.Code != http.StatusSeeOther {
			t.Errorf("resend answered %d: %s", w.Code, w.Body)
		}
		if s.deliver().Status != DeliveryDelivered || answered != 2 {
			t.Errorf("it was sent %d times", answered)
		}
		if w := s.adminPost(manager, "/test/settings/webhook/"+id+"/disable", nil); w.Code != http.StatusSeeOther {
			t.Fatal(w.Code)
		}
		if w := s.adminPost(manager, at+"/resend", nil); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "switched off") {
			t.Errorf("resending to a disabled endpoint answered %d", w.Code)
		}
		for _, path := range []string{"/live/deliveries/" + d.ID, "/test/deliveries/x", "/test/deliveries/" + newID(prefixDelivery, s.clock.now())} {
			if w := s.admin(manager, path); w.Code != http.StatusNotFound {
				t.Errorf("%s answers %d", path, w.Code)
			}
		}
	})
}

// sendsAsCurlSays reads the command of the page as a shell would and verifies its signature.
func (s *shop) sendsAsCurlSays(page, body, secret string) {
	s.t.Helper()
	i := strings.Index(page, "curl -i -X POST ")
	if i < 0 {
		s.t.Fatal("no command")
	}
	var words []string
	for rest := page[i:]; ; {
		from := strings.IndexByte(rest, '\'')
		if from < 0 || strings.Contains(rest[:from], "<") {
			break
		}
		rest = strings.ReplaceAll(rest[from+1:], `'\''`, "\x00")
		word, after, _ := strings.Cut(rest, "'")
		words, rest = append(words, strings.ReplaceAll(word, "\x00", "'")), strings.ReplaceAll(after, "\x00", `'\''`)
	}
	if words[0] == "" || !strings.HasSuffix(words[0], "/it's") || words[len(words)-1] != body {
		s.t.Errorf("the command says %q", words)
	}
	for _, w := range words {
		if header, ok := strings.CutPrefix(w, "X-JoPay-Signature: "); ok {
			if err := webhook.Verify([]byte(body), header, secret, webhook.WithClock(s.clock.now)); err != nil {
				s.t.Errorf("the command's signature: %v", err)
			}
			return
		}
	}
	s.t.Errorf("no signature in %q", words)
}

func TestALiveDeliveryIsNotSignedForAnybody(t *testing.T) {
	s := oneShop(t)
	id, secret, err := s.co.CreateEndpoint(t.Context(), EndpointParams{Mode: Live, URL: "https://hooks.example/"})
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.co.store.endpoint(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	a := &adminCall{Checkout: s.co, r: httptest.NewRequestWithContext(t.Context(), "GET", "/", nil), access: AccessManage, mode: Live}
	curl, valid, err := a.curlOf(e, DeliveryDetail{Body: "{}"})
	if err != nil || valid || !strings.Contains(curl, "t=…,v1=…") || regexp.MustCompile(`v1=[0-9a-f]`).MatchString(curl) || strings.Contains(curl, secret) {
		t.Errorf("the command is %s (%v, %v)", curl, valid, err)
	}
}

func TestWhy401OnThePage(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		answer := ""
		r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(answer))
		}))
		t.Cleanup(r.Close)
		_, other := s.addEndpoint("https://elsewhere.example/", webhook.RefundFailed)
		s.clock.advance(time.Second)
		_, secret := s.addEndpoint(r.URL, webhook.SessionCompleted)
		s.pay(s.create(seedBody), "4242424242424242")
		d := s.deliver()
		detail, err := s.co.GetDelivery(t.Context(), d.ID)
		if err != nil {
			t.Fatal(err)
		}
		right := detail.Attempts[0].Signature[2:12] + "." + detail.Body
		at := "/test/deliveries/" + d.ID + "/why"
		for computed, want := range map[string]string{
			signHMAC(secret[6:], right):      "The secret is used without whsec_",
			signHMAC(secret, detail.Body):    "The time is missing",
			signHMAC(other, right):           "https://elsewhere.example/",
			signHMAC(secret, right):          "This signature is right",
			strings.Repeat("00", 32):         "None of the usual mistakes",
			"<script>alert(1)</script>":      "There is no signature",
			signHMAC("", right) + "\u202e\"": "The secret is empty",
		} {
			w := s.adminPost(manager, at, url.Values{"signature": {computed}, "seen": {""}})
			if page := html.UnescapeString(w.Body.String()); w.Code != http.StatusOK || !strings.Contains(page, want) || strings.Contains(w.Body.String(), "<script>alert") ||
				strings.Contains(page, secret) || strings.Contains(page, other) {
				t.Errorf("%s answered %d without %q: %s", computed, w.Code, want, page)
			}
		}
		answer = `{"expected":"` + signHMAC(secret+"\n", right) + `"}`
		s.clock.advance(time.Minute)
		s.deliver()
		if page := s.admin(manager, "/test/deliveries/"+d.ID).Body.String(); !strings.Contains(page, "holds a signature") || !strings.Contains(page, "a line break behind the secret") {
			t.Errorf("the answer was not read: %s", page)
		}
	})
}

func TestResendingToAllGoesNoFurtherBackThanAnEndpoint(t *testing.T) {
	made := time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
	e := Endpoint{CreatedAt: made}
	for since, want := range map[time.Time]time.Time{made.Add(-time.Hour): made, made: made, made.Add(time.Hour): made.Add(time.Hour)} {
		if got := e.owedFrom(since); !got.Equal(want) {
			t.Errorf("from %v it is %v, want %v", since, got, want)
		}
	}
}
