package checkout

import (
	"errors"
	"net/http"
	"strings"
	"time"
)

type keysScreen struct {
	Keys []keyRow
	Once string
}

// keyRow is a key as the admin shows it.
type keyRow struct {
	Key
	State string // active, expiring, expired or revoked
}

// Tone is the colour of the key's badge.
func (k keyRow) Tone() string {
	return map[string]string{"active": "good", "expiring": "wait"}[k.State]
}

// Works tells whether the key opens the API today.
func (k keyRow) Works() bool { return k.State == "active" || k.State == "expiring" }

func (a *adminCall) keyRow(k Key) keyRow {
	state := "active"
	switch {
	case k.RevokedAt != nil:
		state = "revoked"
	case k.ExpiresAt != nil && !k.ExpiresAt.After(a.now()):
		state = "expired"
	case k.ExpiresAt != nil:
		state = "expiring"
	}
	return keyRow{k, state}
}

// keyRows are the keys of the page's mode, newest first, those that work before those that do not.
func (a *adminCall) keyRows() ([]keyRow, error) {
	keys, err := a.Keys(a.ctx())
	if err != nil {
		return nil, err
	}
	var working, ended []keyRow
	for i := len(keys) - 1; i >= 0; i-- {
		row := a.keyRow(keys[i])
		switch {
		case row.Mode != a.mode:
		case row.Works():
			working = append(working, row)
		default:
			ended = append(ended, row)
		}
	}
	return append(working, ended...), nil
}

// getKeys is GET /{mode}/settings/keys.
func (a *adminCall) getKeys() error { return a.showKeys(http.StatusOK, nil) }

func (a *adminCall) showKeys(status int, problems []FieldError) error {
	rows, err := a.keyRows()
	if err != nil {
		return err
	}
	once, err := a.onceToken()
	if err != nil {
		return err
	}
	return a.showForm(status, "keys", "keys", keysScreen{rows, once}, problems)
}

// postKeys is POST /{mode}/settings/keys: it makes a key and shows its secret, in this answer and never again.
func (a *adminCall) postKeys() error {
	var secret string
	err := a.once(func() (err error) {
		secret, err = a.CreateKey(a.ctx(), a.mode, a.form.Get("name"))
		return err
	})
	var refusal *Error
	switch {
	case errors.As(err, &refusal) && len(refusal.Fields) > 0:
		return a.showKeys(http.StatusUnprocessableEntity, a.fieldProblems(refusal.Fields))
	case err != nil:
		return err
	}
	return a.showSecret(secretScreen{Kind: "key", Secret: secret, Back: "/settings/keys"})
}

// secretScreen shows a secret once. There is no other page that could.
type secretScreen struct {
	Kind   string // key, rolled, endpoint or rotated: which words stand around it
	Secret string
	Name   string     // of what it belongs to, for people
	Until  *time.Time // when the secret before it ends, if there is one
	Back   string
}

func (a *adminCall) showSecret(s secretScreen) error {
	return a.show(http.StatusOK, "secret", "secret."+s.Kind, s)
}

type keyScreen struct {
	Key      keyRow
	Once     string
	Overlaps []int // hours
}

// overlapHours are how long two secrets may live side by side.
var overlapHours = []int{0, 1, 24, 72}

// ownKey is the key of the path, which must be of the page's mode.
func (a *adminCall) ownKey() (keyRow, error) {
	rows, err := a.keyRows()
	if err != nil {
		return keyRow{}, err
	}
	for _, row := range rows {
		if row.ID == a.r.PathValue("id") {
			return row, nil
		}
	}
	return keyRow{}, ErrNotFound
}

// getKey is GET /{mode}/settings/keys/{id}.
func (a *adminCall) getKey() error { return a.showKey(http.StatusOK, nil) }

func (a *adminCall) showKey(status int, problems []FieldError) error {
	row, err := a.ownKey()
	if err != nil {
		return err
	}
	once, err := a.onceToken()
	if err != nil {
		return err
	}
	return a.showForm(status, "key", "key", keyScreen{row, once, overlapHours}, problems)
}

// getKeyAgain leads from the address of an action, which a browser keeps, back to the key.
func (a *adminCall) getKeyAgain() error { return a.seeOther("/settings/keys/"+a.pathID(), "") }

// postKeyRevoke is POST /{mode}/settings/keys/{id}/revoke. The person has typed the last four characters, because a shop
// stands still without its key.
func (a *adminCall) postKeyRevoke() error {
	row, err := a.ownKey()
	if err != nil {
		return err
	}
	if typed := a.form.Get("last4"); len(typed) > 4 || typed == "" || !strings.HasSuffix(typed, row.Last4) {
		return a.showKey(http.StatusUnprocessableEntity, []FieldError{{Param: "last4", Code: "confirmation_wrong", Message: a.desk.texts.say(a.lang, "key.last4.wrong")}})
	}
	if err := a.RevokeKey(a.ctx(), row.ID); err != nil {
		return err
	}
	return a.seeOther("/settings/keys", "key.revoked")
}
