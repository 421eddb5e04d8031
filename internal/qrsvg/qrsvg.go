// Package qrsvg draws QR codes (ISO/IEC 18004) as SVG that stands inside an HTML page, and as PNG for mails, which show no SVG.
package qrsvg

import (
	"fmt"
	"strconv"
	"strings"

	"rsc.io/qr"
)

const (
	quiet    = 4         // modules of white around the code (ISO/IEC 18004 §9.1)
	maxSize  = 4*13 + 17 // modules of version 13, the largest that EPC069-12 allows
	maxBytes = 331       // what version 13 holds at level M
)

// Draw gives the code of text at error correction level M, black on white whatever the page's colours are, with its quiet
// zone. The size is the page's to set; label is read out. Text of more than 331 bytes is an error.
func Draw(text, label string) (string, error) {
	code, err := encode(text)
	if err != nil {
		return "", err
	}
	size := strconv.Itoa(code.Size + 2*quiet)
	return `<svg viewBox="0 0 ` + size + ` ` + size + `" role="img" aria-label="` + escape(label) + `" shape-rendering="crispEdges">` +
		`<path fill="#fff" stroke="none" d="M0 0h` + size + `v` + size + `H0z"/>` +
		`<path fill="none" stroke="#000" stroke-width="1" stroke-linecap="butt" d="` + strokes(code) + `"/></svg>`, nil
}

// PNG gives the same code as a picture with its quiet zone, eight pixels a module.
func PNG(text string) ([]byte, error) {
	code, err := encode(text)
	if err != nil {
		return nil, err
	}
	return code.PNG(), nil
}

func encode(text string) (*qr.Code, error) {
	if len(text) > maxBytes {
		return nil, fmt.Errorf("qrsvg: %d bytes, at most %d fit", len(text), maxBytes)
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, fmt.Errorf("qrsvg: %w", err)
	}
	if code.Size > maxSize {
		return nil, fmt.Errorf("qrsvg: %d modules a side, at most %d are allowed", code.Size, maxSize)
	}
	return code, nil
}

// strokes draws each row as lines of one module's width, which takes a third of the bytes of squares.
func strokes(code *qr.Code) string {
	var b strings.Builder
	for y := range code.Size {
		at := 0 // where the pen is
		fmt.Fprintf(&b, "M%d %d.5", quiet, quiet+y)
		for x := 0; x < code.Size; x++ {
			run := 0
			for x+run < code.Size && code.Black(x+run, y) {
				run++
			}
			if run == 0 {
				continue
			}
			if x > at {
				fmt.Fprintf(&b, "m%d 0", x-at)
			}
			fmt.Fprintf(&b, "h%d", run)
			at, x = x+run, x+run
		}
	}
	return b.String()
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")

func escape(s string) string { return escaper.Replace(s) }
