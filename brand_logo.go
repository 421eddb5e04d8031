package checkout

import (
	"bytes"
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

// readLogo takes PNG, JPEG and SVG of at most 64 KiB. An SVG must be one picture: no scripts, no styles from elsewhere, nothing
// that is loaded.
func readLogo(content []byte) (logo, error) {
	if len(content) > maxLogo {
		return logo{}, fmt.Errorf("has %d bytes: use at most %d", len(content), maxLogo)
	}
	l := logo{content: content, contentType: http.DetectContentType(content)}
	switch l.contentType {
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
		return l, fmt.Errorf("is no PNG, JPEG or plain SVG: %w", err)
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

// drawing are the elements of SVG that only draw.
var drawing = map[string]bool{
	"svg": true, "g": true, "path": true, "rect": true, "circle": true, "ellipse": true, "line": true, "polyline": true, "polygon": true, "title": true,
	"desc": true, "defs": true, "linearGradient": true, "radialGradient": true, "stop": true, "clipPath": true, "mask": true, "symbol": true, "use": true,
	"text": true, "tspan": true, "metadata": true,
}

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
		case xml.StartElement:
			if err := plainElement(t); err != nil {
				return 0, 0, err
			}
			if first {
				if t.Name.Local != "svg" {
					return 0, 0, fmt.Errorf("it begins with <%s>", t.Name.Local)
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
		return fmt.Errorf("it has <%s>", t.Name.Local)
	}
	for _, a := range t.Attr {
		name, value := strings.ToLower(a.Name.Local), strings.ToLower(strings.ReplaceAll(a.Value, " ", ""))
		local := strings.HasPrefix(value, "#")
		switch {
		case strings.HasPrefix(name, "on"), name == "href" && !local, strings.Contains(value, "url(") && !strings.Contains(value, "url(#"), strings.Contains(value, "@import"):
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
