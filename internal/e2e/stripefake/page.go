package stripefake

import (
	"html/template"
	"net/http"
	"strings"
)

var pages = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>{{.Title}}</title>
<h1>{{.Title}}</h1><p id="amount">{{.Amount}}</p>{{with .Problem}}<p role="alert">{{.}}</p>{{end}}
<form method="post">{{range .Answers}}<button name="answer" value="{{.}}">{{.}}</button> {{end}}</form>
{{with .Cancel}}<a id="cancel" href="{{.}}">cancel</a>{{end}}</html>`))

type view struct {
	Title, Amount, Problem, Cancel string
	Answers                        []string
}

func (v view) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pages.Execute(w, v)
}

// getPage is the hosted page of a checkout session, as plain as it can be.
func (f *Fake) getPage(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.expireOld()
	s := f.session(r.PathValue("id"))
	if s == nil || s.status == "expired" {
		f.mu.Unlock()
		http.Error(w, "This checkout session has expired or does not exist.", http.StatusGone)
		return
	}
	v := view{Title: "Pay with the fake Stripe", Amount: decimal(s.amount, s.currency), Cancel: s.cancelURL, Answers: []string{"pay", "decline", "cancel"}}
	if s.intent != nil && s.intent.failure != nil {
		v.Problem = s.intent.failure.Message
	}
	done, target := s.status == "complete", s.success()
	f.mu.Unlock()
	if done {
		http.Redirect(w, r, target, http.StatusSeeOther)
		return
	}
	v.write(w)
}

func (s *session) success() string {
	return strings.ReplaceAll(s.successURL, "{CHECKOUT_SESSION_ID}", s.id)
}

func (f *Fake) postPage(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	f.mu.Lock()
	s := f.session(id)
	f.mu.Unlock()
	if s == nil {
		http.NotFound(w, r)
		return
	}
	target, err := "/c/pay/"+id, error(nil)
	switch answer := r.PostFormValue("answer"); {
	case answer == "pay":
		target, err = s.success(), f.Pay(id)
	case answer == "decline":
		err = f.Decline(id, "", "generic_decline")
	case answer == "cancel" && s.cancelURL != "":
		target = s.cancelURL
	}
	goOn(w, r, target, err)
}

func goOn(w http.ResponseWriter, r *http.Request, target string, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// getBank is the page of the buyer's bank after a challenge.
func (f *Fake) getBank(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	p := f.intent(r.PathValue("id"))
	f.mu.Unlock()
	if p == nil {
		http.NotFound(w, r)
		return
	}
	view{Title: "The fake bank asks: is it you?", Amount: decimal(p.amount, p.currency), Answers: []string{"complete", "fail"}}.write(w)
}

func (f *Fake) postBank(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	f.mu.Lock()
	p := f.intent(id)
	if p == nil {
		f.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	yes, no := p.returnTo("succeeded"), p.returnTo("failed")
	f.mu.Unlock()
	if r.PostFormValue("answer") == "complete" {
		goOn(w, r, yes, f.Pay(id))
		return
	}
	goOn(w, r, no, f.Decline(id, authenticationFailed, ""))
}
