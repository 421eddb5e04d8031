package checkout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

func booked(id string, rest, surplus int64) TransferResult {
	return TransferResult{Status: TransferBooked, SessionID: id, Rest: rest, Surplus: surplus}
}

func again(r TransferResult) TransferResult {
	r.Duplicate = true
	return r
}

func TestATransferCompletesItsSession(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		s.want(id, "pending", "requires_action")
		first := s.transfer("line 1", ref, 2500, booked(id, 0, 0))
		s.want(id, "completed", "paid")
		if second := s.transfer("line 1", ref, 2500, again(booked(id, 0, 0))); second.ID != first.ID {
			t.Errorf("the repeat is transfer %s, want %s", second.ID, first.ID)
		}
		s.wantAttempts(id, "succeeded")
		if n := s.count("events", "session_id = ? AND type = 'checkout.session.completed'", id); n != 1 {
			t.Errorf("%d completed events", n)
		}
	})
}

func TestAPartKeepsTheSessionOpenAndTheRestIsShown(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		s.transfer("1", ref, 1000, booked(id, 1500, 0))
		s.transfer("1", ref, 1000, again(booked(id, 1500, 0)))
		s.transfer("2", ref, 499, booked(id, 1001, 0))
		s.want(id, "pending", "requires_action")
		body := s.page("/checkout/" + id).Body.String()
		if !strings.Contains(body, "€14.99</bdi> has arrived. Still to pay: ") || strings.Count(body, "€10.01") != 2 {
			t.Errorf("the page does not show the rest: %s", body)
		}
		if list := s.api("GET", "/sessions/"+id+"/payments", "").Body.String(); !strings.Contains(list, `"received_cents":1499`) {
			t.Errorf("the API does not show what has come: %s", list)
		}
		s.transfer("3", ref, 1001, booked(id, 0, 0))
		s.want(id, "completed", "paid")
		if p := s.attempts(id)[0]; p.Captured != 2500 {
			t.Errorf("captured is %d", p.Captured)
		}
	})
}

func (s *shop) owed(id string) string {
	s.t.Helper()
	if err := s.co.refundDue(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	list, err := s.co.Refunds(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	var text []string
	for _, r := range list {
		text = append(text, fmt.Sprintf("%s %d %s", r.Origin, r.AmountCents, r.Status))
	}
	slices.Sort(text)
	return strings.Join(text, ", ")
}

func TestWhatIsTooMuchIsOwedBack(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		s.transfer("1", ref, 2000, booked(id, 500, 0))
		s.transfer("2", ref, 700, booked(id, 0, 200))
		s.want(id, "completed", "paid")
		s.transfer("3", ref, 2500, booked(id, 0, 2500))
		s.transfer("3", ref, 2500, again(booked(id, 0, 2500)))
		if got, want := s.owed(id), "surplus 200 needs_person, surplus 2500 needs_person"; got != want {
			t.Errorf("owed is %q, want %q", got, want)
		}
		s.want(id, "completed", "paid")
		s.wantAttempts(id, "succeeded")
		if got := s.get(id); got["amount_refunded_cents"] != float64(0) {
			t.Errorf("the surplus is in the session's own books: %v", got)
		}
	})
}

func TestATransferFindsItsPaymentByTheText(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		text := "order 17, my code is " + strings.ToLower(ref[:5]) + " " + ref[5:] + " thanks"
		got, err := s.co.RecordTransfer(t.Context(), "NOT OURS", 2500, Transfer{Text: text, BookedAt: s.clock.now()})
		if err != nil || got.Status != TransferBooked || got.SessionID != id {
			t.Fatalf("RecordTransfer gives %+v, %v", got, err)
		}
		got, err = s.co.RecordTransfer(t.Context(), "NOT OURS", 2500, Transfer{Text: text, BookedAt: s.clock.now()})
		if err != nil || !got.Duplicate {
			t.Errorf("without a key, the same line again gives %+v, %v", got, err)
		}
	})
}

func TestATransferWithoutANameIsSuggestedToAPerson(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		unknown := TransferResult{Status: TransferUnknown}
		s.transfer("0", "", 2500, unknown)
		if n := s.count("transfers", "1 = 1"); n != 0 {
			t.Errorf("%d transfers are stored that nobody can place", n)
		}
		first, _ := s.awaited(a)
		s.clock.advance(time.Minute)
		second, ref := s.awaited(a)
		got := s.transfer("1", "no idea", 2500, TransferResult{Status: TransferSuggested})
		if len(got.Suggestions) != 2 || got.Suggestions[0].SessionID != second || got.Suggestions[0].Reference != ref || got.Suggestions[1].SessionID != first || got.Suggestions[0].Due != 2500 {
			t.Fatalf("suggestions are %+v", got.Suggestions)
		}
		s.transfer("1", "no idea", 2500, TransferResult{Status: TransferSuggested, Duplicate: true})
		s.transfer("2", "no idea", 2400, unknown)

		waiting, err := s.co.Transfers(t.Context(), TransferFilter{})
		if err != nil || len(waiting) != 1 || waiting[0].ID != got.ID || len(waiting[0].Suggestions) != 2 || !waiting[0].Livemode || waiting[0].Actor != "ada" {
			t.Fatalf("waiting are %+v, %v", waiting, err)
		}
		for _, duplicate := range []bool{false, true} {
			assigned, err := s.co.AssignTransfer(t.Context(), got.ID, got.Suggestions[0].PaymentID, "bob")
			if err != nil || assigned.SessionID != second || assigned.Rest != 0 || assigned.ID != got.ID {
				t.Fatalf("AssignTransfer gives %+v, %v (repeat: %v)", assigned, err, duplicate)
			}
		}
		s.want(second, "completed", "paid")
		s.want(first, "pending", "requires_action")
		if _, err := s.co.AssignTransfer(t.Context(), got.ID, got.Suggestions[1].PaymentID, "bob"); !errors.Is(err, ErrNotFound) {
			t.Errorf("a booked transfer was assigned to another payment: %v", err)
		}
		list, err := s.co.Transfers(t.Context(), TransferFilter{SessionID: second})
		if err != nil || len(list) != 1 || list[0].Status != TransferBooked || list[0].Actor != "bob" || list[0].Amount != 2500 {
			t.Errorf("the session's transfers are %+v, %v", list, err)
		}
	})
}

// A transfer cannot be assigned to a payment of another provider.
func TestATransferStaysAtItsAccount(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		s.awaited(a)
		got, err := s.co.RecordTransfer(t.Context(), "", 2500, Transfer{Provider: "account"})
		if err != nil || got.Status != TransferSuggested {
			t.Fatalf("RecordTransfer gives %+v, %v", got, err)
		}
		other := s.create(seedBody)
		form := s.form(other, "")
		form.Set("method", "other_wire")
		s.post("/checkout/"+other, form)
		if _, err := s.co.AssignTransfer(t.Context(), got.ID, s.attempts(other)[0].ID, "bob"); !errors.Is(err, ErrNotByHand) {
			t.Errorf("AssignTransfer gives %v", err)
		}
		s.want(other, "pending", "requires_action")
	}, func(c *Config) {
		other := newAccount()
		other.name, other.method = "other", "other_wire"
		c.Providers = append(c.Providers, other)
	})
}

// An account whose bank pays back by itself.
type payingBack struct{ *account }

func (p payingBack) Refund(_ context.Context, r RefundRequest) (RefundObservation, error) {
	return RefundObservation{Key: r.Key, Ref: "back_" + r.Key, State: StateSucceeded, Amount: r.Amount, Currency: r.Currency}, nil
}

func TestASurplusThatWasPaidBackLeavesTheSessionsBooksAlone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		a := newAccount()
		s := newLiveShop(t, db, payingBack{a})
		id, ref := s.awaited(a)
		s.transfer("1", ref, 2600, booked(id, 0, 100))
		s.transfer("2", ref, 2500, booked(id, 0, 2500))
		if got, want := s.owed(id), "surplus 100 succeeded, surplus 2500 succeeded"; got != want {
			t.Errorf("owed is %q, want %q", got, want)
		}
		s.want(id, "completed", "paid")
		s.wantAttempts(id, "succeeded")
		if got := s.get(id)["amount_refunded_cents"]; got != float64(0) {
			t.Errorf("amount_refunded_cents is %v", got)
		}
		if back, err := s.co.Refund(t.Context(), RefundParams{SessionID: id}); err != nil || back.AmountCents != 2500 {
			t.Errorf("the order's own money cannot be refunded any more: %+v, %v", back, err)
		}
	})
}

func TestASuggestedTransferCanBeDismissed(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, _ := s.awaited(a)
		got := s.transfer("1", "", 2500, TransferResult{Status: TransferSuggested})
		if err := s.co.DismissTransfer(t.Context(), got.ID, "bob", "rent"); err != nil {
			t.Fatal(err)
		}
		if err := s.co.DismissTransfer(t.Context(), got.ID, "bob", "rent"); !errors.Is(err, ErrNotFound) {
			t.Errorf("a second dismissal gives %v", err)
		}
		if _, err := s.co.AssignTransfer(t.Context(), got.ID, got.Suggestions[0].PaymentID, "bob"); !errors.Is(err, ErrNotFound) {
			t.Errorf("a dismissed transfer was assigned: %v", err)
		}
		s.transfer("1", "", 2500, TransferResult{Status: TransferDismissed, Duplicate: true})
		s.want(id, "pending", "requires_action")
		list, err := s.co.Transfers(t.Context(), TransferFilter{Status: TransferDismissed})
		if err != nil || len(list) != 1 || list[0].Note != "rent" {
			t.Errorf("dismissed are %+v, %v", list, err)
		}
	})
}

func TestASuggestedTransferIsBookedWhenItsReferenceBecomesKnown(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		s.transfer("1", "", 2500, TransferResult{Status: TransferSuggested})
		s.transfer("1", ref, 2500, booked(id, 0, 0))
		s.want(id, "completed", "paid")
		if n := s.count("transfers", "1 = 1"); n != 1 {
			t.Errorf("%d transfers", n)
		}
	})
}

func TestTransfersThatComeLate(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		// after the buyer has chosen another way, and not yet paid by it
		id, ref := s.awaited(a)
		s.abandon(id)
		s.wantAttempts(id, "failed:canceled_by_customer")
		s.transfer("1", ref, 2500, booked(id, 0, 0))
		s.want(id, "completed", "paid")

		// a part, and then the end
		id, ref = s.awaited(a)
		form := s.form(id, "")
		form.Set("action", "abandon")
		s.transfer("2", ref, 900, booked(id, 1600, 0))
		s.post("/checkout/"+id, form) // does nothing any more
		s.wantAttempts(id, "open")
		if body := s.page("/checkout/" + id).Body.String(); strings.Contains(body, "abandon") {
			t.Errorf("the page offers another way: %s", body)
		}
		s.api("POST", "/sessions/"+id+"/expire", "")
		s.want(id, "expired", "unpaid")
		s.wantAttempts(id, "refund_due:amount_mismatch")
		if got, want := s.owed(id), "amount_mismatch 900 needs_person"; got != want {
			t.Errorf("owed is %q, want %q", got, want)
		}
		s.transfer("3", ref, 1600, booked(id, 0, 1600))
		s.want(id, "expired", "unpaid")
		s.wantAttempts(id, "needs_person:amount_mismatch")

		// after the end
		id, ref = s.awaited(a)
		s.clock.advance(8*24*time.Hour + time.Hour)
		s.settleDown()
		s.want(id, "expired", "unpaid")
		s.transfer("4", ref, 2600, booked(id, 0, 2600))
		s.want(id, "expired", "unpaid")
		if got, want := s.owed(id), "late 2500 needs_person, surplus 100 needs_person"; got != want {
			t.Errorf("owed is %q, want %q", got, want)
		}
	})
}

// abandon presses "Choose another payment method".
func (s *shop) abandon(id string) {
	s.t.Helper()
	form := s.form(id, "")
	form.Set("action", "abandon")
	if w := s.post("/checkout/"+id, form); w.Code != http.StatusSeeOther {
		s.t.Fatalf("abandon answered %d", w.Code)
	}
}

func TestTransfersThatAreRefused(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		for name, c := range map[string]struct {
			amount int64
			more   Transfer
			code   string
		}{
			"nothing":          {0, Transfer{}, "amount_too_small"},
			"less":             {-1, Transfer{}, "amount_too_small"},
			"too much":         {maxAmount + 1, Transfer{}, "amount_too_large"},
			"another currency": {2500, Transfer{Currency: "usd"}, "currency_mixed"},
			"no such account":  {2500, Transfer{Provider: "nobody"}, "parameter_invalid_string"},
			"a long key":       {2500, Transfer{Key: strings.Repeat("k", 201)}, "parameter_too_long"},
			"a long text":      {2500, Transfer{Text: strings.Repeat("k", 2001)}, "parameter_too_long"},
			"a control sign":   {2500, Transfer{Payer: "a\x00b"}, "parameter_invalid_string"},
		} {
			var e *Error
			if got, err := s.co.RecordTransfer(t.Context(), ref, c.amount, c.more); !errors.As(err, &e) || e.Code != c.code {
				t.Errorf("%s: %+v, %v, want %s", name, got, err, c.code)
			}
		}
		s.want(id, "pending", "requires_action")
		if n := s.count("transfers", "1 = 1"); n != 0 {
			t.Errorf("%d transfers are stored", n)
		}
	})
}

func TestTwoAccountsNeedAName(t *testing.T) {
	other := newAccount()
	other.name = "other"
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		var e *Error
		if _, err := s.co.RecordTransfer(t.Context(), ref, 2500, Transfer{}); !errors.As(err, &e) || e.Code != "parameter_missing" {
			t.Errorf("without a name: %v", err)
		}
		if got, err := s.co.RecordTransfer(t.Context(), ref, 2500, Transfer{Provider: "other"}); err != nil || got.Status != TransferUnknown {
			t.Errorf("at the other account: %+v, %v", got, err)
		}
		if got, err := s.co.RecordTransfer(t.Context(), ref, 2500, Transfer{Provider: "account"}); err != nil || got.SessionID != id {
			t.Errorf("at its own: %+v, %v", got, err)
		}
	}, func(c *Config) { c.Providers = append(c.Providers, other) })
}

func TestAFileThatManyImportAtOnceCountsOnce(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		const lines, crowd = 6, 4
		var ids, refs [lines]string
		for i := range lines {
			ids[i], refs[i] = s.awaited(a)
		}
		var wg sync.WaitGroup
		for n := range crowd {
			other := secondProcess(t, s)
			wg.Go(func() {
				for i := range lines {
					line := (i*(1+n%2) + n) % lines // other orders, so that locks cross
					for _, part := range []int64{1000, 1500} {
						key := fmt.Sprintf("line %d %d", line, part)
						if _, err := other.co.RecordTransfer(t.Context(), refs[line], part, Transfer{Key: key}); err != nil {
							t.Errorf("RecordTransfer: %v", err)
						}
					}
				}
			})
		}
		wg.Wait()
		for i, id := range ids {
			for _, part := range []int64{1000, 1500} { // what the steps above have left out
				if _, err := s.co.RecordTransfer(t.Context(), refs[i], part, Transfer{Key: fmt.Sprintf("line %d %d", i, part)}); err != nil {
					t.Fatal(err)
				}
			}
			s.want(id, "completed", "paid")
			if got := s.owed(id); got != "" {
				t.Errorf("session %d owes %s", i, got)
			}
		}
		if n := s.count("transfers", "status = 'booked'"); n != 2*lines {
			t.Errorf("%d transfers are booked, want %d", n, 2*lines)
		}
	})
}

func TestATransferTheHostRefusesIsNotCounted(t *testing.T) {
	refusals := 0
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		refusals = 1
		if _, err := s.co.RecordTransfer(t.Context(), ref, 2500, Transfer{Key: "1"}); !isRefusal(err) {
			t.Fatalf("RecordTransfer gives %v", err)
		}
		s.want(id, "pending", "requires_action")
		if n := s.count("transfers", "1 = 1"); n != 0 {
			t.Fatalf("%d transfers are stored", n)
		}
		s.transfer("1", ref, 2500, booked(id, 0, 0))
		s.want(id, "completed", "paid")
	}, func(c *Config) {
		c.OnEvent = func(_ context.Context, _ *gorm.DB, e Event) error {
			if refusals > 0 {
				refusals--
				return errHost
			}
			return nil
		}
	})
}

func TestATransferCommitsWithTheHostsBooks(t *testing.T) {
	eachAccountShop(t, func(t *testing.T, s *shop, a *account) {
		id, ref := s.awaited(a)
		err := s.db.Transaction(func(tx *gorm.DB) error {
			got, err := s.co.WithTx(tx).RecordTransfer(t.Context(), ref, 2500, Transfer{Key: "1"})
			if err != nil || got.SessionID != id {
				t.Errorf("RecordTransfer gives %+v, %v", got, err)
			}
			return errHost
		})
		if !errors.Is(err, errHost) {
			t.Fatal(err)
		}
		s.want(id, "pending", "requires_action")
		s.transfer("1", ref, 2500, booked(id, 0, 0))
	})
}
