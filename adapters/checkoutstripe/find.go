package checkoutstripe

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/jopay/checkout"
)

var refRule = regexp.MustCompile(`^(pi|cs)_[A-Za-z0-9_]{1,250}$`)

// find fetches a charge of ours, by its Ref if it has one.
func (p *Provider) find(ctx context.Context, ref checkout.ChargeRef) (charge, error) {
	if ref.AttemptID == "" {
		return charge{}, noCharge("no attempt is named")
	}
	c, err := p.fetch(ctx, ref)
	if err != nil {
		return charge{}, ofRead(err)
	}
	if c.attempt() != ref.AttemptID || c.live() != p.live {
		return charge{}, noCharge("it belongs to another attempt")
	}
	return c, nil
}

func (p *Provider) fetch(ctx context.Context, ref checkout.ChargeRef) (charge, error) {
	if ref.Ref == "" {
		return p.search(ctx, ref)
	}
	m := refRule.FindStringSubmatch(ref.Ref)
	switch {
	case m == nil:
		return charge{}, noCharge("its reference is not of Stripe")
	case m[1] == "cs":
		return p.fetchSession(ctx, ref.Ref)
	}
	return p.fetchIntent(ctx, ref.Ref)
}

func (p *Provider) fetchIntent(ctx context.Context, id string) (charge, error) {
	var in intent
	err := p.api.get(ctx, "/v1/payment_intents/"+id, nil, &in)
	return charge{intent: &in}, err
}

func (p *Provider) fetchSession(ctx context.Context, id string) (charge, error) {
	var s hostedSession
	err := p.api.get(ctx, "/v1/checkout/sessions/"+id, url.Values{"expand[]": {"payment_intent"}}, &s)
	return charge{session: &s, intent: s.PaymentIntent.Object}, err
}

// search looks for the charge of an attempt whose Begin was not answered, in the lists of what was made at that time:
// Stripe's search may lag behind by minutes. Sessions come first, for their PaymentIntents carry the attempt as well.
func (p *Provider) search(ctx context.Context, ref checkout.ChargeRef) (charge, error) {
	made := madeAround(ref.BegunAt)
	id, err := look(ctx, p.api, "/v1/checkout/sessions", made, func(s hostedSession) (string, bool) {
		return s.ID, s.ClientReferenceID == ref.AttemptID
	})
	if err != nil {
		return charge{}, err
	}
	if id != "" {
		return p.fetchSession(ctx, id)
	}
	return p.searchIntent(ctx, ref.AttemptID, made)
}

func (p *Provider) searchIntent(ctx context.Context, attempt string, made url.Values) (charge, error) {
	id, err := look(ctx, p.api, "/v1/payment_intents", made, func(in intent) (string, bool) {
		return in.ID, in.Metadata["attempt"] == attempt
	})
	if errors.Is(err, errTooMany) {
		id, err = p.askSearch(ctx, attempt)
	}
	switch {
	case err != nil:
		return charge{}, err
	case id == "":
		return charge{}, noCharge("there is none with this attempt")
	}
	return p.fetchIntent(ctx, id)
}

// askSearch is for accounts so busy that the list is too long.
func (p *Provider) askSearch(ctx context.Context, attempt string) (string, error) {
	if word(attempt) == "" {
		return "", nil // it would end the quotes of the query
	}
	var found page[identified]
	query := url.Values{"query": {`metadata["attempt"]:"` + attempt + `"`}, "limit": {"1"}}
	if err := p.api.get(ctx, "/v1/payment_intents/search", query, &found); err != nil || len(found.Data) == 0 {
		return "", err
	}
	return found.Data[0].ID, nil
}

// A request may be on its way for a quarter of an hour, and clocks differ.
const (
	madeBefore = 5 * time.Minute
	madeAfter  = 20 * time.Minute
)

func madeAround(begun time.Time) url.Values {
	if begun.IsZero() {
		return url.Values{}
	}
	return url.Values{
		"created[gte]": {strconv.FormatInt(begun.Add(-madeBefore).Unix(), 10)},
		"created[lte]": {strconv.FormatInt(begun.Add(madeAfter).Unix(), 10)},
	}
}

const (
	pageSize = 100
	maxPages = 10
)

// errTooMany is of no kind: what was not seen is not absent.
var errTooMany = errors.New("checkoutstripe: the list is too long to look through")

// look goes through a list until one object is the one looked for, and gives its id. It is empty when none is.
func look[T any](ctx context.Context, a *api, path string, filter url.Values, wanted func(T) (id string, found bool)) (string, error) {
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	for field, values := range filter {
		query[field] = values
	}
	for range maxPages {
		var list page[T]
		if err := a.get(ctx, path, query, &list); err != nil {
			return "", err
		}
		last := ""
		for _, object := range list.Data {
			id, found := wanted(object)
			if found {
				return id, nil
			}
			last = id
		}
		if !list.HasMore || last == "" {
			return "", nil
		}
		query.Set("starting_after", last)
	}
	return "", errTooMany
}
