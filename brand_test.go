package checkout

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/jopay/checkout/internal/dbtest"
)

// styleColours are the custom properties of style.css in both schemes.
func styleColours(t *testing.T) map[string]map[string]colour {
	t.Helper()
	css, err := pageFiles.ReadFile("templates/style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, ok := strings.Cut(string(css), "(prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("style.css has no dark scheme")
	}
	dark, _, _ = strings.Cut(dark, "\n}\n")
	found := map[string]map[string]colour{"light": {}, "dark": {}}
	for scheme, text := range map[string]string{"light": light, "dark": dark} {
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]+);`).FindAllStringSubmatch(text, -1) {
			if len(m[2]) == 4 { // #rgb
				m[2] = fmt.Sprintf("#%[1]c%[1]c%[2]c%[2]c%[3]c%[3]c", m[2][1], m[2][2], m[2][3])
			}
			c, err := parseColour(m[2])
			if err != nil {
				t.Fatalf("%s: %v", m[0], err)
			}
			found[scheme][m[1]] = c
		}
	}
	return found
}

// The grounds that accents are fitted to are those of the style sheet, and the page's own colours keep the same contrast.
func TestTheStyleSheetHasTheColoursThatAccentsAreFittedTo(t *testing.T) {
	found := styleColours(t)
	for name, s := range map[string]scheme{"light": lightScheme, "dark": darkScheme} {
		css := found[name]
		if css["sheet"] != s.sheet || css["paper"] != s.paper {
			t.Errorf("%s: sheet %s and paper %s, want %s and %s", name, css["sheet"], css["paper"], s.sheet, s.paper)
		}
		on := found["light"]["on-fill"]
		if c, ok := css["on-fill"]; ok {
			on = c
		}
		for what, ratio := range map[string]float64{
			"ink on paper": contrast(css["ink"], css["paper"]), "soft text on paper": contrast(css["soft"], css["paper"]), "soft text on the sheet": contrast(css["soft"], css["sheet"]),
			"soft text on the tint": contrast(css["soft"], css["tint"]), "accent on the tint": contrast(css["accent"], css["tint"]), "accent on paper": contrast(css["accent"], css["paper"]),
			"text on a button": contrast(on, css["fill"]), "text on a button under the pointer": contrast(on, css["press"]),
			"an error on the sheet": contrast(css["bad"], css["sheet"]), "an error on its ground": contrast(css["bad"], css["bad-tint"]), "the test ribbon": contrast(css["on-test"], css["test"]),
		} {
			if ratio < textContrast {
				t.Errorf("%s, %s: %.2f", name, what, ratio)
			}
		}
		for what, ratio := range map[string]float64{
			"an edge on the sheet": contrast(css["edge"], css["sheet"]), "an edge on the tint": contrast(css["edge"], css["tint"]),
			"a button on the sheet": contrast(css["fill"], css["sheet"]), "a button under the pointer": contrast(css["press"], css["sheet"]),
		} {
			if ratio < partContrast {
				t.Errorf("%s, %s: %.2f", name, what, ratio)
			}
		}
	}
}

// Whatever colour a host likes, buyers can read the page.
func TestAnyAccentKeepsItsContrast(t *testing.T) {
	grounds := styleColours(t)
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
				"a button against the sheet":     contrast(got.fill, s.sheet) >= partContrast || got.rim != nil && contrast(*got.rim, s.sheet) >= partContrast,
				"the colour of a button":         got.fill == c,
				"text on a button":               contrast(got.on, got.fill) >= textContrast,
				"text on a button that is under": contrast(got.on, got.press) >= textContrast,
				"a button that is under against": contrast(got.press, s.sheet) >= partContrast || got.rim != nil,
				"the page's text on the tint":    contrast(grounds[name]["ink"], got.tint) >= textContrast,
				"soft text on the tint":          contrast(grounds[name]["soft"], got.tint) >= textContrast,
				"an error on the tint":           contrast(grounds[name]["bad"], got.tint) >= textContrast,
				"an edge on the tint":            contrast(grounds[name]["edge"], got.tint) >= partContrast,
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
	if got := c.shades(lightScheme); got.accent != c || got.fill != c || got.on != white || got.rim != nil {
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

// webpOf is a picture of one pixel, with other bytes at a place.
func webpOf(t *testing.T, encoded string, at int, other ...byte) []byte {
	t.Helper()
	content, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	copy(content[at:], other)
	return content
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
		"a webp":            {webpOf(t, "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA", 26, 0x80, 0x02, 0x40, 0x01), 64, 32},
		"a lossless webp":   {webpOf(t, "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==", 21, 0x7f, 0xc0, 0x0f), 64, 32},
		"an extended webp":  {[]byte("RIFF\x16\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x7f\x00\x00\x3f\x00\x00"), 64, 32},
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
		"a style sheet":   {[]byte(`<?xml-stylesheet href="https://a.example/x.css"?>` + svg), 0, 0},
		"an escape":       {[]byte(strings.Replace(svg, `fill="#123"`, `style="fill:u\72l(https://a.example/x)"`, 1)), 0, 0},
		"no drawing":      {[]byte(strings.Replace(svg, ` xmlns="http://www.w3.org/2000/svg"`, "", 1)), 0, 0},
		"another drawing": {[]byte(strings.Replace(svg, `<path`, `<x:script xmlns:x="http://www.w3.org/1999/xhtml"/><path`, 1)), 0, 0},
		"half a webp":     {webpOf(t, "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==", 0)[:22], 0, 0},
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
		}
	})
	w := s.page("/checkout/" + s.create(strings.Replace(seedBody, `"customer_email":"customer@example.com",`, "", 1)))
	body := w.Body.String()
	for _, want := range []string{`<img class="logo" src="assets/logo.`, `alt="Back to Acme" width="64" height="32"`, `media="screen and (prefers-color-scheme: dark)" srcset="assets/logo.`} {
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
	if h := logo.Header(); !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'; ") || strings.Contains(h.Get("Content-Security-Policy"), "script-src") || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("a picture that is opened by itself may do more than draw: %v", h)
	}
	plain := newShop(t, dbtest.Open(t, dbtest.SQLite, nil))
	if plain.co.pages.style == s.co.pages.style || strings.Contains(plain.page("/checkout/"+plain.create(seedBody)).Body.String(), "logo.") {
		t.Error("another checkout of the process has this brand too")
	}
}

func TestADoubtfulBrandIsRefused(t *testing.T) {
	for name, b := range map[string]Brand{
		"Brand.Accent":   {Accent: "red"},
		"Brand.Accent ":  {Accent: "#12345g"},
		"Brand.Radius":   {Radius: 25},
		"Brand.Radius ":  {Radius: -2},
		"Brand.Logo":     {Logo: []byte("x")},
		"Brand.LogoDark": {Logo: pngOf(t, 1, 1), LogoDark: []byte("x")},
		"without Logo":   {LogoDark: pngOf(t, 1, 1)},
		"Brand.Name":     {Name: strings.Repeat("x", 201)},
	} {
		_, err := New(Config{DB: dbtest.Open(t, dbtest.SQLite, nil), BaseURL: "https://shop.example", Brand: b})
		if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(name)) || !strings.Contains(err.Error(), "Config.") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// A logo is one request more than the three of a page without: its dark form takes its place, and does not come beside it.
func TestALogoIsOneRequestMore(t *testing.T) {
	for name, c := range map[string]struct {
		brand Brand
		files int
	}{"none": {Brand{}, 2}, "one": {Brand{Logo: pngOf(t, 10, 10)}, 3}, "two": {Brand{Logo: pngOf(t, 10, 10), LogoDark: pngOf(t, 10, 11)}, 4}} {
		p, err := newPages(nil, c.brand)
		if err != nil {
			t.Fatal(err)
		}
		got := renderPage(t, p, coffeePage())
		if n := strings.Count(got, `"assets/`); n != c.files || strings.Count(got, "<img") != min(1, c.files-2) || strings.Count(got, "<source") != max(0, c.files-3) {
			t.Errorf("%s: %d files: %s", name, n, got)
		}
	}
}
