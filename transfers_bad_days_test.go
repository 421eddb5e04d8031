package checkout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

func TestMoneyThatMayHaveBeenToldTwiceWaitsForAPerson(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		s.transfer("by hand", ref, 2500, booked(id, 0, 0))
		twin := s.transfer("line 3", ref, 2500, TransferResult{Status: TransferSuggested, SessionID: id})
		s.transfer("line 3", ref, 2500, TransferResult{Status: TransferSuggested, SessionID: id, Duplicate: true})
		if got := s.owed(id); got != "" {
			t.Fatalf("owed is %q before anybody has looked", got)
		}
		list, err := s.co.Transfers(t.Context(), TransferFilter{})
		if err != nil || len(list) != 1 || len(list[0].Suggestions) != 1 || list[0].Suggestions[0].SessionID != id || list[0].Suggestions[0].Due != 0 {
			t.Fatalf("waiting are %+v, %v", list, err)
		}
		if _, err := s.co.AssignTransfer(t.Context(), twin.ID, list[0].Suggestions[0].PaymentID, "bob"); err != nil {
			t.Fatal(err)
		}
		if got, want := s.owed(id), "surplus 2500 needs_person"; got != want {
			t.Errorf("owed is %q, want %q: a person says that it came twice", got, want)
		}
		other := s.transfer("line 4", ref, 2500, TransferResult{Status: TransferSuggested, SessionID: id})
		if err := s.co.DismissTransfer(t.Context(), other.ID, "bob", "told by hand"); err != nil {
			t.Fatal(err)
		}
		if got, want := s.owed(id), "surplus 2500 needs_person"; got != want {
			t.Errorf("owed is %q, want %q", got, want)
		}
	})
}

func TestTransfersInsideHostsTransactionsDoNotGetInEachOthersWay(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		const crowd = 12
		var refs, ids [crowd]string
		for i := range crowd {
			ids[i], refs[i] = s.awaited(a)
		}
		var wg sync.WaitGroup
		for i := range crowd {
			wg.Go(func() {
				err := s.db.WithContext(t.Context()).Transaction(func(tx *gorm.DB) error {
					_, err := s.co.WithTx(tx).RecordTransfer(t.Context(), refs[i], 2500, Transfer{Key: fmt.Sprint(i)})
					return err
				})
				if err != nil {
					t.Errorf("transfer %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		for _, id := range ids {
			s.want(id, "completed", "paid")
		}
	})
}

func TestAHookThatNeverTakesATransferIsPassedOver(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		for range maxHookRefusals {
			if _, err := s.co.RecordTransfer(t.Context(), ref, 2500, Transfer{Key: "1"}); !isRefusal(err) {
				t.Fatalf("RecordTransfer gives %v", err)
			}
			s.reconcileAfter(2 * time.Hour) // looks in between forget nothing
		}
		s.transfer("1", ref, 2500, booked(id, 0, 0))
		s.want(id, "completed", "paid")
	}, func(c *Config) { c.OnEvent = func(context.Context, *gorm.DB, Event) error { return errHost } })
}

func TestAPartForAnOrderThatIsPaidIsOwedAtOnce(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, first := s.awaited(a)
		s.abandon(id)
		s.payWire(id)
		second := a.ref(s.attempts(id)[1].ID)
		s.transfer("1", first, 2500, booked(id, 0, 0))
		s.want(id, "completed", "paid")
		s.transfer("2", second, 1000, booked(id, 0, 1000))
		s.wantAttempts(id, "succeeded", "refund_due:amount_mismatch")
		if got, want := s.owed(id), "amount_mismatch 1000 needs_person"; got != want {
			t.Errorf("owed is %q, want %q", got, want)
		}
	})
}

func TestPeoplesWordsAreBounded(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		s.awaited(a)
		got := s.transfer("1", "", 2500, TransferResult{Status: TransferSuggested})
		for _, bad := range []string{strings.Repeat("x", 3000), "a\x00b", "\xff"} {
			if _, err := s.co.AssignTransfer(t.Context(), got.ID, got.Suggestions[0].PaymentID, bad); !errors.As(err, new(*Error)) || errors.Is(err, ErrNotFound) {
				t.Errorf("AssignTransfer took %.10q: %v", bad, err)
			}
			if err := s.co.DismissTransfer(t.Context(), got.ID, "bob", bad); !errors.As(err, new(*Error)) || errors.Is(err, ErrNotFound) {
				t.Errorf("DismissTransfer took %.10q: %v", bad, err)
			}
		}
	})
}

// settlingAccount lets a person confirm money.
type settlingAccount struct{ *account }

func (a settlingAccount) Settle(_ context.Context, ref ChargeRef, e Evidence) (Observation, error) {
	return Observation{AttemptID: ref.AttemptID, ChargeID: ref.AttemptID, State: StateSucceeded, Captured: e.Amount, Currency: e.Currency, Livemode: true}, nil
}

func TestConfirmingMoneyThatHasToGoBackSaysSo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		a := newAccount()
		s := newLiveShop(t, db, settlingAccount{a})
		id, _ := s.awaited(a)
		s.clock.advance(8 * 24 * time.Hour)
		s.work()
		s.want(id, "expired", "unpaid")
		err := s.co.ConfirmPayment(t.Context(), s.attempts(id)[0].ID, Evidence{Actor: "ada", Note: "cash", Amount: 2500, Currency: "eur"})
		if !errors.Is(err, ErrNotPending) {
			t.Errorf("ConfirmPayment gives %v", err)
		}
		if got, want := s.owed(id), "late 2500 needs_person"; got != want {
			t.Errorf("owed is %q, want %q", got, want)
		}
	})
}
