package checkout

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

// Every screen of the admin is at most 30 KiB compressed, also with long orders, long bodies and many failed attempts.
func TestEveryAdminScreenIsSmall(t *testing.T) {
	s := oneShop(t)
	random := rand.New(rand.NewPCG(1, 2))
	r := newReceiver(t, func(int) int { return http.StatusInternalServerError })
	id, _ := s.addEndpoint(r.URL, webhook.SessionCompleted)
	session := s.create(longOrder(random))
	s.pay(session, "4242424242424242")
	for range maxAttempts {
		s.deliver()
		s.clock.advance(25 * time.Hour)
	}
	for range 50 {
		s.adminPost(manager, "/test/settings/webhook/"+id, url.Values{"url": {r.URL + "/" + hexOf(random, 40)}, "events": allEvents, "payload": {"full"}})
	}
	body := `{"data":"` + hexOf(random, maxPayload-20) + `"}`
	answer := hexOf(random, answerKept)
	for _, change := range [][2]string{{"UPDATE {events} SET payload = ?", body}, {"UPDATE {delivery_attempts} SET response = ?", answer}} {
		if _, err := s.co.store.direct(t.Context()).exec(change[0], change[1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range s.everyAdminPath(session) {
		w := s.admin(manager, path)
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			continue
		}
		if size := gzipped(w.Body.Bytes()); size > 30<<10 {
			t.Errorf("%s has %d bytes", path, size)
		}
	}
}

func hexOf(random *rand.Rand, n int) string {
	b := make([]byte, n/2)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return hex.EncodeToString(b)
}

// longOrder has as many items as there may be, and as many metadata.
func longOrder(random *rand.Rand) string {
	var items, metadata []string
	for i := range maxLineItems {
		items = append(items, fmt.Sprintf(`{"name":"Premium coffee beans, roasted on day %d","description":"From lot %s, packed in paper","amount":%d,"currency":"eur","quantity":1}`, i, hexOf(random, 16), 100+i))
	}
	for i := range maxMetadataKeys {
		metadata = append(metadata, fmt.Sprintf(`"key_%d":"%s"`, i, hexOf(random, 60)))
	}
	return `{"line_items":[` + strings.Join(items, ",") + `],"customer_email":"customer@example.com","success_url":"https://yoursite.com/success",` +
		`"cancel_url":"https://yoursite.com/cancel","metadata":{` + strings.Join(metadata, ",") + `}}`
}

// A long body is cut on the page. Its exact bytes are a file, which the command sends.
func TestTheBodyOfADeliveryIsAFile(t *testing.T) {
	s := oneShop(t)
	r := newReceiver(t, nil)
	s.addEndpoint(r.URL, webhook.SessionCompleted)
	long := strings.Replace(seedBody, "12345", strings.Repeat("é", maxMetadataValue), 1)
	for i := range 20 {
		long = strings.Replace(long, `"metadata":{`, fmt.Sprintf(`"metadata":{"k%d":%q,`, i, strings.Repeat("x", 400)), 1)
	}
	for _, order := range []string{seedBody, long} {
		s.clock.advance(time.Second)
		s.pay(s.create(order), "4242424242424242")
		d := s.deliver()
		sent := r.all()[len(r.all())-1].body
		w := s.admin(manager, "/test/deliveries/"+d.ID+"/body")
		if w.Code != http.StatusOK || w.Body.String() != sent || !strings.Contains(w.Header().Get("Content-Disposition"), "attachment") {
			t.Errorf("the file answers %d with %d bytes, want %d", w.Code, w.Body.Len(), len(sent))
		}
		page, cut := tagless(s.adminOK(manager, "/test/deliveries/"+d.ID)), len(sent) > shownBody
		if strings.Contains(page, "@"+d.ID+".json") != cut || strings.Contains(page, sent) == cut || strings.Contains(page, "Only the beginning") != cut {
			t.Errorf("a body of %d bytes is shown as %s", len(sent), page)
		}
	}
	if w := s.admin(manager, "/live/deliveries/"+newID(prefixDelivery, s.clock.now())+"/body"); w.Code != http.StatusNotFound {
		t.Errorf("a body that is not there answers %d", w.Code)
	}
}
