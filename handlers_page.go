package checkout

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	testBankPath = "test-bank"
	maxForm      = 16 << 10 // bytes
)

// Pages is the handler of the hosted page. It needs no cookie and no script; the session's id in the address is the
// capability to see and pay that one order.
func (c *Checkout) Pages() http.Handler {
	return &door{
		base: c.basePath,
		path: c.cfg.PagePath,
		routes: []route{
			routeOf("/assets/:name", map[string]handler{"GET": c.getAsset}),
			routeOf("/"+loaderName, map[string]handler{"GET": c.getLoader}),
			routeOf("/"+loaderVersion, map[string]handler{"GET": c.getLoaderVersion}),
			routeOf("/"+testBankPath, map[string]handler{"GET": c.getTestBank, "POST": c.postTestBank}),
			routeOf("/documents/:id", map[string]handler{"GET": c.getDocumentPage}),
			routeOf("/documents/:id/pdf", map[string]handler{"GET": c.getDocumentPagePDF}),
			routeOf("/documents/:id/xml", map[string]handler{"GET": c.getDocumentPageXML}),
			routeOf("/"+previewPath, map[string]handler{"GET": c.getPreview, "POST": c.postPreview}),
			routeOf("/:id", map[string]handler{"GET": c.getPage, "POST": c.postPage}),
			routeOf("/:id/return", map[string]handler{"GET": c.getReturn, "POST": c.getReturn}),
			routeOf("/:id/status", map[string]handler{"GET": c.getStatus}),
		},
		serve: func(w http.ResponseWriter, r *http.Request, h handler) {
			pageHeaders(w.Header())
			c.guarded(w, withRequestID(w, r), h, c.answerPage)
		},
	}
}

// situation is a session with its newest attempt: all that decides what a buyer sees.
type situation struct {
	rec       sessionRecord
	last      *paymentRecord
	elsewhere bool // the newest attempt is paid elsewhere, as its provider instructs the buyer
}

func (c *Checkout) situation(ctx context.Context, id string) (situation, error) {
	rec, err := c.store.session(ctx, id)
	if err != nil || rec.Attempts == 0 {
		return situation{rec: rec}, err
	}
	last, err := c.store.lastPayment(ctx, id)
	_, elsewhere := c.instructor(last)
	return situation{rec, &last, elsewhere}, err
}

// failed numbers the attempt whose failure is the newest news of a session; 0 stands for none.
func (s situation) failed() int {
	if s.last == nil || s.last.State != attemptFailed {
		return 0
	}
	return s.last.Ordinal
}

// state is what the page shows. A session whose time is up is shown as expired before the worker has come by; while an
// attempt is open its outcome decides, however late it is.
func (s situation) state(now time.Time) string {
	switch {
	case s.rec.Status != StatusPending:
		return string(s.rec.Status)
	case s.last != nil && s.last.State == attemptOpen && s.last.Step != StateUnknown && s.elsewhere:
		return "instructions"
	case s.last != nil && s.last.State == attemptOpen && s.last.Step == StateActionRequired:
		return "requires_action"
	case s.last != nil && s.last.State == attemptOpen:
		return "processing"
	case s.rec.ExpiresAt <= millis(now):
		return "expired"
	default:
		return "open"
	}
}

// slowed turns what an address that guesses ids gets into a refusal, once it has guessed too often.
func (c *Checkout) slowed(r *http.Request, err error) error {
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	if address := c.clients.of(r); !c.limits.badIDs.Allow(address) {
		return tooMany(c.limits.badIDs.RetryAfter(address))
	}
	return err
}

// sessionOfPage reads the session of the path. Addresses that guess too often are slowed down, for unknown ids only.
func (c *Checkout) sessionOfPage(r *http.Request) (situation, error) {
	s, err := c.situation(r.Context(), r.PathValue("id"))
	return s, c.slowed(r, err)
}

// getPage is GET /checkout/{id}. It changes nothing and may be repeated at will.
func (c *Checkout) getPage(w http.ResponseWriter, r *http.Request) error {
	s, err := c.sessionOfPage(r)
	if err != nil {
		return err
	}
	return c.writePage(w, r, http.StatusOK, s, nil)
}

// getStatus is GET /checkout/{id}/status, what the page's script asks for while it waits.
func (c *Checkout) getStatus(w http.ResponseWriter, r *http.Request) error {
	s, err := c.sessionOfPage(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]string{"state": s.state(c.now())})
}

// writePage renders a session, with what was wrong in a form that was just refused.
func (c *Checkout) writePage(w http.ResponseWriter, r *http.Request, status int, s situation, refused *refusedForm) error {
	c.sessionPolicy(w.Header(), s.rec, c.embedOf(s)) // before anything fails: in a frame an error has to be seen too
	v, err := c.pageOf(r, s)
	if err != nil {
		return err
	}
	if refused != nil {
		v.Problems, v.Values, v.Declined = refused.problems, refused.values, ""
	}
	return c.render(w, r, status, v)
}

type refusedForm struct {
	problems []pageProblem
	values   map[string]string
}

// pageBuffers are used again, because a page is larger than all else a request allocates.
var pageBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (c *Checkout) render(w http.ResponseWriter, r *http.Request, status int, v pageView) error {
	buf, zipped := pageBuffers.Get().(*bytes.Buffer), pageBuffers.Get().(*bytes.Buffer)
	defer pageBuffers.Put(buf)
	defer pageBuffers.Put(zipped)
	buf.Reset()
	if err := c.pages.render(buf, v); err != nil {
		return fmt.Errorf("render %s: %w", v.State, err)
	}
	if mayZip(w.Header(), r) {
		zipped.Reset()
		if err := gzipTo(zipped, buf.Bytes()); err != nil {
			return err
		}
		buf = zipped
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", v.Lang)
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	_, _ = buf.WriteTo(w) // a buyer who has closed the page is not our error
	return nil
}

// answerPage turns an error into a page: one and the same for every id that does not exist.
func (c *Checkout) answerPage(w http.ResponseWriter, r *http.Request, e *Error) {
	var login LoginAt // of the preview, which the admin's people see
	if errors.As(e, &login) && r.Method == http.MethodGet {
		_ = seeOther(w, string(login))
		return
	}
	v := c.blankPage(r, "problem")
	v.Problem, v.RequestID = "internal", requestID(r.Context())
	switch {
	case e.Status == http.StatusNotFound, e.Code == errNoAccess.Code:
		v.State, v.RequestID = "not_found", ""
	case e.Code == ErrDatabaseBusy.Code || e.Code == ErrProviderUnavailable.Code:
		v.Problem = "busy"
	case e.Code == ErrBodyTooLarge.Code:
		v.Problem = "too_large"
	case e.Code == ErrTooManyAttempts.Code || e.Code == ErrRateLimited.Code || e.Code == errCrossSite.Code:
		v.Problem = e.Code
	}
	errorHeaders(w.Header(), e)
	if err := c.render(w, r, e.Status, v); err != nil {
		c.cfg.Logger.ErrorContext(r.Context(), "checkout: the error page failed", "request", requestID(r.Context()), "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

var errCrossSite = &Error{Status: http.StatusForbidden, Type: typePermission, Code: "cross_site", Message: "The form was sent from another site."}

// getAsset is GET /checkout/assets/{name}. The name changes with the content, so it may be kept for ever.
func (c *Checkout) getAsset(w http.ResponseWriter, r *http.Request) error {
	file, ok := c.pages.assets[r.PathValue("name")]
	if !ok {
		return ErrRouteUnknown
	}
	h, content := w.Header(), file.content
	if file.zipped != nil && mayZip(h, r) {
		content = file.zipped
	}
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", file.contentType)
	if strings.HasPrefix(file.contentType, "image/") {
		h.Set("Content-Security-Policy", imagePolicy)
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(content)
	return nil
}

// postedForm reads a form that must come from our own page.
func (c *Checkout) postedForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if err := c.csrf.Check(r); err != nil {
		return nil, errCrossSite.because(err)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, ErrBodyTooLarge
		}
		return nil, &Error{Status: http.StatusBadRequest, Type: typeInvalidRequest, Code: "form_invalid", Message: "The form could not be read.", Err: err}
	}
	return r.PostForm, nil
}

// postPage is POST /checkout/{id}: the buyer's click. It always ends in a redirect or in the form again with what is
// wrong, so that a refresh repeats nothing.
func (c *Checkout) postPage(w http.ResponseWriter, r *http.Request) error {
	form, err := c.postedForm(w, r)
	if err != nil {
		return err
	}
	s, err := c.sessionOfPage(r)
	if err != nil {
		return err
	}
	c.sessionPolicy(w.Header(), s.rec, Embed{})
	attempts, fresh, err := c.readToken(r.Context(), form.Get("token"), s.rec.ID)
	if err != nil {
		return err
	}
	state := s.state(c.now())
	switch {
	case fresh && form.Get("action") == "abandon" && c.mayAbandon(s, state):
		return c.abandon(w, r, s)
	case fresh && form.Get("action") == "redirect" && state == "requires_action" && s.last.Client != "":
		return c.redirectInstead(w, r, s)
	case form.Get("action") == "abandon", form.Get("action") == "redirect", state != "open": // sent twice, they must not become a payment
		return c.goOn(w, r, s)
	case form.Get("action") == "extend" && fresh:
		if err := c.extend(r.Context(), s.rec.ID); err != nil {
			return err
		}
		return c.goOn(w, r, s)
	case !fresh:
		return c.writePage(w, r, http.StatusUnprocessableEntity, s, &refusedForm{problems: []pageProblem{{Key: "stale_form"}}, values: kept(form)})
	default:
		return c.payForm(w, r, s, form, attempts)
	}
}

func kept(form url.Values) map[string]string {
	return map[string]string{"email": shorten(form.Get("email"), 254), "method": shorten(form.Get("method"), 40)}
}

func (c *Checkout) payForm(w http.ResponseWriter, r *http.Request, s situation, form url.Values, attempts int) error {
	address := c.clients.of(r)
	if !c.limits.declines.Peek(address) {
		return tooMany(c.limits.declines.RetryAfter(address))
	}
	if s.rec.Amount > 0 && len(c.offersOf(r.Context(), s.rec, "")) == 0 {
		return c.goOn(w, r, s) // the page says that nobody can take money now
	}
	request, found := c.checkForm(r, s, form)
	if len(found) > 0 {
		return c.writePage(w, r, http.StatusUnprocessableEntity, s, &refusedForm{problems: found, values: kept(form)})
	}
	request.SessionID, request.Attempts, request.Input = s.rec.ID, attempts, form
	err := c.pay(r.Context(), request)
	if err != nil && !isRefusal(err) {
		return err
	}
	return c.goOn(w, r, s)
}

// checkForm holds a buyer's form to the rules and gives the payment it asks for.
func (c *Checkout) checkForm(r *http.Request, s situation, form url.Values) (payRequest, []pageProblem) {
	var found []pageProblem
	_, locale := c.lang(r, s.rec)
	request := payRequest{Locale: locale, Scripted: form.Get("scripts") == "1"}
	if s.rec.CustomerEmail == nil {
		request.Email = strings.TrimSpace(form.Get("email"))
		switch {
		case request.Email == "":
			found = append(found, pageProblem{Field: "email", Key: "email_missing"})
		case !validEmail(request.Email):
			found = append(found, pageProblem{Field: "email", Key: "email_invalid"})
		}
	}
	if s.rec.Amount == 0 {
		request.Provider, request.Method = nothingDue{}, noProvider
		return request, found
	}
	offers := c.offersOf(r.Context(), s.rec, "")
	i := slices.IndexFunc(offers, func(o offer) bool { return o.ID == form.Get("method") })
	if i < 0 && len(offers) == 1 && form.Get("method") == "" {
		i = 0
	}
	if i < 0 {
		return request, append(found, pageProblem{Field: "method", Key: "method_missing"})
	}
	request.Provider, request.Method = offers[i].provider, offers[i].ID
	if checker, ok := request.Provider.(inputChecker); ok {
		found = append(found, checker.checkInput(form)...)
	}
	return request, found
}

// goOn sends the buyer to where the session stands now: to the shop after success, to the bank's page on our own origin,
// else back to the page. The way to a foreign bank is a link there, because browsers hold redirects after a form to
// form-action, and the chain behind a bank is unknown.
func (c *Checkout) goOn(w http.ResponseWriter, r *http.Request, before situation) error {
	s, err := c.situation(r.Context(), before.rec.ID)
	if err != nil {
		return err
	}
	if s.failed() > before.failed() {
		c.limits.declines.Allow(c.clients.of(r))
	}
	if c.framedBy(r, s.rec) != "" {
		return seeOther(w, c.pageLink(r, s.rec.ID)) // neither the shop nor a bank belongs into the frame
	}
	switch s.state(c.now()) {
	case "completed":
		return seeOther(w, successURL(s.rec.SuccessURL, s.rec.ID))
	case "requires_action":
		if strings.HasPrefix(s.last.ActionURL, c.origin+"/") {
			return seeOther(w, s.last.ActionURL)
		}
	}
	return seeOther(w, c.pageLink(r, s.rec.ID))
}

// pageLink is the page's address on the path the request came by, which under another prefix is not BaseURL's.
func (c *Checkout) pageLink(r *http.Request, id string) string {
	link, sent := c.pageURL(id), originalPath(r)
	if end, ok := doorEnd(sent, c.basePath, c.cfg.PagePath); ok {
		link = sent[:end] + "/" + id
	}
	q := frameQuery(r)
	if lang := r.URL.Query().Get("lang"); lang != "" {
		q.Set("lang", shorten(lang, 35))
	}
	if len(q) > 0 {
		link += "?" + q.Encode()
	}
	return link
}

func seeOther(w http.ResponseWriter, target string) error {
	w.Header().Set("Location", asciiURL(target))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// asciiURL escapes what a header cannot carry and leaves everything else as the merchant wrote it.
func asciiURL(raw string) string {
	var b strings.Builder
	for i := range len(raw) {
		if raw[i] < 0x80 {
			b.WriteByte(raw[i])
			continue
		}
		fmt.Fprintf(&b, "%%%02X", raw[i])
	}
	return b.String()
}

// token binds a form to a session and to the number of attempts it knew of: HMAC-SHA256 over both and the time.
func (c *Checkout) token(ctx context.Context, id string, attempts int) (string, error) {
	key, err := c.secretKey(ctx)
	if err != nil {
		return "", err
	}
	head := strconv.Itoa(attempts) + "." + strconv.FormatInt(c.now().Unix(), 10)
	return head + "." + tokenSum(key, id, head), nil
}

func tokenSum(key []byte, id, head string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("page form\n" + id + "\n" + head))
	return hex.EncodeToString(mac.Sum(nil))
}

// readToken gives the number of attempts a form knew of, and whether the form is ours and not older than a month.
func (c *Checkout) readToken(ctx context.Context, token, id string) (attempts int, fresh bool, err error) {
	key, err := c.secretKey(ctx)
	if err != nil {
		return 0, false, err
	}
	i := strings.LastIndexByte(token, '.')
	if i < 0 || !hmac.Equal([]byte(tokenSum(key, id, token[:i])), []byte(token[i+1:])) {
		return 0, false, nil
	}
	count, stamp, _ := strings.Cut(token[:i], ".")
	attempts, err1 := strconv.Atoi(count)
	made, err2 := strconv.ParseInt(stamp, 10, 64)
	age := c.now().Sub(time.Unix(made, 0))
	return attempts, err1 == nil && err2 == nil && age < maxExpiresIn, nil
}

// testBankCharge finds the charge a challenge is about.
func (c *Checkout) testBankCharge(r *http.Request) (sandboxCharge, situation, error) {
	id := r.URL.Query().Get("payment")
	if !isID(prefixPayment, id) {
		return sandboxCharge{}, situation{}, ErrNotFound
	}
	charge, err := c.store.charge(r.Context(), id)
	if errors.Is(err, ErrNoCharge) {
		return charge, situation{}, ErrNotFound
	}
	if err != nil {
		return charge, situation{}, err
	}
	s, err := c.situation(r.Context(), charge.SessionID)
	return charge, s, err
}

// getTestBank is GET /checkout/test-bank: the sandbox's challenge, as a bank would ask.
func (c *Checkout) getTestBank(w http.ResponseWriter, r *http.Request) error {
	charge, s, err := c.testBankCharge(r)
	if err != nil {
		return err
	}
	if charge.State != StateActionRequired {
		return seeOther(w, c.pageLink(r, s.rec.ID))
	}
	token, err := c.token(r.Context(), charge.PaymentID, 0)
	if err != nil {
		return err
	}
	v := c.blankPage(r, "test_bank")
	v.Lang, v.Locale = c.lang(r, s.rec)
	v.Test, v.Token = true, token
	v.SessionID, v.Currency, v.Total = s.rec.ID, charge.Currency, charge.Amount
	v.Bank = pageBank{Key: charge.Scenario}
	contentPolicy(w.Header(), returnOrigins(s.rec), "", Embed{})
	return c.render(w, r, http.StatusOK, v)
}

// postTestBank is POST /checkout/test-bank: the buyer approves or refuses, and comes back like from any bank.
func (c *Checkout) postTestBank(w http.ResponseWriter, r *http.Request) error {
	form, err := c.postedForm(w, r)
	if err != nil {
		return err
	}
	charge, s, err := c.testBankCharge(r)
	if err != nil {
		return err
	}
	if _, fresh, err := c.readToken(r.Context(), form.Get("token"), charge.PaymentID); err != nil || !fresh {
		return errors.Join(err, errCrossSite)
	}
	if err := c.sandbox.answer(r.Context(), charge.PaymentID, form.Get("answer") == "approve"); err != nil {
		return err
	}
	c.sessionPolicy(w.Header(), s.rec, Embed{})
	return seeOther(w, c.pageURL(s.rec.ID)+"/return")
}
