package checkout

import (
	"context"
	"time"
)

// bounded is a count that stops: More tells that there are more than N.
type bounded struct {
	N    int
	More bool
}

// endpointHealth is how an endpoint has fared. Attempts are those of the last 24 hours, the newest healthSample of them;
// SuccessRate is the share that its receiver accepted.
type endpointHealth struct {
	EndpointID      string
	Accepted        int
	Attempts        bounded
	Pending, Failed bounded // deliveries: still to be sent, given up
}

// SuccessRate is the share of accepted attempts in basis points; ok is false while there were none.
func (h endpointHealth) SuccessRate() (basisPoints int, ok bool) {
	if h.Attempts.N == 0 {
		return 0, false
	}
	return h.Accepted * 10_000 / h.Attempts.N, true
}

const (
	healthWindow = 24 * time.Hour
	healthSample = 5_000
	countBound   = 100
)

// endpointsHealth tells of every endpoint of a mode, in the order of their ids.
func (q *adminQuery) endpointsHealth(ctx context.Context, mode Mode, now time.Time) (list []endpointHealth, err error) {
	ids, err := q.store.endpointIDs(ctx, mode)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		h, err := q.store.endpointHealth(ctx, id, now.Add(-healthWindow))
		if err != nil {
			return nil, err
		}
		list = append(list, h)
	}
	return list, nil
}

// forPerson is what waits for a person in one mode: refunds that could not be made, and money whose order is not known.
// Oldest first, countBound of each at most.
type forPerson struct {
	Refunds       []Refund
	MoreRefunds   bool
	Transfers     []RecordedTransfer // without suggestions, see [Checkout.Transfers]
	MoreTransfers bool
}

// needsPerson lists what waits for a person.
func (q *adminQuery) needsPerson(ctx context.Context, mode Mode) (p forPerson, err error) {
	refunds, err := q.store.waitingRefunds(ctx, mode, countBound+1)
	if err != nil {
		return p, err
	}
	transfers, err := q.store.waitingTransfers(ctx, mode, countBound+1)
	if err != nil {
		return p, err
	}
	p.MoreRefunds, p.MoreTransfers = len(refunds) > countBound, len(transfers) > countBound
	for _, r := range refunds[:min(len(refunds), countBound)] {
		p.Refunds = append(p.Refunds, r.view())
	}
	for _, r := range transfers[:min(len(transfers), countBound)] {
		p.Transfers = append(p.Transfers, r.view())
	}
	return p, nil
}
