package checkout

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// mailsPerPage is how many mails a page of the admin lists.
const mailsPerPage = 50

var mailKinds = []string{string(mailCompleted), string(mailRefunded), string(mailProcessing)}

var mailStates = []string{string(mailIsDue), string(mailSending), string(mailSent), string(mailFailed), string(mailCaught), string(mailCanceled)}

// mailFilter chooses mails of a mode; at most one cursor is set.
type mailFilter struct {
	Mode                 Mode
	State, Kind, Session string
	After, Before        string
	Limit                int
}

type mailsScreen struct {
	Rows         []mailRow
	States       []string
	State        string
	Kinds        []string
	Kind         string
	Session      string
	Filtered     bool
	Newer, Older string // addresses
}

type mailScreen struct {
	Mail    mailRow
	Written bool // there is a subject and a text
}

// mailRow is a mail as the admin shows it.
type mailRow struct{ mailRecord }

// Tone is the colour of the mail's badge.
func (r mailRow) Tone() string {
	return map[mailState]string{mailSent: "good", mailFailed: "bad", mailIsDue: "wait", mailSending: "wait"}[r.State]
}

// Next is when the next try is due; nil when none is.
func (r mailRow) Next() any {
	if !r.State.waitsForWorker() {
		return nil
	}
	return fromMillis(r.NextAt)
}

// Created and Ended are times for people.
func (r mailRow) Created() any { return fromMillis(r.CreatedAt) }

func (r mailRow) Ended() any {
	if r.EndedAt == nil {
		return nil
	}
	return fromMillis(*r.EndedAt)
}

// Answer is what was heard at the last try.
func (r mailRow) Answer() string { return firstOf(orEmpty(r.Reply), orEmpty(r.Failure)) }

// Title, Body and ID as they were written, empty until then.
func (r mailRow) Title() string { return orEmpty(r.Subject) }
func (r mailRow) Body() string  { return orEmpty(r.Text) }
func (r mailRow) Name() string  { return orEmpty(r.MessageID) }

// mailFilter reads the address. What makes no sense filters nothing.
func (a *adminCall) mailFilter() mailFilter {
	q := a.r.URL.Query()
	f := mailFilter{
		Mode: a.mode, State: q.Get("state"), Kind: q.Get("kind"), Session: strings.TrimSpace(q.Get("session")), After: q.Get("after"), Before: q.Get("before"), Limit: mailsPerPage,
	}
	if !slices.Contains(mailStates, f.State) {
		f.State = ""
	}
	if !slices.Contains(mailKinds, f.Kind) {
		f.Kind = ""
	}
	for _, cursor := range []*string{&f.After, &f.Before} {
		if !isID(prefixMail, *cursor) {
			*cursor = ""
		}
	}
	if f.After != "" {
		f.Before = ""
	}
	return f
}

// getMails is GET /{mode}/mails.
func (a *adminCall) getMails() error {
	f := a.mailFilter()
	records, err := a.store.listMails(a.ctx(), f)
	if err != nil {
		return err
	}
	records, more := page(records, f.Limit, f.Before != "")
	s := mailsScreen{
		States: mailStates, State: f.State, Kinds: mailKinds, Kind: f.Kind, Session: shorten(f.Session, 100), Filtered: f.State+f.Kind+f.Session != "",
	}
	for _, r := range records {
		s.Rows = append(s.Rows, mailRow{r})
	}
	if len(s.Rows) > 0 {
		if f.After != "" || f.Before != "" && more {
			s.Newer = s.at("before", s.Rows[0].ID)
		}
		if f.Before != "" || more {
			s.Older = s.at("after", s.Rows[len(s.Rows)-1].ID)
		}
	}
	return a.show(http.StatusOK, "mails", "mails", s)
}

// at is the same list from another place.
func (s *mailsScreen) at(cursor, id string) string {
	q := url.Values{cursor: {id}}
	for name, value := range map[string]string{"state": s.State, "kind": s.Kind, "session": s.Session} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return "/mails?" + q.Encode()
}

// ownMail is the mail of the path, which must be of the page's mode.
func (a *adminCall) ownMail() (mailRecord, error) {
	r, err := a.store.mail(a.ctx(), a.pathID())
	if err == nil && r.Mode != a.mode {
		err = ErrNotFound
	}
	return r, err
}

// getMail is GET /{mode}/mails/{id}. The HTML part stands in a frame that may do nothing.
func (a *adminCall) getMail() error {
	r, err := a.ownMail()
	if err != nil {
		return err
	}
	h := a.w.Header()
	h.Set("Content-Security-Policy", h.Get("Content-Security-Policy")+"; frame-src 'self'")
	return a.show(http.StatusOK, "mail", "mail", mailScreen{mailRow{r}, r.Subject != nil})
}

// getMailBody is GET /{mode}/mails/{id}/body: the HTML part, for the frame of our own page only. It runs and loads nothing.
func (a *adminCall) getMailBody() error {
	r, err := a.ownMail()
	if err == nil && r.HTML == nil {
		err = ErrNotFound
	}
	if err != nil {
		return err
	}
	body := r.preview()
	a.framedByUs()
	h := a.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = a.w.Write([]byte(body))
	return nil
}

// getMailAgain leads from the address of the action, which a browser keeps, back to the mail.
func (a *adminCall) getMailAgain() error { return a.seeOther("/mails/"+a.pathID(), "") }

// postMailSend is POST /{mode}/mails/{id}/send: a copy of the mail.
func (a *adminCall) postMailSend() error {
	r, err := a.ownMail()
	if err != nil {
		return err
	}
	queued, err := a.queueAgain(a.ctx(), r)
	if err != nil {
		return err
	}
	return a.seeOther("/mails/"+queued.ID, "mail.queued")
}
