package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jopay/checkout"
)

// postTransfer is POST /transfers: somebody has looked at the bank's statement and says what has come. A real shop imports
// its statements; this form is for trying it out.
func (s *shop) postTransfer(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return render(w, http.StatusUnprocessableEntity, "message", message{"Nothing was recorded", "The form could not be read. Please try again."})
	}
	cents, ok := parseEuros(r.PostForm.Get("amount"))
	if !ok {
		return render(w, http.StatusUnprocessableEntity, "message", message{"Nothing was recorded", "Write the amount like 25.00, in euros."})
	}
	result, err := s.co.RecordTransfer(r.Context(), r.PostForm.Get("reference"), cents, checkout.Transfer{
		Key: "form-" + r.PostForm.Get("entry"), BookedAt: time.Now(), Actor: shopName, Note: "recorded by hand",
	})
	var refusal *checkout.Error
	if errors.As(err, &refusal) && refusal.Status == http.StatusBadRequest {
		return render(w, http.StatusUnprocessableEntity, "message", message{"Nothing was recorded", refusal.Message})
	}
	if err != nil {
		return err
	}
	return render(w, http.StatusOK, "message", told(result))
}

// told says what became of a transfer.
func told(r checkout.TransferResult) message {
	switch {
	case r.Duplicate:
		return message{"This was recorded before", "The form was sent twice. It counts once."}
	case r.Status == checkout.TransferUnknown:
		return message{"No order is waiting for this", "The reference belongs to no order, and no open order is of just this amount. Nothing was changed."}
	case r.Status == checkout.TransferSuggested:
		return message{"Which order is this for?", fmt.Sprintf("The reference belongs to no order. Of just this amount there are %d open ones; the money waits for a person to choose.", len(r.Suggestions))}
	case r.Surplus > 0:
		return message{"The transfer is booked", price(r.Surplus, r.Currency) + " came that nobody owed. It has to go back."}
	case r.Rest > 0:
		return message{"The transfer is booked", price(r.Rest, r.Currency) + " of this order are still to come. Its payment page asks for them now."}
	}
	return message{"The transfer is booked", "The order is paid in full."}
}

// parseEuros reads 25, 25.5, 25.50 and 25,50 as cents.
func parseEuros(text string) (cents int64, ok bool) {
	whole, part, _ := strings.Cut(strings.ReplaceAll(strings.TrimSpace(text), ",", "."), ".")
	if len(part) > 2 || len(whole) > 9 {
		return 0, false
	}
	n, err := strconv.ParseUint(whole+part+"00"[len(part):], 10, 63)
	return int64(n), err == nil && n > 0 //nolint:gosec // 63 bits
}

// newEntry names a form, so that it counts once however often it is sent.
func newEntry() string { return rand.Text() }
