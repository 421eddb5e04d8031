package checkout

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Square as Brand.Radius makes corners without a radius.
const Square = -1

const (
	maxLogo   = 64 << 10 // bytes; buyers load it before they can pay
	maxRadius = 24       // CSS pixels
	maxText   = 500      // characters
)

// plain tells a brand that looks like the page itself.
func (b Brand) plain() bool {
	return b.Accent == "" && b.Radius == 0 && b.Logo == nil && b.LogoDark == nil && len(b.Texts) == 0
}

// css are the rules that a brand puts behind the page's own.
func (b Brand) css() string {
	var light, dark strings.Builder
	if b.Radius != 0 {
		fmt.Fprintf(&light, "  --radius: %dpx;\n", max(b.Radius, 0))
	}
	if b.Accent != "" {
		accent, _ := parseColour(b.Accent) // checked by New
		light.WriteString(accent.shades(lightScheme).css())
		dark.WriteString(accent.shades(darkScheme).css())
	}
	css := ""
	if light.Len() > 0 {
		css = ":root {\n" + light.String() + "}\n"
	}
	if dark.Len() > 0 {
		css += "@media screen and (prefers-color-scheme: dark) {\n:root {\n" + dark.String() + "}\n}\n"
	}
	return css
}

// check refuses what buyers would see as broken.
func (b Brand) check() error {
	if _, err := parseColour(b.Accent); b.Accent != "" && err != nil {
		return refuse("Brand.Accent", "%q is not a colour like #10503d", b.Accent)
	}
	if b.Radius < Square || b.Radius > maxRadius {
		return refuse("Brand.Radius", "%d must be 1 to %d CSS pixels, or Square", b.Radius, maxRadius)
	}
	if b.LogoDark != nil && b.Logo == nil {
		return refuse("Brand.LogoDark", "stands without Logo: set Logo, which is for light backgrounds")
	}
	for _, f := range []struct {
		field string
		logo  []byte
	}{{"Brand.Logo", b.Logo}, {"Brand.LogoDark", b.LogoDark}} {
		if f.logo == nil {
			continue
		}
		if _, err := readLogo(f.logo); err != nil {
			return refuse(f.field, "%v", err)
		}
	}
	return nil
}

// override puts a host's words in the place of the catalogues'. A text must have the placeholders of the one it replaces.
// What a button says that concludes a contract is the law's (§ 312j(3) BGB) and cannot be replaced.
func (t *texts) override(own map[string]map[string]string) error {
	for _, lang := range slices.Sorted(maps.Keys(own)) {
		c := t.catalogues[lang]
		if c == nil {
			return fmt.Errorf("there is no language %q: use one of %s", lang, strings.Join(t.tags, ", "))
		}
		for _, key := range slices.Sorted(maps.Keys(own[lang])) {
			m, err := c.replacement(key, own[lang][key])
			if err != nil {
				return fmt.Errorf("%s, %q: %w", lang, key, err)
			}
			c.messages[key] = m
		}
	}
	return nil
}

func (c *textCatalogue) replacement(key, text string) (textMessage, error) {
	old := c.messages[key]
	switch {
	case old == nil:
		return nil, fmt.Errorf("there is no such text")
	case key == "button.order":
		return nil, fmt.Errorf("these words are the law's and stay")
	case len(old) > 1:
		return nil, fmt.Errorf("this text depends on a number and stays")
	case strings.TrimSpace(text) == "" || len([]rune(text)) > maxText:
		return nil, fmt.Errorf("a text has 1 to %d characters", maxText)
	}
	m, err := newTextMessage(textEntry{"other": text})
	if err != nil {
		return nil, err
	}
	for form := range old {
		if want, got := old[form].args(), m[form].args(); !slices.Equal(want, got) {
			return nil, fmt.Errorf("the placeholders are %v, want %v", got, want)
		}
	}
	return m, nil
}

// colour is sRGB with 8 bits a channel.
type colour struct{ r, g, b uint8 }

func parseColour(s string) (colour, error) {
	if len(s) != 7 || s[0] != '#' {
		return colour{}, fmt.Errorf("not #rrggbb")
	}
	n, err := strconv.ParseUint(s[1:], 16, 32)
	return colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}, err
}

func (c colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c.r, c.g, c.b) }
