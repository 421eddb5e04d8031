package checkout

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	onceLife   = 12 * time.Hour // that a form of the admin can be sent after its page was made
	prefixForm = "form_"
)

var (
	errFormRepeated = &Error{Status: http.StatusConflict, Type: typeConflict, Code: "form_repeated", Message: "This form was sent before. It was carried out once."}
	errFormOld      = &Error{Status: http.StatusConflict, Type: typeConflict, Code: "form_old", Message: "This form is too old or not yours. Open its page again."}
)

// onceToken makes the hidden field of a form that must count once however often it is sent, because its answer shows a
// secret. It belongs to the person who opened the page, and nothing is written until the form comes.
func (a *adminCall) onceToken() (string, error) {
	key, err := a.secretKey(a.ctx())
	if err != nil {
		return "", err
	}
	head := newID(prefixForm, a.now())
	return head + "." + a.onceSum(key, head), nil
}

// onceSum binds a form to the person who has opened it.
func (a *adminCall) onceSum(key []byte, head string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("admin form\n" + head + "\n" + a.actor.ID))
	return hex.EncodeToString(mac.Sum(nil))
}

// isFresh tells whether a form is ours, this person's and not too old.
func (a *adminCall) isFresh(key []byte, head, sum string) bool {
	if !isID(prefixForm, head) || !hmac.Equal([]byte(a.onceSum(key, head)), []byte(sum)) {
		return false
	}
	made, err := strconv.ParseInt(head[len(prefixForm):len(prefixForm)+12], 16, 64)
	return err == nil && a.now().Sub(fromMillis(made)) <= onceLife
}

// once runs act for the first sending of a form. When act fails, the form may be sent again.
func (a *adminCall) once(act func() error) error {
	key, err := a.secretKey(a.ctx())
	if err != nil {
		return err
	}
	head, sum, _ := strings.Cut(a.form.Get("once"), ".")
	if !a.isFresh(key, head, sum) {
		return errFormOld
	}
	isFirst, err := a.store.claimForm(a.ctx(), head, a.now())
	switch {
	case err != nil:
		return err
	case !isFirst:
		return errFormRepeated
	}
	if err = act(); err != nil {
		a.releaseForm(head)
	}
	return err
}

// releaseForm lets a form that failed be sent again, also when the person has gone away meanwhile.
func (a *adminCall) releaseForm(head string) {
	ctx, cancel := detached(a.ctx(), commitTimeout)
	defer cancel()
	if err := a.store.releaseForm(ctx, head); err != nil {
		a.cfg.Logger.WarnContext(ctx, "checkout: a form that failed cannot be sent again", "error", err)
	}
}

// claimForm gives true to the first who asks for a form. Forms that nobody can send any more are swept out on the way.
func (s *store) claimForm(ctx context.Context, name string, now time.Time) (isFirst bool, err error) {
	mine := newID("", now)
	err = s.retry(ctx, func() error {
		t := s.direct(ctx)
		if _, err := t.exec(`DELETE FROM {settings} WHERE name LIKE 'form_%' AND value < ?`, timeDigits(now.Add(-2*onceLife))); err != nil {
			return err
		}
		n, err := t.exec(`INSERT INTO {settings} (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, name, mine)
		if isFirst = n == 1; err != nil || isFirst {
			return err
		}
		have, err := first(t, readText, `SELECT value FROM {settings} WHERE name = ?`, name)
		isFirst = err == nil && have == mine // the answer to the insert was lost
		return err
	})
	return isFirst, err
}

func (s *store) releaseForm(ctx context.Context, name string) error {
	return s.retry(ctx, func() error {
		_, err := s.direct(ctx).exec(`DELETE FROM {settings} WHERE name = ?`, name)
		return err
	})
}
