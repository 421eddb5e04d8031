package main

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	money "github.com/bojanz/currency"
)

//go:embed templates style.css favicon.svg
var files embed.FS

// pages holds each page together with the layout around it.
var pages = parsePages("shop", "success", "message", "orders", "inbox")

func parsePages(names ...string) map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(template.FuncMap{
		"price": price, "clock": clock,
	}).ParseFS(files, "templates/layout.html", "templates/bag.html"))
	all := map[string]*template.Template{}
	for _, name := range names {
		all[name] = template.Must(template.Must(layout.Clone()).ParseFS(files, "templates/"+name+".html"))
	}
	return all
}

// render writes a page that is complete, or nothing.
func render(w http.ResponseWriter, status int, name string, data any) error {
	var page bytes.Buffer
	if err := pages[name].Execute(&page, data); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // a customer who has left is not our error
	return nil
}

func pageHeaders(h http.Header, formAction string) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action "+formAction)
}

// asset serves a file of the shop's own. An address of its own for every version would be too much for an example.
func asset(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		http.ServeFileFS(w, r, files, name)
	}
}

// price shows an amount of minor units in English.
func price(minor int64, code string) string {
	code = strings.ToUpper(code)
	amount, err := money.NewAmountFromInt64(minor, code)
	if err != nil {
		return fmt.Sprintf("%d %s", minor, code)
	}
	return money.NewFormatter(money.NewLocale("en")).Format(amount)
}

func clock(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05 UTC") }
