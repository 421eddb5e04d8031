package checkout

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// postKeyRoll is POST /{mode}/settings/keys/{id}/roll: a new key of the same name, and the old one ends after the overlap.
func (a *adminCall) postKeyRoll() error {
	row, err := a.ownKey()
	if err != nil {
		return err
	}
	overlap, ok := a.overlap()
	if !ok {
		return a.showKey(http.StatusUnprocessableEntity, a.overlapProblem())
	}
	var secret string
	err = a.once(func() (err error) {
		secret, err = a.RollKey(a.ctx(), row.ID, overlap)
		return err
	})
	if err != nil {
		return err
	}
	return a.showSecret(secretScreen{Kind: "rolled", Secret: secret, Name: row.Name, Until: a.until(overlap), Back: "/settings/keys"})
}

// overlap reads how long the old secret lives on.
func (a *adminCall) overlap() (time.Duration, bool) {
	hours, err := strconv.Atoi(a.form.Get("overlap"))
	return time.Duration(hours) * time.Hour, err == nil && slices.Contains(overlapHours, hours)
}

func (a *adminCall) overlapProblem() []FieldError {
	return []FieldError{{Param: "overlap", Code: "parameter_invalid_string", Message: a.desk.texts.say(a.lang, "overlap.wrong")}}
}

func (a *adminCall) until(overlap time.Duration) *time.Time {
	at := a.now().Add(overlap)
	return &at
}
