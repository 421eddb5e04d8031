package checkout

import (
	"context"
	"encoding/json"
	"time"
)

// Actor is who asks for a change, as the audit log keeps it. ID is the host's name of a person or program, Name is for
// people; neither is a secret.
type Actor struct{ ID, Name string }

// hostActor stands for calls in process that name nobody.
var hostActor = Actor{ID: "host", Name: "The host's own code"}

// ActingAs gives a context in which changes are asked for by a. The admin and the API name their own actors.
func ActingAs(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey, Actor{ID: shorten(a.ID, 200), Name: shorten(a.Name, 200)})
}

func actorOf(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey).(Actor); ok && a.ID != "" {
		return a
	}
	if k := apiKey(ctx); k.ID != "" {
		return Actor{ID: k.ID, Name: "API key " + k.Prefix + "…" + k.Last4}
	}
	return hostActor
}

// change is one thing that was asked for and done.
type change struct {
	mode    Mode
	action  string // key.create, endpoint.rotate, refund.create, …
	object  string // the id of what was changed
	session string // the session it belongs to, if any
	before  any    // what is worth knowing of it, without secrets; nil for what is new
	after   any
}

// audit writes a change down in the transaction that makes it.
func (c *Checkout) audit(ctx context.Context, t tx, ch change) error {
	detail, err := json.Marshal(map[string]any{"before": ch.before, "after": ch.after})
	if err != nil {
		return err
	}
	now, actor := c.now(), actorOf(ctx)
	return t.insertAudit(auditRecord{
		ID: newID(prefixAudit, now), At: millis(now), Mode: ch.mode, ActorID: actor.ID, ActorName: actor.Name, Action: ch.action,
		Object: ch.object, SessionID: pointer(ch.session), Detail: string(detail), RequestID: pointer(requestID(ctx)),
	})
}

// AuditEntry is a line of the audit log. Before and After are JSON, null where there was or is nothing.
type AuditEntry struct {
	ID            string
	At            time.Time
	Mode          Mode
	Actor         Actor
	Action        string
	Object        string
	SessionID     string
	Before, After json.RawMessage
	RequestID     string
}

// AuditFilter asks for a part of the audit log. The zero value asks for all of it, newest first.
type AuditFilter struct {
	Object        string
	SessionID     string
	StartingAfter string // the id of the last entry of the page before
	Limit         int    // defaults to 50, at most 100
}

// Audit lists what was changed and by whom, newest first. More tells whether older entries follow.
func (c *Checkout) Audit(ctx context.Context, f AuditFilter) (list []AuditEntry, more bool, err error) {
	setDefault(&f.Limit, 50)
	f.Limit = max(1, min(f.Limit, 100))
	records, err := c.store.auditLog(ctx, f)
	if more = len(records) > f.Limit; more {
		records = records[:f.Limit]
	}
	for _, r := range records {
		list = append(list, r.view())
	}
	return list, more, err
}

func (r auditRecord) view() AuditEntry {
	e := AuditEntry{
		ID: r.ID, At: seconds(r.At), Mode: r.Mode, Actor: Actor{r.ActorID, r.ActorName}, Action: r.Action, Object: r.Object,
		SessionID: orEmpty(r.SessionID), RequestID: orEmpty(r.RequestID),
	}
	var detail struct{ Before, After json.RawMessage }
	if json.Unmarshal([]byte(r.Detail), &detail) == nil {
		e.Before, e.After = detail.Before, detail.After
	}
	return e
}
