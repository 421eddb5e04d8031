package checkout

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jopay/checkout/internal/netguard"
	"github.com/jopay/checkout/webhook"
)

// Endpoint is an address that webhooks go to. Its secret is shown when it is made, and not here.
type Endpoint struct {
	ID             string
	Mode           Mode
	URL            string
	Events         []string
	Payload        string // full, or seed for receivers that refuse members they do not know
	Enabled        bool
	DisabledReason string
	CreatedAt      time.Time
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

// CreateEndpoint adds an endpoint and gives the secret its webhooks are signed with.
func (c *Checkout) CreateEndpoint(ctx context.Context, params EndpointParams) (id, secret string, err error) {
	rec, err := c.newEndpoint(params)
	if err != nil {
		return "", "", err
	}
	defer c.shared.created.forget()
	err = c.store.retry(ctx, func() error { return c.store.direct(ctx).insertEndpoint(rec) })
	return rec.ID, rec.Secret, err
}

// SetWebhook sets the one endpoint of a mode that most hosts need and gives its secret: it makes the endpoint, or changes
// the address of the first one and keeps its secret.
func (c *Checkout) SetWebhook(ctx context.Context, mode Mode, url string) (secret string, err error) {
	return c.SetWebhookSecret(ctx, mode, url, "")
}

// SetWebhookSecret is [Checkout.SetWebhook] with a secret that was made elsewhere; empty keeps or makes one.
func (c *Checkout) SetWebhookSecret(ctx context.Context, mode Mode, url, secret string) (string, error) {
	rec, err := c.newEndpoint(EndpointParams{Mode: mode, URL: url, Secret: secret})
	if err != nil {
		return "", err
	}
	defer c.shared.created.forget() // an endpoint that was off may want to hear of new sessions
	err = c.store.transact(ctx, func(t tx) (err error) {
		rec, err = t.setEndpoint(rec, secret == "")
		return err
	})
	if err != nil {
		return "", err
	}
	return rec.Secret, nil
}

func (c *Checkout) newEndpoint(params EndpointParams) (endpointRecord, error) {
	setDefault(&params.Payload, "full")
	if params.Events == nil {
		params.Events = seedEvents
	}
	if params.Secret == "" {
		params.Secret = webhook.NewSecret()
	}
	var p problems
	c.checkEndpoint(params, &p)
	if err := p.err(); err != nil {
		return endpointRecord{}, err
	}
	now := c.now()
	return endpointRecord{
		ID: newID(prefixEndpoint, now), Mode: params.Mode, URL: params.URL, Secret: params.Secret,
		Events: " " + strings.Join(params.Events, " ") + " ", Payload: params.Payload, Status: "enabled", CreatedAt: millis(now),
	}, nil
}

func (c *Checkout) checkEndpoint(params EndpointParams, p *problems) {
	if !params.Mode.valid() {
		p.add("mode", "parameter_missing", "mode must be checkout.Test or checkout.Live.")
	}
	guard := netguard.Options{AllowHosts: c.cfg.WebhookAllowHosts, AllowHTTP: params.Mode == Test}
	if err := guard.CheckURL(params.URL); err != nil {
		p.add("url", "url_invalid", "url cannot receive webhooks: %v.", err)
	}
	for _, e := range params.Events {
		if !slices.Contains(allEvents, e) {
			p.add("events", "parameter_invalid_string", "events holds a type that does not exist.")
		}
	}
	if len(params.Events) == 0 {
		p.add("events", "parameter_missing", "events must name at least one type.")
	}
	if params.Payload != "full" && params.Payload != "seed" {
		p.add("payload", "parameter_invalid_string", "payload must be full or seed.")
	}
	if !validWebhookSecret(params.Secret, params.Mode) {
		p.add("secret", "parameter_invalid_string", "secret must be whsec_ and base64 of 24 to 64 bytes; in test mode, whsec_ and 8 to 128 printable characters.")
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
		list = append(list, Endpoint{
			ID: r.ID, Mode: r.Mode, URL: r.URL, Events: strings.Fields(r.Events), Payload: r.Payload,
			Enabled: r.Status == "enabled", DisabledReason: r.Reason, CreatedAt: seconds(r.CreatedAt),
		})
	}
	return list, err
}

// wantsCache remembers for two seconds whether an endpoint of a mode wants to hear of new sessions. Most hosts have none,
// and a create stays one statement.
type wantsCache struct {
	mu     sync.Mutex
	byMode map[Mode]wanted
}

type wanted struct {
	yes   bool
	until time.Time
}

func (w *wantsCache) get(m Mode, now time.Time) (yes, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, ok := w.byMode[m]
	return e.yes, ok && now.Before(e.until)
}

func (w *wantsCache) put(m Mode, yes bool, until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byMode == nil {
		w.byMode = map[Mode]wanted{}
	}
	w.byMode[m] = wanted{yes, until}
}

func (w *wantsCache) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.byMode)
}

// wantsCreated does not keep a session from being made: when the database does not say, nobody hears of it.
func (c *Checkout) wantsCreated(ctx context.Context, m Mode) bool {
	now := c.now()
	if yes, known := c.shared.created.get(m, now); known {
		return yes
	}
	yes, err := c.store.direct(ctx).wantsEvent(m, webhook.SessionCreated)
	if err != nil {
		c.cfg.Logger.WarnContext(ctx, "checkout: whether an endpoint wants new sessions is not known", "error", err)
		return false
	}
	c.shared.created.put(m, yes, now.Add(keyCacheTime))
	return yes
}
