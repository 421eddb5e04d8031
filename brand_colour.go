package checkout

import (
	"fmt"
	"math"
)

// scheme is what the page's style.css paints on: the lightest or darkest ground first.
type scheme struct {
	sheet, paper colour
	towards      colour // what an accent is mixed with until it can be told from the ground
}

var (
	lightScheme = scheme{sheet: colour{0xff, 0xff, 0xff}, paper: colour{0xf6, 0xf3, 0xec}, towards: black}
	darkScheme  = scheme{sheet: colour{0x1d, 0x20, 0x1e}, paper: colour{0x15, 0x17, 0x15}, towards: white}

	black, white = colour{0, 0, 0}, colour{0xff, 0xff, 0xff}
)

// shades are the custom properties of style.css that come of an accent.
type shades struct{ accent, fill, press, on, tint colour }

func (s shades) css() string {
	return fmt.Sprintf("  --accent: %s;\n  --fill: %s;\n  --press: %s;\n  --on-fill: %s;\n  --tint: %s;\n", s.accent, s.fill, s.press, s.on, s.tint)
}

// What WCAG 2.2 asks for: text 4.5:1 (1.4.3), parts of controls 3:1 (1.4.11).
const (
	textContrast = 4.5
	partContrast = 3
)

// shades derives what a scheme needs from any colour, so that text and controls keep their contrast: the accent as text on
// every ground, the fill of a button against the sheet, the text on it at rest and under the pointer.
func (c colour) shades(s scheme) shades {
	tint := mix(s.sheet, c, .06)
	out := shades{tint: tint}
	out.accent = c.until(s.towards, func(x colour) bool {
		return contrast(x, s.sheet) >= textContrast && contrast(x, s.paper) >= textContrast && contrast(x, tint) >= textContrast
	})
	out.fill = c.until(s.towards, func(x colour) bool { return contrast(x, s.sheet) >= partContrast && contrast(x, tint) >= partContrast })
	out.on = white
	if contrast(out.fill, black) > contrast(out.fill, white) {
		out.on = black
	}
	out.press = out.pressed(s)
	return out
}

// pressed is the fill under the pointer: away from its text where the ground leaves room for that, else towards it.
func (s shades) pressed(ground scheme) colour {
	away := black
	if s.on == black {
		away = white
	}
	for _, towards := range []colour{away, s.on} {
		for _, share := range []float64{.2, .15, .1} {
			if x := mix(s.fill, towards, share); contrast(x, s.on) >= textContrast && contrast(x, ground.sheet) >= partContrast {
				return x
			}
		}
	}
	return s.fill
}

// until mixes c with another colour, a hundredth at a time, until it is good. The last step is that colour itself.
func (c colour) until(towards colour, good func(colour) bool) colour {
	for i := 0; i < 100; i++ {
		if x := mix(c, towards, float64(i)/100); good(x) {
			return x
		}
	}
	return towards
}

// mix gives a with a share of b, channel by channel.
func mix(a, b colour, share float64) colour {
	m := func(x, y uint8) uint8 { return uint8(math.Round(float64(x)*(1-share) + float64(y)*share)) }
	return colour{m(a.r, b.r), m(a.g, b.g), m(a.b, b.b)}
}

// contrast is the ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio" and "relative luminance").
func contrast(a, b colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + .05) / (min(x, y) + .05)
}

func (c colour) luminance() float64 {
	linear := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= .04045 {
			return s / 12.92
		}
		return math.Pow((s+.055)/1.055, 2.4)
	}
	return .2126*linear(c.r) + .7152*linear(c.g) + .0722*linear(c.b)
}
