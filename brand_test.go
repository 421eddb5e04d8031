package checkout

import (
	"bytes"
	"image"
	"image/png"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/jopay/checkout/internal/dbtest"
)

// Whatever colour a host likes, buyers can read the page.
func TestAnyAccentKeepsItsContrast(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 9))
	colours := []colour{black, white, {0xff, 0xff, 0}, {0, 0xff, 0}, {0, 0, 0xff}, {0x77, 0x77, 0x77}, {0x76, 0x76, 0x76}, lightScheme.paper, darkScheme.sheet}
	for range 10_000 {
		n := random.Uint32()
		colours = append(colours, colour{uint8(n), uint8(n >> 8), uint8(n >> 16)})
	}
	for _, c := range colours {
		for name, s := range map[string]scheme{"light": lightScheme, "dark": darkScheme} {
			got := c.shades(s)
			for what, ok := range map[string]bool{
				"text on the sheet":              contrast(got.accent, s.sheet) >= textContrast,
				"text on the paper":              contrast(got.accent, s.paper) >= textContrast,
				"text on the tint":               contrast(got.accent, got.tint) >= textContrast,
				"a button against the sheet":     contrast(got.fill, s.sheet) >= partContrast,
				"text on a button":               contrast(got.on, got.fill) >= textContrast,
				"text on a button that is under": contrast(got.on, got.press) >= textContrast,
			} {
				if !ok {
					t.Fatalf("%s in %s: %s: %+v", c, name, what, got)
				}
			}
		}
	}
}

// A colour that is good stays as it is, but for what the grounds ask for.
func TestAGoodAccentStays(t *testing.T) {
	c, err := parseColour("#10503d")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.shades(lightScheme); got.accent != c || got.fill != c || got.on != white {
		t.Errorf("%+v", got)
	}
	if got := contrast(black, white); got < 20.99 || got > 21.01 {
		t.Errorf("black on white is %v, want 21", got)
	}
}

func pngOf(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLogos(t *testing.T) {
	const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40"><path d="M0 0h120v40z" fill="#123"/></svg>`
	for name, c := range map[string]struct {
		content       []byte
		width, height int // 0 for a refusal
	}{
		"png":               {pngOf(t, 100, 50), 64, 32},
		"a wide png":        {pngOf(t, 1000, 50), 200, 10},
		"svg":               {[]byte(svg), 96, 32},
		"svg with a prolog": {[]byte(`<?xml version="1.0"?>` + svg), 96, 32},
		"svg with a size":   {[]byte(strings.Replace(svg, `viewBox="0 0 120 40"`, `width="64px" height="64px"`, 1)), 32, 32},
		"a local use":       {[]byte(strings.Replace(svg, `<path`, `<use href="#a"/><path`, 1)), 96, 32},

		"a script":        {[]byte(strings.Replace(svg, `<path`, `<script>alert(1)</script><path`, 1)), 0, 0},
		"a handler":       {[]byte(strings.Replace(svg, `<path`, `<path onload="alert(1)"`, 1)), 0, 0},
		"a page inside":   {[]byte(strings.Replace(svg, `<path`, `<foreignObject/><path`, 1)), 0, 0},
		"a picture":       {[]byte(strings.Replace(svg, `<path`, `<image href="https://a.example/x.png"/><path`, 1)), 0, 0},
		"a foreign use":   {[]byte(strings.Replace(svg, `<path`, `<use href="https://a.example/#x"/><path`, 1)), 0, 0},
		"a style":         {[]byte(strings.Replace(svg, `<path`, `<style>@import "x"</style><path`, 1)), 0, 0},
		"a foreign fill":  {[]byte(strings.Replace(svg, `#123`, `url( https://a.example/x)`, 1)), 0, 0},
		"a document type": {[]byte(`<!DOCTYPE svg [<!ENTITY a "b">]>` + svg), 0, 0},
		"no size":         {[]byte(strings.Replace(svg, ` viewBox="0 0 120 40"`, "", 1)), 0, 0},
		"a web page":      {[]byte(`<html><body>x</body></html>`), 0, 0},
		"not a picture":   {[]byte("GIF89a and more"), 0, 0},
		"half a png":      {pngOf(t, 10, 10)[:20], 0, 0},
		"nothing":         {[]byte{}, 0, 0},
		"too large":       {make([]byte, maxLogo+1), 0, 0},
	} {
		l, err := readLogo(c.content)
		if (err != nil) != (c.width == 0) || err == nil && (l.width != c.width || l.height != c.height) {
			t.Errorf("%s: %d × %d, %v", name, l.width, l.height, err)
		}
	}
}

func TestABrandIsOnThePage(t *testing.T) {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), func(c *Config) {
		c.Brand = Brand{
			Name: "Acme", Logo: pngOf(t, 100, 50), LogoDark: pngOf(t, 100, 51), Accent: "#ffe600", Radius: Square,
			Texts: map[string]map[string]string{"en": {"email.hint": "We write to nobody else."}, "de": {"back": "Zum Laden {shop}"}},
		}
	})
	w := s.page("/checkout/" + s.create(strings.Replace(seedBody, `"customer_email":"customer@example.com",`, "", 1)))
	body := w.Body.String()
	for _, want := range []string{`<img class="logo" src="assets/logo.`, `alt="Back to Acme" width="64" height="32"`, `media="screen and (prefers-color-scheme: dark)" srcset="assets/logo.`, "We write to nobody else."} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is not on the page", want)
		}
	}
	if strings.Contains(body, "style=") || strings.Contains(body, "<style") {
		t.Error("there are styles that the policy forbids")
	}
	style := s.page("/checkout/assets/" + s.co.pages.style).Body.String()
	accent, _ := parseColour("#ffe600")
	for _, want := range []string{"--radius: 0px;", "--accent: " + accent.shades(lightScheme).accent.String(), "--accent: " + accent.shades(darkScheme).accent.String(), "@media screen and (prefers-color-scheme: dark) {\n:root"} {
		if !strings.Contains(style, want) {
			t.Errorf("%s is not in the style sheet", want)
		}
	}
	logo := s.page("/checkout/assets/" + s.co.pages.logo)
	if logo.Code != http.StatusOK || logo.Header().Get("Content-Type") != "image/png" || !strings.Contains(logo.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("the logo: %d %v", logo.Code, logo.Header())
	}
	plain := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	if plain.co.pages.style == s.co.pages.style || strings.Contains(plain.page("/checkout/"+plain.create(seedBody)).Body.String(), "logo.") {
		t.Error("another checkout of the process has this brand too")
	}
}

func TestADoubtfulBrandIsRefused(t *testing.T) {
	texts := func(lang, key, text string) Brand {
		return Brand{Texts: map[string]map[string]string{lang: {key: text}}}
	}
	for name, b := range map[string]Brand{
		"Brand.Accent":   {Accent: "red"},
		"Brand.Accent ":  {Accent: "#12345g"},
		"Brand.Radius":   {Radius: 25},
		"Brand.Radius ":  {Radius: -2},
		"Brand.Logo":     {Logo: []byte("x")},
		"Brand.LogoDark": {Logo: pngOf(t, 1, 1), LogoDark: []byte("x")},
		"without Logo":   {LogoDark: pngOf(t, 1, 1)},
		"no language":    texts("xx", "back", "x"),
		"no such text":   texts("en", "no.such", "x"),
		"placeholders":   texts("en", "back", "Back"),
		"the law's":      texts("de", "button.order", "Los"),
		"on a number":    texts("en", "more", "{n}"),
		"characters":     texts("en", "terms", " "),
		"characters ":    texts("en", "terms", strings.Repeat("x", 501)),
	} {
		_, err := New(Config{DB: dbtest.Open(t, dbtest.SQLite, nil), BaseURL: "https://shop.example", Brand: b})
		if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(name)) || !strings.Contains(err.Error(), "Config.") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
