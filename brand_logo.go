package checkout

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"image"
	_ "image/jpeg" // the formats of logos
	_ "image/png"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const (
	logoHeight = 32  // CSS pixels on the page
	logoWidth  = 200 // at most
)

// logo is a picture that has been looked at.
type logo struct {
	content       []byte
	contentType   string
	extension     string
	width, height int // CSS pixels on the page
}

// imagePolicy is what a picture may do that somebody opens by itself: nothing but draw.
const imagePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"

// readLogo takes PNG, JPEG, WebP and SVG of at most 64 KiB, by what is in it. An SVG must be one picture: no scripts, no style
// sheets, nothing that is loaded.
func readLogo(content []byte) (logo, error) {
	if len(content) > maxLogo {
		return logo{}, fmt.Errorf("has %d bytes: use at most %d", len(content), maxLogo)
	}
	l := logo{content: bytes.Clone(content), contentType: http.DetectContentType(content)}
	switch l.contentType {
	case "image/webp":
		l.extension = "webp"
		width, height, err := sizeOfWebP(content)
		if err != nil {
			return l, fmt.Errorf("cannot be read: %w", err)
		}
		return l, l.fit(width, height)
	case "image/png", "image/jpeg":
		l.extension = strings.TrimPrefix(l.contentType, "image/")
		cfg, _, err := image.DecodeConfig(bytes.NewReader(content))
		if err != nil {
			return l, fmt.Errorf("cannot be read: %w", err)
		}
		return l, l.fit(float64(cfg.Width), float64(cfg.Height))
	}
	width, height, err := readSVG(content)
	if err != nil {
		return l, fmt.Errorf("is no PNG, JPEG, WebP or plain SVG: %w", err)
	}
	l.contentType, l.extension = "image/svg+xml", "svg"
	return l, l.fit(width, height)
}

// fit gives the picture its size on the page, so that nothing moves when it arrives.
func (l *logo) fit(width, height float64) error {
	if width < 1 || height < 1 || width > 10_000 || height > 10_000 {
		return fmt.Errorf("is %g × %g pixels large: use 1 to 10,000", width, height)
	}
	w, h := width*logoHeight/height, float64(logoHeight)
	if w > logoWidth {
		w, h = logoWidth, height*logoWidth/width
	}
	l.width, l.height = max(int(w), 1), max(int(h), 1)
	return nil
}

// sizeOfWebP reads the head of the first chunk (RFC 9649, 2.5 to 2.7).
func sizeOfWebP(content []byte) (width, height float64, err error) {
	if len(content) < 30 {
		return 0, 0, io.ErrUnexpectedEOF
	}
	pixels := func(low, high byte) float64 { return float64(int(low) | int(high&0x3f)<<8) }
	switch head := content[20:30]; string(content[12:16]) {
	case "VP8 ":
		return pixels(head[6], head[7]), pixels(head[8], head[9]), nil
	case "VP8L":
		bits := binary.LittleEndian.Uint32(head[1:])
		return float64(bits&0x3fff + 1), float64(bits>>14&0x3fff + 1), nil
	case "VP8X":
		return float64(binary.LittleEndian.Uint32(head[4:])&0xffffff + 1), float64(binary.LittleEndian.Uint32(head[6:])>>8 + 1), nil
	}
	return 0, 0, fmt.Errorf("it begins with %q", content[12:16])
}

// drawing are the elements of SVG that only draw.
var drawing = map[string]bool{
	"svg": true, "g": true, "path": true, "rect": true, "circle": true, "ellipse": true, "line": true, "polyline": true, "polygon": true, "title": true,
	"desc": true, "defs": true, "linearGradient": true, "radialGradient": true, "stop": true, "clipPath": true, "mask": true, "symbol": true, "use": true,
	"text": true, "tspan": true, "metadata": true,
}

const svgSpace = "http://www.w3.org/2000/svg"

// readSVG looks at every element and attribute, and gives the size of the drawing.
func readSVG(content []byte) (width, height float64, err error) {
	d := xml.NewDecoder(bytes.NewReader(content))
	first := true
	for {
		token, err := d.Token()
		if err == io.EOF && !first {
			return width, height, nil
		}
		if err != nil {
			return 0, 0, err
		}
		switch t := token.(type) {
		case xml.Directive:
			return 0, 0, fmt.Errorf("it has a document type")
		case xml.ProcInst:
			if t.Target != "xml" {
				return 0, 0, fmt.Errorf("it has <?%s?>", t.Target)
			}
		case xml.StartElement:
			if err := plainElement(t); err != nil {
				return 0, 0, err
			}
			if first {
				if t.Name.Local != "svg" || t.Name.Space != svgSpace {
					return 0, 0, fmt.Errorf("it does not begin with <svg xmlns=%q>", svgSpace)
				}
				if width, height, err = sizeOfSVG(t); err != nil {
					return 0, 0, err
				}
				first = false
			}
		}
	}
}

func plainElement(t xml.StartElement) error {
	if !drawing[t.Name.Local] {
		return fmt.Errorf("it has <%s>: export it with shapes and attributes alone", t.Name.Local)
	}
	for _, a := range t.Attr {
		name, value := strings.ToLower(a.Name.Local), strings.ToLower(strings.ReplaceAll(a.Value, " ", ""))
		local := strings.HasPrefix(value, "#")
		switch {
		case strings.HasPrefix(name, "on"), name == "href" && !local, strings.Contains(value, "url(") && !strings.Contains(value, "url(#"), strings.ContainsAny(value, "@\\"):
			return fmt.Errorf("it has %s=%q", a.Name.Local, shorten(a.Value, 40))
		}
	}
	return nil
}

// sizeOfSVG reads the view box, or width and height.
func sizeOfSVG(t xml.StartElement) (width, height float64, err error) {
	attribute := map[string]string{}
	for _, a := range t.Attr {
		attribute[a.Name.Local] = a.Value
	}
	if box := strings.Fields(strings.ReplaceAll(attribute["viewBox"], ",", " ")); len(box) == 4 {
		attribute["width"], attribute["height"] = box[2], box[3]
	}
	if width, err = strconv.ParseFloat(strings.TrimSuffix(attribute["width"], "px"), 64); err == nil {
		height, err = strconv.ParseFloat(strings.TrimSuffix(attribute["height"], "px"), 64)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("it has neither a viewBox nor a width and a height")
	}
	return width, height, nil
}
