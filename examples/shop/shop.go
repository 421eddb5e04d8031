package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout"
)

// shop is the pages a customer sees.
type shop struct {
	db        *gorm.DB
	co        *checkout.Checkout
	api       *client
	base      string // for buyers
	transfers bool   // money may come to the bank account
	mails     bool   // they leave by a mail server
}

const (
	mostBags  = 5
	maxForm   = 16 << 10 // bytes
	demoEmail = "ada@example.com"
)

func mountShop(mux *http.ServeMux, s *shop) {
	ownPages := http.NewCrossOriginProtection()
	mux.HandleFunc("GET /{$}", s.page(s.getShop))
	mux.Handle("POST /buy", ownPages.Handler(s.page(s.postBuy)))
	mux.HandleFunc("GET /success", s.page(s.getSuccess))
	mux.HandleFunc("GET /cancel", s.page(s.getCancel))
	mux.HandleFunc("GET /orders", s.page(s.getOrders))
	if s.transfers {
		mux.Handle("POST /transfers", ownPages.Handler(s.page(s.postTransfer)))
	}
	mux.HandleFunc("GET /style.css", asset("style.css"))
	mux.HandleFunc("GET /favicon.ico", asset("favicon.svg")) // under this name, browsers find it for the hosted page too
	mux.HandleFunc("/", s.page(s.getNothing))
}

// page gives a handler the headers of the shop's pages and turns its error into one of them.
func (s *shop) page(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// Browsers hold the redirect after the form to form-action, so the hosted page's origin has to be there: it is
		// another one for whoever types localhost for 127.0.0.1.
		pageHeaders(w.Header(), "'self' "+originOf(s.base))
		if err := h(w, r); err != nil {
			slog.ErrorContext(r.Context(), "shop: request failed", "path", r.URL.Path, "error", err)
			err = render(w, http.StatusInternalServerError, "message", message{"Something went wrong", "You have not been charged. Please try again in a moment."})
			if err != nil {
				http.Error(w, "Something went wrong.", http.StatusInternalServerError)
			}
		}
	}
}

func originOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return "'self'"
	}
	return u.Scheme + "://" + u.Host
}

// message is a page that only says something.
type message struct{ Title, Text string }

type shopView struct {
	Products   []product
	Quantities map[string]int64
	Email      string
	Most       []int64 // the choices of a quantity
	Problem    string
}

func newShopView() shopView {
	v := shopView{Products: products, Quantities: map[string]int64{products[0].ID: 1}, Email: demoEmail}
	for n := range int64(mostBags + 1) {
		v.Most = append(v.Most, n)
	}
	return v
}

// getShop is GET /.
func (s *shop) getShop(w http.ResponseWriter, _ *http.Request) error {
	return render(w, http.StatusOK, "shop", newShopView())
}

// postBuy is POST /buy: it writes an order, makes a session for it and sends the customer to the hosted page.
func (s *shop) postBuy(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	basket, problem := basketOf(r)
	if problem != "" {
		return s.refuse(w, r, problem)
	}
	o := order{Items: describe(basket), Amount: total(basket), Status: orderOpen, CreatedAt: time.Now().UTC()}
	if err := s.db.WithContext(r.Context()).Create(&o).Error; err != nil {
		return err
	}
	made, err := s.api.create(r.Context(), s.sessionFor(o, basket, r.PostForm.Get("email")), o.idempotencyKey())
	var refusal *apiError
	if errors.As(err, &refusal) && refusal.Status == http.StatusBadRequest {
		return errors.Join(s.db.WithContext(r.Context()).Delete(&o).Error, s.refuse(w, r, refusal.Message))
	}
	if err != nil {
		return err
	}
	// Nobody can pay before the customer is sent on, so the order knows its session in time.
	if err := s.db.WithContext(r.Context()).Model(&o).Update("session_id", made.ID).Error; err != nil {
		return err
	}
	http.Redirect(w, r, made.CheckoutURL, http.StatusSeeOther)
	return nil
}

// basketOf reads the quantities of the form, or says what the customer has to change.
func basketOf(r *http.Request) (basket []line, problem string) {
	if err := r.ParseForm(); err != nil {
		return nil, "The form could not be read. Please try again."
	}
	for _, p := range products {
		text := r.PostForm.Get("quantity_" + p.ID)
		n, err := strconv.ParseInt(text, 10, 64)
		if text != "" && (err != nil || n < 0 || n > mostBags) {
			return nil, fmt.Sprintf("Choose 0 to %d bags of %s.", mostBags, p.Name)
		}
		if n > 0 {
			basket = append(basket, line{p, n})
		}
	}
	if len(basket) == 0 {
		return nil, "Your basket is empty. Choose at least one bag."
	}
	return basket, ""
}

// refuse shows the shop again with what was chosen and what was wrong.
func (s *shop) refuse(w http.ResponseWriter, r *http.Request, problem string) error {
	v := newShopView()
	v.Problem, v.Email, v.Quantities = problem, r.PostForm.Get("email"), map[string]int64{}
	for _, p := range products {
		v.Quantities[p.ID], _ = strconv.ParseInt(r.PostForm.Get("quantity_"+p.ID), 10, 64)
	}
	return render(w, http.StatusUnprocessableEntity, "shop", v)
}

func (s *shop) sessionFor(o order, basket []line, email string) newSession {
	n := newSession{
		CustomerEmail:     strings.TrimSpace(email),
		ClientReferenceID: o.Number(),
		SuccessURL:        s.base + "/success",
		CancelURL:         s.base + "/cancel",
		Metadata:          map[string]string{"order_id": o.Number()},
	}
	for _, l := range basket {
		n.LineItems = append(n.LineItems, lineItem{
			Name: l.Name, Description: l.Details, Amount: l.Price, Currency: currency, Quantity: l.Quantity, TaxRateBP: vatRate, TaxName: "VAT",
		})
	}
	return n
}

// getCancel is GET /cancel: the customer came back without paying.
func (s *shop) getCancel(w http.ResponseWriter, _ *http.Request) error {
	return render(w, http.StatusOK, "message", message{"Nothing bought, nothing charged", "You came back before paying. Your coffee is still here."})
}

type ordersView struct {
	Orders    []order
	Transfers bool
	Entry     string
}

// getOrders is GET /orders: the shop's books.
func (s *shop) getOrders(w http.ResponseWriter, r *http.Request) error {
	list, err := latestOrders(r.Context(), s.db, 50)
	if err != nil {
		return err
	}
	return render(w, http.StatusOK, "orders", ordersView{list, s.transfers, newEntry()})
}

func (s *shop) getNothing(w http.ResponseWriter, _ *http.Request) error {
	return render(w, http.StatusNotFound, "message", message{"There is nothing here", "Perhaps a coffee instead?"})
}
