package checkout

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Mount puts the API and the page on the host's mux. The patterns name their methods, so that they stand beside a host's
// own "GET /"; another router takes [Checkout.API] and [Checkout.Pages] at their paths, with or without the prefix.
func (c *Checkout) Mount(mux *http.ServeMux) {
	api, pages := c.API(), c.Pages()
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		mux.Handle(method+" "+c.cfg.APIPath, api)
		mux.Handle(method+" "+c.cfg.APIPath+"/{rest...}", api)
		mux.Handle(method+" "+c.cfg.PagePath, pages)
		mux.Handle(method+" "+c.cfg.PagePath+"/{rest...}", pages)
	}
}

// BaseURL is where buyers reach the host, without a slash at the end.
func (c *Checkout) BaseURL() string { return c.base }

// APIPath is where [Checkout.API] is expected, below [Checkout.BaseURL].
func (c *Checkout) APIPath() string { return c.cfg.APIPath }

// PagePath is where [Checkout.Pages] is expected, below [Checkout.BaseURL].
func (c *Checkout) PagePath() string { return c.cfg.PagePath }

// API is the handler of the sessions API and of the providers' notifications. It answers JSON, also for what it does not
// know.
func (c *Checkout) API() http.Handler {
	with := c.withKey
	return &door{
		base: c.basePath,
		path: c.cfg.APIPath,
		routes: []route{
			routeOf("/sessions", map[string]handler{"POST": with(c.postSession), "GET": with(c.getSessions)}),
			routeOf("/sessions/:id", map[string]handler{"GET": with(c.getSession)}),
			routeOf("/sessions/:id/expire", map[string]handler{"POST": with(c.postExpire)}),
			routeOf("/sessions/:id/payments", map[string]handler{"GET": with(c.getPayments)}),
			routeOf("/refunds", map[string]handler{"POST": with(c.postRefund), "GET": with(c.getRefunds)}),
			routeOf("/refunds/:id", map[string]handler{"GET": with(c.getRefund)}),
			routeOf("/invoices", map[string]handler{"GET": with(c.getDocuments)}),
			routeOf("/invoices/:id", map[string]handler{"GET": with(c.getDocument)}),
			routeOf("/invoices/:id/pdf", map[string]handler{"GET": with(c.getDocumentPDF)}),
			routeOf("/invoices/:id/xml", map[string]handler{"GET": with(c.getDocumentXML)}),
			routeOf("/invoices/:id/send", map[string]handler{"POST": with(c.postDocumentSend)}),
			routeOf("/webhook_endpoints", map[string]handler{"POST": with(c.postEndpoint), "GET": with(c.getEndpoints)}),
			routeOf("/webhook_endpoints/:id", map[string]handler{"GET": with(c.getEndpoint), "PATCH": with(c.patchEndpoint), "DELETE": with(c.deleteEndpoint)}),
			routeOf("/webhook_endpoints/:id/rotate_secret", map[string]handler{"POST": with(c.postRotate)}),
			routeOf("/webhook_endpoints/:id/test", map[string]handler{"POST": with(c.postEndpointTest)}),
			routeOf("/webhook_endpoints/:id/replay", map[string]handler{"POST": with(c.postReplay)}),
			routeOf("/webhook_deliveries", map[string]handler{"GET": with(c.getDeliveries)}),
			routeOf("/webhook_deliveries/:id", map[string]handler{"GET": with(c.getDelivery)}),
			routeOf("/webhook_deliveries/:id/redeliver", map[string]handler{"POST": with(c.postRedeliver)}),
			routeOf("/events", map[string]handler{"GET": with(c.getEvents)}),
			routeOf("/events/:id", map[string]handler{"GET": with(c.getEvent)}),
			routeOf("/test/sessions/:id/pay", map[string]handler{"POST": with(c.testOnly(c.postTestPay))}),
			routeOf("/test/sessions/:id/fail", map[string]handler{"POST": with(c.testOnly(c.postTestFail))}),
			routeOf("/test/sessions/:id/advance", map[string]handler{"POST": with(c.testOnly(c.postTestAdvance))}),
			routeOf("/account", map[string]handler{"GET": with(c.getAccount)}),
			routeOf("/health", map[string]handler{"GET": c.getHealth}),
			routeOf("/notify/:provider", map[string]handler{"POST": c.postNotify}),
		},
		serve: func(w http.ResponseWriter, r *http.Request, h handler) {
			apiHeaders(w.Header())
			c.guarded(w, withRequestID(w, r), h, c.answerJSON)
		},
	}
}

// APIRoutes lists the addresses of the API below [Checkout.APIPath], with :name for parts, for routers that want to know
// each one.
func (c *Checkout) APIRoutes() []string { return c.API().(*door).patterns() }

// PageRoutes lists the addresses of the page below [Checkout.PagePath], with :name for parts.
func (c *Checkout) PageRoutes() []string { return c.Pages().(*door).patterns() }

// postSession is POST /sessions: 201 with a new session, or the first answer again for a repeated Idempotency-Key.
func (c *Checkout) postSession(w http.ResponseWriter, r *http.Request) error {
	key, body, err := readCreate(w, r)
	if err != nil {
		return err
	}
	v, err := parseObject(body)
	if err != nil {
		return err
	}
	var p problems
	params := decodeSession(v, &p)
	params.Mode, params.IdempotencyKey, params.requestHash = apiKey(r.Context()).Mode, key, fingerprintOf(key, body)
	s, err := c.createSession(r.Context(), params, &p)
	if err != nil {
		return err
	}
	return c.writeCreated(w, "/sessions/"+s.ID, s.Replayed(), s)
}

// readCreate reads a request that makes something: its idempotency key and its body.
func readCreate(w http.ResponseWriter, r *http.Request) (key string, body []byte, err error) {
	if key, err = idempotencyKey(r); err != nil {
		return "", nil, err
	}
	body, err = readJSON(w, r)
	return key, body, err
}

// fingerprintOf tells requests apart that come under one idempotency key.
func fingerprintOf(key string, body []byte) string {
	if key == "" {
		return ""
	}
	return sha256Hex(string(body))
}

// writeCreated answers 201, and says when it is the first answer again.
func (c *Checkout) writeCreated(w http.ResponseWriter, path string, replayed bool, v any) error {
	if replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	w.Header().Set("Location", c.base+c.cfg.APIPath+path)
	return writeJSON(w, http.StatusCreated, v)
}

// getSession is GET /sessions/{id}.
func (c *Checkout) getSession(w http.ResponseWriter, r *http.Request) error {
	rec, err := c.ownSession(r)
	if err != nil {
		return err
	}
	return c.writeSession(w, rec)
}

// ownSession reads the session of the path, which must be of the key's mode.
func (c *Checkout) ownSession(r *http.Request) (sessionRecord, error) {
	return c.sessionOfKey(r, r.PathValue("id"))
}

func (c *Checkout) sessionOfKey(r *http.Request, id string) (sessionRecord, error) {
	rec, err := c.store.session(r.Context(), id)
	if err == nil && rec.Mode != apiKey(r.Context()).Mode {
		err = ErrNotFound
	}
	if errors.Is(err, ErrNotFound) {
		err = ErrNotFound.saying("There is no such session in %s mode.", apiKey(r.Context()).Mode)
	}
	return rec, err
}

func (c *Checkout) writeSession(w http.ResponseWriter, rec sessionRecord) error {
	s, err := c.view(rec)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s)
}

type listBody struct {
	Object  string `json:"object"`
	Data    any    `json:"data"`
	HasMore bool   `json:"has_more"`
	URL     string `json:"url"`
}

// getSessions is GET /sessions: a page of the list, newest first.
func (c *Checkout) getSessions(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	var p problems
	f := decodeFilter(q, &p)
	if err := p.err(); err != nil {
		return err
	}
	f.Mode = apiKey(r.Context()).Mode
	list, more, err := c.Sessions(r.Context(), f)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, listBody{Object: "list", Data: list, HasMore: more, URL: c.cfg.APIPath + "/sessions"})
}

// parseQuery refuses a query that is not well-formed: a filter that is dropped would list what was not asked for.
func parseQuery(r *http.Request) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalid([]FieldError{{Code: "parameter_invalid_string", Message: "The query is not well-formed."}})
	}
	return q, nil
}

func decodeFilter(q url.Values, p *problems) SessionFilter {
	f := SessionFilter{}
	readQuery(q, p, map[string]func(string){
		"starting_after":      func(s string) { f.StartingAfter = s },
		"ending_before":       func(s string) { f.EndingBefore = s },
		"status":              func(s string) { f.Status = oneOf(p, "status", s, StatusPending, StatusCompleted, StatusExpired) },
		"payment_status":      func(s string) { f.PaymentStatus = oneOf(p, "payment_status", s, allPaymentStatuses...) },
		"customer_email":      func(s string) { f.CustomerEmail = s },
		"client_reference_id": func(s string) { f.ClientReferenceID = s },
		"created[gte]":        func(s string) { f.CreatedFrom = timeParam(p, "created[gte]", s) },
		"created[lte]":        func(s string) { f.CreatedTo = timeParam(p, "created[lte]", s) },
		"limit":               func(s string) { f.Limit = limitParam(p, s) },
	})
	return f
}

// readQuery hands the parameters of a query to those who want them, and refuses the others and what stands there twice.
func readQuery(q url.Values, p *problems, texts map[string]func(string)) {
	for _, name := range slices.Sorted(maps.Keys(q)) {
		set, ok := texts[name]
		values := q[name]
		switch {
		case !ok:
			p.add(shorten(name, 60), "parameter_unknown", "%s is not a parameter here.", shorten(name, 60))
		case len(values) > 1:
			p.add(name, "parameter_invalid_string", "%s stands in the query twice.", name)
		case values[0] != "":
			p.text(name, values[0], 300)
			set(values[0])
		}
	}
}

var allPaymentStatuses = []PaymentStatus{PaymentUnpaid, PaymentRequiresAction, PaymentProcessing, PaymentPaid, PaymentNotRequired, PaymentPartiallyRefunded, PaymentRefunded}

func oneOf[T ~string](p *problems, name, value string, allowed ...T) T {
	for _, a := range allowed {
		if string(a) == value {
			return a
		}
	}
	p.add(name, "parameter_invalid_string", "%s must be one of %v.", name, allowed)
	return ""
}

// timeParam takes Unix seconds or RFC 3339.
func timeParam(p *problems, name, value string) time.Time {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 && n < 1<<37 {
		return time.Unix(n, 0).UTC()
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		p.add(name, "parameter_invalid_integer", "%s must be Unix seconds or a time like 2025-01-10T13:00:00Z.", name)
	}
	return t.UTC()
}

func limitParam(p *problems, value string) int {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > 100 {
		p.add("limit", "parameter_invalid_integer", "limit must be a whole number from 1 to 100.")
		return 1
	}
	return n
}

// postExpire is POST /sessions/{id}/expire: 200 with the expired session, also when it was expired before.
func (c *Checkout) postExpire(w http.ResponseWriter, r *http.Request) error {
	rec, err := c.ownSession(r)
	if err != nil {
		return err
	}
	if rec, err = c.expireNow(r.Context(), rec.ID); err != nil {
		return err
	}
	return c.writeSession(w, rec)
}

type paymentBody struct {
	ID          string        `json:"id"`
	Object      string        `json:"object"`
	SessionID   string        `json:"session_id"`
	Status      string        `json:"status"`
	AmountCents int64         `json:"amount_cents"`
	Received    int64         `json:"received_cents"` // what has come of it
	Currency    string        `json:"currency"`
	Provider    string        `json:"provider"`
	Method      string        `json:"method"`
	Error       *PaymentError `json:"error"`
	CreatedAt   time.Time     `json:"created_at"`
	SettledAt   *time.Time    `json:"settled_at"`
}

// getPayments is GET /sessions/{id}/payments: every attempt, oldest first.
func (c *Checkout) getPayments(w http.ResponseWriter, r *http.Request) error {
	rec, err := c.ownSession(r)
	if err != nil {
		return err
	}
	payments, err := c.store.payments(r.Context(), rec.ID)
	if err != nil {
		return err
	}
	list := make([]paymentBody, 0, len(payments))
	for _, p := range payments {
		list = append(list, paymentView(p))
	}
	return writeJSON(w, http.StatusOK, listBody{Object: "list", Data: list, URL: c.cfg.APIPath + "/sessions/" + rec.ID + "/payments"})
}

func paymentView(p paymentRecord) paymentBody {
	b := paymentBody{
		ID: p.ID, Object: "payment", SessionID: p.SessionID, Status: string(p.State), AmountCents: p.Amount,
		Received: max(p.Received, p.Captured), Currency: p.Currency,
		Provider: p.Provider, Method: p.Method, CreatedAt: seconds(p.CreatedAt), SettledAt: optionalSeconds(p.SettledAt),
	}
	if p.State == attemptFailed {
		failure := failureOf(p)
		b.Error = &failure
	}
	return b
}

// getAccount is GET /account: "is my key right?"
func (c *Checkout) getAccount(w http.ResponseWriter, r *http.Request) error {
	k := apiKey(r.Context())
	return writeJSON(w, http.StatusOK, struct {
		Object     string     `json:"object"`
		Mode       Mode       `json:"mode"`
		Livemode   bool       `json:"livemode"`
		KeyName    string     `json:"key_name"`
		KeyPrefix  string     `json:"key_prefix"`
		KeyLast4   string     `json:"key_last4"`
		Scopes     []string   `json:"scopes"`
		ExpiresAt  *time.Time `json:"expires_at"`
		ServerTime time.Time  `json:"server_time"`
	}{"account", k.Mode, k.Mode == Live, k.Name, k.Prefix, k.Last4, []string{"sessions:read", "sessions:write", "refunds:write", "events:read", "webhooks:write"}, optionalSeconds(k.ExpiresAt), c.now().Truncate(time.Second)})
}

// getHealth is GET /health, without a key: 200 when the database answers, 503 when it does not.
func (c *Checkout) getHealth(w http.ResponseWriter, r *http.Request) error {
	if err := c.store.ping(r.Context()); err != nil {
		return ErrDatabaseBusy.because(err)
	}
	return writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

const maxNotice = 64 << 10 // bytes

// postNotify is POST /notify/{provider}: a payment company tells us something. 200 comes only after the commit.
func (c *Checkout) postNotify(w http.ResponseWriter, r *http.Request) error {
	provider, ok := c.providers[r.PathValue("provider")]
	if r.PathValue("provider") == sandboxName {
		provider, ok = c.sandbox, true
	}
	if !ok {
		return ErrRouteUnknown
	}
	body, err := readBody(w, r, maxNotice)
	if err != nil {
		return err
	}
	err = c.takeNotice(r, provider, body)
	if acker, ok := provider.(Acker); ok {
		if err != nil {
			c.cfg.Logger.WarnContext(r.Context(), "checkout: a notification was not taken", "request", requestID(r.Context()), "provider", provider.Name(), "error", err)
		}
		acker.Ack(w, err)
		return nil
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]bool{"received": true})
}

// takeNotice settles what a notification is about (T17). It believes the provider's present word, not the message: that
// may be old. A notification about charges that are not ours is fine, companies share accounts between systems.
func (c *Checkout) takeNotice(r *http.Request, provider Provider, body []byte) error {
	list, err := provider.Notice(r, body)
	if errors.Is(err, ErrNotAuthentic) {
		return &Error{Status: http.StatusBadRequest, Type: typeInvalidRequest, Code: "signature_invalid", Message: "The notification is not authentic.", Err: err}
	}
	if err != nil {
		return err
	}
	c.reached("notice.verified")
	for _, o := range list {
		if err := c.takeHint(r, provider, o); err != nil {
			return err
		}
	}
	return nil
}

func (c *Checkout) takeHint(r *http.Request, provider Provider, hint Observation) error {
	p, err := c.store.paymentOfNotice(r.Context(), provider.Name(), hint)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if hint.EventKey != "" {
		if seen, err := c.store.providerEventSeen(r.Context(), provider.Name(), hint.EventKey); err != nil || seen {
			return err
		}
	}
	call, cancel := detached(r.Context(), callTimeout)
	defer cancel()
	o, err := provider.Observe(call, chargeRef(p))
	if err != nil {
		return ErrProviderUnavailable.because(fmt.Errorf("after a notification: %w", err))
	}
	err = c.settle(r.Context(), fact{PaymentID: p.ID, Observation: o, EventKey: hint.EventKey, Provider: provider.Name()})
	c.reached("notice.committed")
	return err
}
