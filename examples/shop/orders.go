package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout"
	"github.com/jopay/checkout/webhook"
)

const (
	shopName = "Finch Coffee"
	currency = "eur"
	vatRate  = 700 // basis points, included in every price
)

// product is a kind of coffee. Price is for one bag, in cents.
type product struct {
	ID, Name, Taste, Details string
	Price                    int64
}

var products = []product{
	{"espresso", "House Espresso", "Dark chocolate, roasted hazelnut, a long finish. Made for the moka pot and for milk.", "250 g, whole bean", 1250},
	{"filter", "Morning Filter", "Apricot, jasmine and black tea. Bright in the cup, gentle before breakfast.", "250 g, whole bean", 1400},
	{"decaf", "Evening Decaf", "Brown sugar and baked apple. Everything but the caffeine, for after dinner.", "250 g, whole bean", 1300},
}

// line is a product in a basket.
type line struct {
	product
	Quantity int64
}

func total(basket []line) (sum int64) {
	for _, l := range basket {
		sum += l.Price * l.Quantity
	}
	return sum
}

func describe(basket []line) string {
	parts := make([]string, 0, len(basket))
	for _, l := range basket {
		parts = append(parts, fmt.Sprintf("%d\u00a0×\u00a0%s", l.Quantity, l.Name))
	}
	return strings.Join(parts, ", ")
}

// order is the shop's own record of a purchase, in a table beside the checkout's.
type order struct {
	ID        int64      `gorm:"column:id;primaryKey"`
	SessionID string     `gorm:"column:session_id;size:64;not null;index"`
	Items     string     `gorm:"column:items;not null"`
	Amount    int64      `gorm:"column:amount;not null"` // cents
	Status    string     `gorm:"column:status;size:20;not null"`
	CreatedAt time.Time  `gorm:"column:created_at;not null"`
	PaidAt    *time.Time `gorm:"column:paid_at"`
}

func (order) TableName() string { return "demo_orders" }

const (
	orderOpen    = "open"
	orderPaid    = "paid"
	orderExpired = "expired"
)

// Number is what the customer knows the order by.
func (o order) Number() string { return fmt.Sprintf("FC-%d", 1000+o.ID) }

// idempotencyKey makes sure that an order gets one session, however often its creation is tried. The time is for people
// who empty one table and keep the other.
func (o order) idempotencyKey() string { return fmt.Sprintf("%s-%d", o.Number(), o.CreatedAt.Unix()) }

// settleOrder is the reason to have the checkout in one's own database: tx is the very transaction that makes the
// payment true, so the order and the payment change together or not at all. Sessions that were made with curl have no
// order; they change no row here.
func settleOrder(ctx context.Context, tx *gorm.DB, e checkout.Event) error {
	switch e.Type {
	case webhook.SessionCompleted:
		return changeOrder(ctx, tx, e, map[string]any{"status": orderPaid, "paid_at": e.CreatedAt})
	case webhook.SessionExpired:
		return changeOrder(ctx, tx, e, map[string]any{"status": orderExpired})
	}
	return nil
}

func changeOrder(ctx context.Context, tx *gorm.DB, e checkout.Event, values map[string]any) error {
	return tx.WithContext(ctx).Model(&order{}).Where("session_id = ?", e.SessionID).Updates(values).Error
}

// latestOrders gives the newest orders, at most n.
func latestOrders(ctx context.Context, db *gorm.DB, n int) (list []order, err error) {
	err = db.WithContext(ctx).Order("id DESC").Limit(n).Find(&list).Error
	return list, err
}
