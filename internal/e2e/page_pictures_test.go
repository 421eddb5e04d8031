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

// openAll unfolds the languages, the test cards and the items.
const openAll = `[...document.querySelectorAll("details")].map(d => d.open = true).length`

// TestPagePictures writes pictures of every state at both widths, light and dark, in English, German and Arabic to the folder
// CHECKOUT_PICTURES, with a sheet to look at them all. It is what make screenshots runs; CHECKOUT_PICTURES_OF=open_long takes
// those of one state.
func TestPagePictures(t *testing.T) {
	dir := picturesFolder(t)
	s, states := openPreviews(t)
	var sheet strings.Builder
	sheet.WriteString(sheetHead)
	only := os.Getenv("CHECKOUT_PICTURES_OF")
	for i, state := range append(states, "open_hundred, unfolded", "not_found, unfolded") {
		if only == "" || only == state {
			fmt.Fprintf(&sheet, "<h2>%s</h2>\n", html.EscapeString(state))
			takePictures(t, s, dir, state, &sheet)
		}
		fmt.Printf("%d of %d: %s\n", i+1, len(states)+2, state)
	}
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte(sheet.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

const sheetHead = `<!doctype html><html lang="en"><meta charset="utf-8"><title>The page in every state</title><style>
body { font: 1rem sans-serif; margin: 1.5rem; background: #ddd } figure { display: inline-block; margin: .5rem; vertical-align: top } img { width: 20rem }
</style><h1>The page in every state</h1>
`

func picturesFolder(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("CHECKOUT_PICTURES")
	if dir == "" {
		t.Fatal("set CHECKOUT_PICTURES to a folder, or run make screenshots")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func takePictures(t *testing.T, s *store, dir, state string, sheet *strings.Builder) {
	t.Helper()
	b := openTab(t)
	name, _, unfolded := strings.Cut(state, ",")
	for _, lang := range []string{"en", "de", "ar"} {
		b.open(s.preview(name, lang))
		evaluate[any](b, missingShown)
		if unfolded {
			evaluate[int](b, openAll)
		}
		for _, l := range pageLooks {
			if l.width == 320 {
				continue
			}
			scheme := map[bool]string{true: "dark", false: "light"}[l.dark]
			file := fmt.Sprintf("%s-%s-%d-%s.png", strings.ReplaceAll(state, ", ", "_"), lang, l.width, scheme)
			b.scheme(l.dark)
			b.pictureOfAll(filepath.Join(dir, file), l.width, l.height, 1)
			fmt.Fprintf(sheet, `<figure><a href="%s"><img loading="lazy" src="%s" alt=""></a><figcaption>%s, %d, %s</figcaption></figure>`+"\n", file, file, lang, l.width, scheme)
		}
	}
}

// pictureOfAll writes the whole page, which is at least as high as the window, in pixels of scale to a CSS pixel.
func (b *tab) pictureOfAll(file string, width, height int64, scale float64) {
	b.t.Helper()
	b.size(width, height)
	height = max(height, int64(evaluate[int](b, `document.documentElement.scrollHeight`)))
	b.do(chromedp.EmulateViewport(width, height, chromedp.EmulateScale(scale)))
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(file, png, 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// TestReadmePictures writes the three of the README, two pixels to a CSS pixel.
func TestReadmePictures(t *testing.T) {
	dir := picturesFolder(t)
	s, _ := openPreviews(t)
	b := openTab(t)
	for _, p := range []struct {
		file, state, lang string
		width, height     int64
		dark              bool
	}{
		{"page-desktop.png", "open_methods", "en", 1280, 800, false},
		{"page-phone.png", "open_live", "de", 390, 800, true},
		{"page-arabic.png", "open_live", "ar", 390, 800, false},
	} {
		b.open(s.preview(p.state, p.lang))
		b.scheme(p.dark)
		b.pictureOfAll(filepath.Join(dir, p.file), p.width, p.height, 2)
		fmt.Println(p.file)
	}
}
