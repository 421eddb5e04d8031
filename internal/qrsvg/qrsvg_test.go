package qrsvg

import (
	"encoding/xml"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"rsc.io/qr"
)

// redraw reads the strokes of a drawing back into modules.
func redraw(t *testing.T, svg string, size int) [][]bool {
	t.Helper()
	grid := make([][]bool, size)
	for y := range grid {
		grid[y] = make([]bool, size)
	}
	d := regexp.MustCompile(` d="(M4 [^"]*)"`).FindStringSubmatch(svg)
	if d == nil {
		t.Fatal("no strokes")
	}
	x, y := 0, 0
	for _, step := range regexp.MustCompile(`[Mmh][^Mmh]*`).FindAllString(d[1], -1) {
		first, _, _ := strings.Cut(step[1:], " ")
		n, err := strconv.Atoi(first)
		if err != nil {
			t.Fatal(err)
		}
		switch step[0] {
		case 'M':
			var row float64
			if _, err := fmt.Sscanf(step, "M%d %f", &x, &row); err != nil {
				t.Fatal(err)
			}
			y = int(row)
		case 'm':
			x += n
		case 'h':
			for range n {
				grid[y][x] = true
				x++
			}
		}
	}
	return grid
}

func TestTheDrawingIsTheCode(t *testing.T) {
	for _, text := range []string{"A", "BCD\n002\n1\nSCT\n\nFinch Coffee\nDE89370400440532013000\nEUR62.00\n\nRF18539007547034", strings.Repeat("ü", 165)} {
		svg, err := Draw(text, "code")
		if err != nil {
			t.Fatal(err)
		}
		code, err := qr.Encode(text, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		grid := redraw(t, svg, code.Size+2*quiet)
		for y := range grid {
			for x := range grid[y] {
				if want := code.Black(x-quiet, y-quiet); grid[y][x] != want {
					t.Fatalf("module %d,%d is %v, want %v", x, y, grid[y][x], want)
				}
			}
		}
		if err := xml.Unmarshal([]byte(svg), new(struct{})); err != nil {
			t.Errorf("the drawing is not well-formed: %v", err)
		}
	}
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	if _, err := Draw(strings.Repeat("a", maxBytes), ""); err != nil {
		t.Errorf("%d bytes: %v", maxBytes, err)
	}
	if _, err := Draw(strings.Repeat("a", maxBytes+1), ""); err == nil {
		t.Errorf("%d bytes were drawn", maxBytes+1)
	}
}

func TestTheLabelCannotLeaveItsAttribute(t *testing.T) {
	svg, err := Draw("A", `"><script>&'`)
	if err != nil || strings.Contains(svg, "<script>") || !strings.Contains(svg, `aria-label="&#34;&gt;&lt;script&gt;&amp;&#39;"`) {
		t.Errorf("%v: %.120s", err, svg)
	}
}
