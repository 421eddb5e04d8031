package checkout

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jopay/checkout/internal/dbtest"
)

// bell is a Mailer that rings.
type bell chan struct{}

func (b bell) Send(context.Context, Mail) error {
	b <- struct{}{}
	return nil
}

// BenchmarkFirstMail is how long a buyer waits from the payment to the first call of the Mailer, with the workers running as
// in a shop: half of all mails took less than p50-ms, one in twenty more than p95-ms.
func BenchmarkFirstMail(b *testing.B) {
	for _, dialect := range dbtest.Dialects() {
		b.Run(string(dialect), func(b *testing.B) {
			sent := make(bell)
			s := newShop(b, dbtest.Open(b, dialect, nil), func(c *Config) {
				c.Mailer, c.Mail = sent, MailSettings{From: "billing@acme.example", SendTest: true}
			})
			s.run()
			var waits []time.Duration
			for b.Loop() {
				s.pay(s.create(seedBody), "4242424242424242")
				paid := time.Now()
				select {
				case <-sent:
				case <-time.After(30 * time.Second):
					b.Fatal("no mail came")
				}
				waits = append(waits, time.Since(paid))
			}
			slices.Sort(waits)
			b.ReportMetric(float64(waits[len(waits)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(waits[len(waits)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}
