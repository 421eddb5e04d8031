package checkout

import (
	"context"
	"encoding/json"
	"time"
)

// EventRecord is an event that became true, as the API shows it: for hosts that poll in place of receiving webhooks.
type EventRecord struct {
	ID        string          `json:"id"`
	Object    string          `json:"object"`
	Type      string          `json:"type"`
	SessionID *string         `json:"session_id"` // null for webhook.test
	Livemode  bool            `json:"livemode"`
	CreatedAt time.Time       `json:"created_at"`
	Payload   json.RawMessage `json:"payload"` // what webhooks carry; in Go the exact bytes
}

// Mode is the mode of the session.
func (e EventRecord) Mode() Mode { return modeOf(e.Livemode) }

// EventFilter selects events, newest first. Empty fields do not filter.
type EventFilter struct {
	Mode          Mode // required
	SessionID     string
	Type          string
	StartingAfter string // id of the last event of the page before
	EndingBefore  string // id of the first event of the page behind
	Limit         int    // 1–100. Defaults to 10

	since time.Time // the API looks back for eventsShown only
}

// eventsShown is how long the API shows an event.
const eventsShown = 30 * 24 * time.Hour

// Events lists events, newest first; more tells whether the list goes on in the direction of the cursor.
func (c *Checkout) Events(ctx context.Context, f EventFilter) (list []EventRecord, more bool, err error) {
	if err := checkPage(f.Mode, &f.Limit, prefixEvent, f.StartingAfter, f.EndingBefore); err != nil {
		return nil, false, err
	}
	list, err = c.store.listEvents(ctx, f)
	if err != nil {
		return nil, false, err
	}
	list, more = page(list, f.Limit, f.EndingBefore != "")
	return append([]EventRecord{}, list...), more, nil
}

// GetEvent gives one event of either mode, or [ErrNotFound].
func (c *Checkout) GetEvent(ctx context.Context, id string) (EventRecord, error) {
	return c.store.event(ctx, id)
}
