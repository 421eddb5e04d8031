package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/webhook"
)

// inbox receives the shop's webhooks and shows them.
type inbox struct {
	db     *gorm.DB
	secret string
	sentTo string // where the checkout sends webhooks
	own    bool   // that is here
}

// notice is a request that arrived, in a table so that it is still there after a restart.
type notice struct {
	ID       int64     `gorm:"column:id;primaryKey"`
	At       time.Time `gorm:"column:received_at;not null"`
	EventID  string    `gorm:"column:event_id;not null"`
	Type     string    `gorm:"column:type;not null"`
	Verified bool      `gorm:"column:verified;not null"`
	Reason   string    `gorm:"column:reason;not null"` // why it was refused
	Headers  string    `gorm:"column:headers;not null"`
	Body     string    `gorm:"column:body;not null"`
}

func (notice) TableName() string { return "demo_webhooks" }

const (
	keptNotices = 50
	maxNotice   = 64 << 10 // bytes; the checkout sends no more
)

func mountInbox(mux *http.ServeMux, in *inbox) {
	mux.HandleFunc("POST /webhooks", in.receive)
	mux.HandleFunc("GET /webhooks", in.show)
}

// receive is POST /webhooks. A receiver that only wants the events needs the call of webhook.Read and nothing else here.
func (in *inbox) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNotice))
	if err != nil {
		http.Error(w, "the body is too large or broke off", http.StatusRequestEntityTooLarge)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	event, refusal := webhook.Read(r, in.secret)
	if err := in.keep(r, body, event, refusal); err != nil {
		slog.ErrorContext(r.Context(), "shop: a webhook was not kept", "error", err)
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	}
	if refusal != nil {
		http.Error(w, refusal.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (in *inbox) keep(r *http.Request, body []byte, event webhook.Event, refusal error) error {
	n := notice{At: time.Now().UTC(), EventID: event.ID, Type: event.Type, Verified: refusal == nil, Headers: headerText(r.Header), Body: storable(string(body))}
	if refusal != nil {
		n.Reason = strings.TrimPrefix(refusal.Error(), "webhook: ")
	}
	return in.db.WithContext(r.Context()).Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&n).Error; err != nil {
			return err
		}
		newest := tx.Model(&notice{}).Select("id").Order("id DESC").Limit(keptNotices)
		return tx.Where("id NOT IN (?)", newest).Delete(&notice{}).Error
	})
}

// storable drops what a text column of PostgreSQL refuses.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func headerText(h http.Header) string {
	var lines []string
	for name, values := range h {
		for _, v := range values {
			lines = append(lines, name+": "+v)
		}
	}
	slices.Sort(lines)
	return storable(strings.Join(lines, "\n"))
}

// Title is the event's type. That of a refused request is unknown: nothing in it can be believed.
func (n notice) Title() string {
	if n.Type == "" {
		return "Unknown sender"
	}
	return n.Type
}

// Pretty is the body with line breaks, if it is JSON.
func (n notice) Pretty() string {
	var out bytes.Buffer
	if json.Indent(&out, []byte(n.Body), "", "  ") != nil {
		return n.Body
	}
	return out.String()
}

type inboxView struct {
	Notices   []notice
	Refreshes bool
	SentTo    string
	Own       bool
}

// show is GET /webhooks. It loads itself again while it is empty, or with ?refresh=on.
func (in *inbox) show(w http.ResponseWriter, r *http.Request) {
	v := inboxView{SentTo: in.sentTo, Own: in.own}
	pageHeaders(w.Header(), "'none'")
	err := in.db.WithContext(r.Context()).Order("id DESC").Find(&v.Notices).Error
	if err == nil {
		v.Refreshes = (len(v.Notices) == 0 && in.own) || r.URL.Query().Get("refresh") == "on"
		err = render(w, http.StatusOK, "inbox", v)
	}
	if err != nil {
		slog.ErrorContext(r.Context(), "shop: the inbox was not shown", "error", err)
		http.Error(w, "The inbox cannot be read just now.", http.StatusInternalServerError)
	}
}
