package checkout

import (
	"encoding/json"
	"html/template"
	"net/url"
	"strconv"
	"time"
)

// timelineStep is an entry of a timeline in words.
type timelineStep struct {
	At      time.Time
	Tone    string
	Text    template.HTML
	Details []labelled
	Changed string // before and after, of an audit row
	Path    string // of a screen that knows more
}

// steps words everything that has happened to a session.
func (a *adminCall) steps(rec sessionRecord) (list []timelineStep, cut bool, err error) {
	entries, cut, err := a.queries.sessionTimeline(a.ctx(), rec.ID)
	for _, e := range entries {
		list = append(list, a.step(e))
	}
	return list, cut, err
}

func (a *adminCall) step(e timelineEntry) timelineStep {
	p := a.desk
	args := []any{
		"amount", moneyHTML(a.lang, e.Amount, e.Currency), "surplus", moneyHTML(a.lang, e.Surplus, e.Currency), "attempt", e.Attempt,
		"provider", e.Provider, "method", p.word(a.lang, "method", e.Method), "origin", p.word(a.lang, "origin", e.Origin),
		"reason", p.word(a.lang, "reason", e.Reason), "type", e.EventType, "host", hostOf(e.URL), "status", answerOf(e),
		"ms", strconv.FormatInt(e.Duration.Milliseconds(), 10), "action", p.word(a.lang, "action", e.Action),
	}
	s := timelineStep{At: e.At, Tone: string(e.Tone), Text: p.texts.sayHTML(a.lang, "timeline."+string(e.Kind), args...)}
	for _, l := range []labelled{{"actor", a.actorName(e.Actor), false}, {"reference", e.Reference, true}, {"code", e.ProviderCode, true}} {
		if l.Value != "" {
			s.Details = append(s.Details, l)
		}
	}
	switch e.Kind {
	case tlRefundAsked:
		e.Note = p.refundReason(a.lang, e.Note)
	case tlRefundFailed, tlRefundNeedsPerson:
		e.Note = p.word(a.lang, "failure", e.Reason)
	}
	s.note(e)
	return s
}

// note adds what somebody has written, or what was changed.
func (s *timelineStep) note(e timelineEntry) {
	switch e.Kind {
	case tlAudit:
		var detail struct{ Before, After json.RawMessage }
		if json.Unmarshal([]byte(e.Note), &detail) == nil {
			s.Changed = adminDiff(detail.Before, detail.After)
		}
		return
	case tlDeliverySucceeded, tlDeliveryFailed, tlDeliveryGivenUp:
		s.Path = "/deliveries/" + e.Object
	case tlMailSent, tlMailCaught, tlMailFailed:
		s.Path = "/mails/" + e.Object
	}
	if e.Kind == tlDeliveryFailed {
		e.Note = e.Reason
	}
	if e.Note != "" {
		s.Details = append(s.Details, labelled{Label: "note", Value: e.Note})
	}
}

// actorName names who has done something, in the reader's language where it was nobody in particular.
func (a *adminCall) actorName(who Actor) string {
	if who.ID == hostActor.ID {
		return a.say("actor.host")
	}
	return actorName(who)
}

func actorName(a Actor) string {
	if a.Name != "" {
		return a.Name
	}
	return a.ID
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

// answerOf is the status of an answer, or why there was none.
func answerOf(e timelineEntry) string {
	if e.HTTPStatus > 0 {
		return strconv.Itoa(e.HTTPStatus)
	}
	if e.Class != "" {
		return e.Class
	}
	return "–"
}
