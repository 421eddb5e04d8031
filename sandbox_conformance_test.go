package checkout_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"testing"

	"gorm.io/gorm"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/checkouttest"
	"github.com/jopay/checkout/internal/dbtest"
)

func TestTheSandboxKeepsTheProviderContract(t *testing.T) {
	t.Parallel()
	for _, dialect := range dbtest.Dialects() {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			b := openSandbox(t, dbtest.Open(t, dialect, nil))
			checkouttest.TestProvider(t, b.subject)
		})
	}
}

// sandboxBench is a shop whose sandbox is under test. One is enough: the charges of one subtest are no other's business.
type sandboxBench struct {
	shop *checkouttest.Shop
	log  *bytes.Buffer
}

func openSandbox(t *testing.T, db *gorm.DB) sandboxBench {
	var log bytes.Buffer
	return sandboxBench{log: &log, shop: checkouttest.New(t, checkouttest.WithConfig(func(cfg *checkout.Config) {
		cfg.DB, cfg.Logger = db, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}))}
}

var sandboxAnswers = map[checkouttest.Answer]checkouttest.Card{
	checkouttest.AnswerSucceeds:   checkouttest.CardPays,
	checkouttest.AnswerDeclines:   checkouttest.CardDeclined,
	checkouttest.AnswerChallenges: checkouttest.CardChallenge,
	checkouttest.AnswerLost:       checkouttest.CardLosesAnswer,
	checkouttest.AnswerHangs:      "4000000000012221", // it keeps the buyer waiting for three seconds
}

func (b sandboxBench) subject(t *testing.T) checkouttest.Subject {
	co, before := b.shop.Checkout(), b.charges(t)
	return checkouttest.Subject{
		Provider: co.Sandbox(),
		Prepare: func(a checkouttest.Answer, r *checkout.BeginRequest) bool {
			card, ok := sandboxAnswers[a]
			r.Input.Set("card_number", string(card))
			return ok
		},
		Approve: func(ref checkout.ChargeRef) {
			if err := co.ApproveInSandbox(t.Context(), ref.AttemptID); err != nil {
				t.Error(err)
			}
		},
		Notification: func(ref checkout.ChargeRef) (*http.Request, []byte) {
			r, body, err := co.SandboxNotification(t.Context(), ref)
			if err != nil {
				t.Error(err)
			}
			return r, body
		},
		Advance: b.shop.Advance,
		Charges: func() int { return b.charges(t) - before },
		Log:     b.log.String,
	}
}

func (b sandboxBench) charges(t *testing.T) int {
	n, err := b.shop.Checkout().SandboxCharges(t.Context())
	if err != nil {
		t.Error(err)
	}
	return n
}
