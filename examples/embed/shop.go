package main

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"path"

	"github.com/jopay/checkout"
)

//go:embed pages
var files embed.FS

var pages = template.Must(template.ParseFS(files, "pages/*.html"))

// shop is a site of its own: all it has of the checkout is two attributes and a script.
type shop struct {
	co                *checkout.Checkout
	origin, payOrigin string
}

// view is what a page shows.
type view struct {
	Page, Script, Integrity string
	Order                   *checkout.Session
}

// ServeHTTP answers with a policy that allows the checkout's script and frame and nothing else from outside.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self' "+s.payOrigin+
		"; frame-src "+s.payOrigin+"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch r.URL.Path {
	case "/", "/inline":
		s.sell(w, r)
	case "/thanks":
		s.thank(w, r)
	case "/terms":
		s.write(w, view{Page: "terms"})
	case "/style.css", "/shop.js", "/cup.svg":
		http.ServeFileFS(w, r, files, "pages"+path.Clean(r.URL.Path))
	default:
		http.NotFound(w, r)
	}
}

// sell makes an order for whoever looks. A shop with many visitors makes it when somebody wants to buy.
func (s *shop) sell(w http.ResponseWriter, r *http.Request) {
	made := "Thrown and fired by hand, 280 ml"
	order, err := s.co.CreateSession(r.Context(), checkout.SessionParams{
		Mode: checkout.Test,
		LineItems: []checkout.LineItem{
			{Name: "Tea bowl, iron glaze", Description: &made, Amount: 3800, Currency: "eur", Quantity: 1},
			{Name: "Shipping", Amount: 490, Currency: "eur", Quantity: 1},
		},
		CustomerEmail: "ada@example.com", EmbedOrigin: s.origin,
		SuccessURL: s.origin + "/thanks", CancelURL: s.origin + r.URL.Path,
	})
	if err != nil {
		http.Error(w, "The order could not be made. Please load the page again.", http.StatusServiceUnavailable)
		return
	}
	v := view{Page: "dialog", Order: order}
	if r.URL.Path == "/inline" {
		v.Page = "inline"
	}
	v.Script, v.Integrity = s.co.EmbedScript()
	s.write(w, v)
}

// thank asks what has become of the order: an address can be typed by anybody, and so can a message to a page be sent.
func (s *shop) thank(w http.ResponseWriter, r *http.Request) {
	order, err := s.co.Session(r.Context(), r.URL.Query().Get("session_id"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	s.write(w, view{Page: "thanks", Order: order})
}

func (s *shop) write(w http.ResponseWriter, v view) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, "layout.html", v); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = page.WriteTo(w)
}
