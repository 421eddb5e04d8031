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

// search looks for the charge of an attempt whose Begin was not answered, in the lists of what was made at that time, which
// are never behind as Stripe's search is. Sessions come first, for their PaymentIntents carry the attempt as well.
//
// Where there are too many sessions to look through, the PaymentIntent leads to its session. A session that has none is not
// found then: nobody has begun to pay in it, and nobody can, because its address was never told.
func (p *Provider) search(ctx context.Context, ref checkout.ChargeRef) (charge, error) {
	made := madeAround(ref.BegunAt)
	id, err := look(ctx, p.api, "/v1/checkout/sessions", made, func(s hostedSession) (string, bool) {
		return s.ID, s.ClientReferenceID == ref.AttemptID
	})
	tooMany := errors.Is(err, errTooMany)
	switch {
	case tooMany:
	case err != nil:
		return charge{}, err
	case id != "":
		return p.fetchSession(ctx, id)
	}
	if id, err = p.searchIntent(ctx, ref, made, tooMany); err != nil {
		return charge{}, err
	}
	if tooMany {
		return p.fetchAround(ctx, id)
	}
	return p.fetchIntent(ctx, id)
}

// searchIntent gives the id of the attempt's PaymentIntent. That of a session may be younger than the list goes.
func (p *Provider) searchIntent(ctx context.Context, ref checkout.ChargeRef, made url.Values, ofSession bool) (string, error) {
	id, err := look(ctx, p.api, "/v1/payment_intents", made, func(in intent) (string, bool) {
		return in.ID, in.Metadata["attempt"] == ref.AttemptID
	})
	if errors.Is(err, errTooMany) || (err == nil && id == "" && ofSession) {
		return p.askSearch(ctx, ref)
	}
	if err == nil && id == "" {
		err = noCharge("there is none with this attempt")
	}
	return id, err
}

// searchLag is how far Stripe's search may be behind.
const searchLag = time.Hour

// askSearch is for accounts so busy that a list is too long. That the search finds nothing says something only when it
// cannot be behind any more. The checkout asks again until then, so such an attempt fails after an hour, where others do when
// the checkout believes an absence: a quarter of an hour after Begin.
func (p *Provider) askSearch(ctx context.Context, ref checkout.ChargeRef) (string, error) {
	if word(ref.AttemptID) == "" { // it would end the quotes of the query
		return "", noCharge("attempts have no such ids")
	}
	var found page[identified]
	query := url.Values{"query": {`metadata["attempt"]:"` + ref.AttemptID + `"`}, "limit": {"1"}}
	err := p.api.get(ctx, "/v1/payment_intents/search", query, &found)
	switch {
	case err != nil:
		return "", err
	case len(found.Data) > 0:
		return found.Data[0].ID, nil
	case ref.BegunAt.IsZero() || p.now().Before(ref.BegunAt.Add(searchLag)):
		return "", errTooMany
	}
	return "", noCharge("there is none with this attempt")
}

// fetchAround fetches the session that a PaymentIntent belongs to, or the PaymentIntent where there is none.
func (p *Provider) fetchAround(ctx context.Context, id string) (charge, error) {
	var list page[identified]
	if err := p.api.get(ctx, "/v1/checkout/sessions", url.Values{"payment_intent": {id}, "limit": {"1"}}, &list); err != nil {
		return charge{}, err
	}
	if len(list.Data) == 0 {
		return p.fetchIntent(ctx, id)
	}
	return p.fetchSession(ctx, list.Data[0].ID)
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
var errTooMany = errors.New("checkoutstripe: the list is too long to look through, and the search may be behind")

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
