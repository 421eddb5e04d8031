package checkoutpdf

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	_ "image/jpeg" // formats of the logo
	"image/png"

	"codeberg.org/go-pdf/fpdf"
)

// What a logo may be at most, and its place on the page.
const (
	maxLogoBytes = 1 << 20
	maxLogoSide  = 2000 // pixels
	logoWidth    = 45.0 // millimetres
	logoHeight   = 16.0
)

// setLogo embeds a PNG or JPEG. PNGs are written anew, because the library knows neither interlaced ones nor those with 16
// bits.
func (p *pen) setLogo(content []byte) error {
	if len(content) == 0 {
		return nil
	}
	if len(content) > maxLogoBytes {
		return fmt.Errorf("checkoutpdf: the logo has %d bytes, at most %d can be set", len(content), maxLogoBytes)
	}
	size, format, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("checkoutpdf: the logo is neither PNG nor JPEG: %w", err)
	}
	if size.Width < 1 || size.Height < 1 || size.Width > maxLogoSide || size.Height > maxLogoSide {
		return fmt.Errorf("checkoutpdf: the logo has %d × %d pixels, at most %d × %d can be set", size.Width, size.Height, maxLogoSide, maxLogoSide)
	}
	picture, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("checkoutpdf: the logo cannot be read: %w", err)
	}
	if format == "png" {
		if content, err = plainPNG(picture); err != nil {
			return fmt.Errorf("checkoutpdf: the logo: %w", err)
		}
	}
	p.logo = "logo"
	p.pdf.RegisterImageOptionsReader(p.logo, fpdf.ImageOptions{ImageType: format}, bytes.NewReader(content))
	scale := min(logoWidth/float64(size.Width), logoHeight/float64(size.Height))
	p.logoW, p.logoH = float64(size.Width)*scale, float64(size.Height)*scale
	return nil
}

// plainPNG has 8 bits, an alpha channel and no interlacing.
func plainPNG(picture image.Image) ([]byte, error) {
	b := picture.Bounds()
	plain := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(plain, plain.Bounds(), picture, b.Min, draw.Src)
	var out bytes.Buffer
	err := png.Encode(&out, plain)
	return out.Bytes(), err
}
