package e2e

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rsc.io/qr"
)

// decodeQR gives the text of the QR code in a picture, as software reads it that has nothing to do with ours: jsQR, which
// does without what standards only tolerate, such as a light code on dark ground. It is empty when there is none.
func decodeQR(t testing.TB, picture []byte) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED-NEEDS-NODE: QR codes are read by jsQR, and node is not installed")
	}
	dir := filepath.Join("testdata", "jsqr")
	for _, name := range []string{"jsqr", "pngjs"} {
		if found, _ := filepath.Glob(filepath.Join(dir, "node_modules", name, "package.json")); found == nil {
			t.Skipf("SKIPPED-NEEDS-NODE: no module %s; run npm ci in internal/e2e/%s", name, filepath.ToSlash(dir))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, filepath.Join(dir, "decode.js"))
	cmd.Stdin = bytes.NewReader(picture)
	var problems strings.Builder
	cmd.Stderr = &problems
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("the decoder failed: %v\n%s", err, problems.String())
	}
	return string(text)
}

// drawQR makes a picture of a code with the four modules of quiet around it that the standard asks for.
func drawQR(t *testing.T, text string, ground, ink color.Color) []byte {
	t.Helper()
	const scale, quiet = 4, 4
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	side := (code.Size + 2*quiet) * scale
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			img.Set(x, y, ground)
			if code.Black(x/scale-quiet, y/scale-quiet) {
				img.Set(x, y, ink)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDecodeQR(t *testing.T) {
	epc := "BCD\n002\n1\nSCT\n\nBäckerei Müller\nDE89370400440532013000\nEUR25.00\n\nRF18539007547034\n\n"
	for _, text := range []string{"a", epc, strings.Repeat("ü", 165)} {
		if got := decodeQR(t, drawQR(t, text, color.White, color.Black)); got != text {
			t.Errorf("decoded %q, want %q", got, text)
		}
	}
	if got := decodeQR(t, drawQR(t, epc, color.Black, color.White)); got != "" {
		t.Errorf("a light code on dark ground was read as %q: banks' apps may not", got)
	}
}
