//go:build pictures

package e2e

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Pictures of every state at both widths, light and dark, in English, German and Arabic, with a sheet to look at them all:
// make screenshots writes them to the folder CHECKOUT_PICTURES.
func TestPagePictures(t *testing.T) {
	dir := os.Getenv("CHECKOUT_PICTURES")
	if dir == "" {
		t.Fatal("set CHECKOUT_PICTURES to a folder, or run make screenshots")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s, looks := openPreviews(t)
	var sheet strings.Builder
	sheet.WriteString("<!doctype html><meta charset=utf-8><title>The page</title><style>body{font:1rem sans-serif}figure{display:inline-block;margin:.5rem;vertical-align:top}img{width:20rem;border:1px solid #ccc}</style>")
	var shots []look
	for _, lang := range []string{"en", "de", "ar"} {
		for _, dark := range []bool{false, true} {
			shots = append(shots, look{"", lang, 390, 844, dark, true}, look{"", lang, 1280, 900, dark, true})
		}
	}
	for i, name := range looks {
		fmt.Fprintf(&sheet, "<h2>%s</h2>", html.EscapeString(name))
		b := openTab(t)
		for _, l := range shots {
			b.size(l.width, l.height)
			b.scheme(l.dark)
			b.open(s.preview(name, l.lang))
			file := fmt.Sprintf("%s-%s-%d-%s.png", name, l.lang, l.width, map[bool]string{true: "dark", false: "light"}[l.dark])
			b.size(l.width, max(l.height, int64(evaluate[int](b, `document.documentElement.scrollHeight`))))
			png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, file), png, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&sheet, `<figure><a href="%s"><img loading="lazy" src="%s" alt=""></a><figcaption>%s, %d, dark: %t</figcaption></figure>`, file, file, l.lang, l.width, l.dark)
		}
		fmt.Printf("%d of %d: %s\n", i+1, len(looks), name)
	}
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte(sheet.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
