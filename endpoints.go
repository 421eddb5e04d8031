package checkout

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/jopay/checkout/internal/netguard"
	"github.com/jopay/checkout/webhook"
)

// Endpoint is an address that webhooks go to. Its secrets are shown when they are made, and not here.
type Endpoint struct {
	ID             string
	Mode           Mode
	URL            string
	Events         []string
	Payload        string // full, or seed for receivers that refuse members they do not know
	Enabled        bool
	DisabledReason string // for people; empty while it is on
	CreatedAt      time.Time

	DisabledAt *time.Time // when it was last switched off; it stays when the endpoint is on again

	// MissedSince is since when the receiver may lack webhooks: from a little before the failures that ended in its being
	// switched off, or from when it was. ReplayEvents from there sends what is missing, and then it is nil again.
	MissedSince  *time.Time
	FailingSince *time.Time // since when every attempt has failed; nil when the last one did not
	Failures     int        // how many that are

	SecretLast4 string // of the secret in force, to tell it from others; empty when SecretLost
	SecretLost  bool   // the secret does not open with the keys in Config: nothing is sent until it does

	// While a secret is being replaced, PreviousUntil is when the old one ends. Leading and Accepted are current or
	// previous: which one signs first, and which one the receiver has taken last, at AcceptedAt. Accepted is empty when
	// that is not known.
	PreviousUntil *time.Time
	Leading       string
	Accepted      string
	AcceptedAt    *time.Time
}

// EndpointParams is a new endpoint.
type EndpointParams struct {
	Mode    Mode
	URL     string   // https in live mode, on port 443 or 8443; test mode also takes http on 80 and 8080
	Events  []string // Defaults to the seed's three
	Payload string   // full or seed. Defaults to full
	Secret  string   // whsec_ and base64 of 24 to 64 bytes; test mode takes any of 8 characters. Defaults to a new one
}

var allEvents = []string{
	webhook.SessionCompleted, webhook.SessionExpired, webhook.PaymentFailed,
	webhook.SessionCreated, webhook.PaymentProcessing, webhook.PaymentLate, webhook.RefundSucceeded, webhook.RefundFailed, webhook.InvoiceIssued,
}

// seedEvents are what a new endpoint gets.
var seedEvents = []string{webhook.SessionCompleted, webhook.SessionExpired, webhook.PaymentFailed}

// CreateEndpoint adds an endpoint and gives the secret its webhooks are signed with, this once.
func (c *Checkout) CreateEndpoint(ctx context.Context, params EndpointParams) (id, secret string, err error) {
	rec, err := c.newEndpoint(params)
	if err != nil {
		return "", "", err
	}
	defer c.endpointsChanged()
	err = c.store.transact(ctx, func(t tx) error {
		isNew, err := t.insertEndpoint(rec)
		if err != nil || !isNew {
			return err
		}
		return c.audit(ctx, t, change{mode: rec.Mode, action: "endpoint.create", object: rec.ID, after: rec.told()})
	})
	if err != nil {
		return "", "", err
	}
	secret, err = c.openSecret(rec, secretCurrent)
	return rec.ID, secret, err
}

// filled gives what was left out its default.
func (params EndpointParams) filled() EndpointParams {
	setDefault(&params.Payload, "full")
	setDefault(&params.Secret, webhook.NewSecret())
	if params.Events == nil {
		params.Events = seedEvents
	}
	return params
}

func (c *Checkout) newEndpoint(params EndpointParams) (endpointRecord, error) {
	params = params.filled()
	var p problems
	c.checkEndpoint(params, &p)
	if err := p.err(); err != nil {
		return endpointRecord{}, err
	}
	now := c.now()
	id := newID(prefixEndpoint, now)
	return endpointRecord{
		ID: id, Mode: params.Mode, URL: params.URL, Secret: c.seal(params.Secret, id, secretCurrent), Lead: secretCurrent,
		Events: eventWords(params.Events), Payload: params.Payload, Status: endpointEnabled, CreatedAt: millis(now),
	}, nil
}

func eventWords(events []string) string { return " " + strings.Join(events, " ") + " " }

func (c *Checkout) checkEndpoint(params EndpointParams, p *problems) {
	if !params.Mode.valid() {
		p.add("mode", "parameter_missing", "mode must be checkout.Test or checkout.Live.")
	}
	c.checkTarget(params.URL, params.Mode, p)
	checkEvents(params.Events, p)
	checkPayload(params.Payload, p)
	if !validWebhookSecret(params.Secret, params.Mode) {
		p.add("secret", "parameter_invalid_string", "secret must be whsec_ and base64 of 24 to 64 bytes; in test mode, whsec_ and 8 to 128 printable characters.")
	}
}

func (c *Checkout) checkTarget(url string, mode Mode, p *problems) {
	guard := netguard.Options{AllowHosts: c.cfg.WebhookAllowHosts, AllowHTTP: mode == Test}
	if err := guard.CheckURL(url); err != nil {
		p.add("url", "url_invalid", "url cannot receive webhooks: %v.", err)
	}
}

func checkEvents(events []string, p *problems) {
	for _, e := range events {
		if !slices.Contains(allEvents, e) {
			p.add("events", "parameter_invalid_string", "events holds a type that does not exist.")
		}
	}
	if len(events) == 0 {
		p.add("events", "parameter_missing", "events must name at least one type.")
	}
}

func checkPayload(payload string, p *problems) {
	if payload != "full" && payload != "seed" {
		p.add("payload", "parameter_invalid_string", "payload must be full or seed.")
	}
}

// validWebhookSecret lets people choose a secret for tests only: one that was typed can be guessed.
func validWebhookSecret(secret string, mode Mode) bool {
	rest, ok := strings.CutPrefix(secret, "whsec_")
	if !ok || len(rest) < 8 || len(rest) > 128 || strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(rest)
	return mode == Test || (err == nil && len(key) >= 24 && len(key) <= 64)
}

// Endpoints lists the endpoints of a mode, oldest first.
func (c *Checkout) Endpoints(ctx context.Context, mode Mode) ([]Endpoint, error) {
	records, err := c.store.endpoints(ctx, mode)
	list := make([]Endpoint, 0, len(records))
	for _, r := range records {
		list = append(list, c.endpointView(r))
	}
	return list, err
}

// GetEndpoint gives one endpoint of either mode, or [ErrNotFound].
func (c *Checkout) GetEndpoint(ctx context.Context, id string) (Endpoint, error) {
	rec, err := c.store.endpoint(ctx, id)
	if err == nil && rec.Status == endpointDeleted {
		err = ErrNotFound
	}
	if err != nil {
		return Endpoint{}, err
	}
	return c.endpointView(rec), nil
}

func (c *Checkout) endpointView(r endpointRecord) Endpoint {
	e := Endpoint{
		ID: r.ID, Mode: r.Mode, URL: r.URL, Events: strings.Fields(r.Events), Payload: r.Payload, Enabled: r.Status == endpointEnabled,
		DisabledReason: r.Reason, CreatedAt: seconds(r.CreatedAt), DisabledAt: optionalSeconds(r.DisabledAt), MissedSince: optionalSeconds(r.MissedSince),
		FailingSince: optionalSeconds(r.FailingSince), Failures: r.Failures,
		Leading: secretCurrent, Accepted: orEmpty(r.Accepted), AcceptedAt: optionalSeconds(r.AcceptedAt),
	}
	if r.twoLive(c.now()) {
		e.Leading, e.PreviousUntil = r.Lead, optionalSeconds(r.PreviousUntil)
	}
	secret, err := c.openSecret(r, secretCurrent)
	if e.SecretLost = err != nil; err == nil {
		e.SecretLast4 = secret[max(0, len(secret)-4):]
	}
	return e
}
