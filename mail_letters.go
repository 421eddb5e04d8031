package checkout

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"strings"
	texttemplate "text/template"
)

//go:embed templates/mail
var mailFiles embed.FS

// letters are the templates of mails. They never change after lettersWith and may be used by many goroutines.
type letters struct {
	html *template.Template
	text *texttemplate.Template
}

// lettersWith parses the templates, of which a host's overlay wins by name, and renders samples, so that a broken file stops
// the start and not a mail.
func lettersWith(overlay fs.FS) (l *letters, err error) {
	l = &letters{}
	page, err := readMailFile(overlay, "mail/mail.html")
	if err == nil {
		l.html, err = template.New("mail.html").Parse(page)
	}
	if err != nil {
		return nil, fmt.Errorf("template mail/mail.html: %w", err)
	}
	plain, err := readMailFile(overlay, "mail/mail.txt")
	if err == nil {
		l.text, err = texttemplate.New("mail.txt").Parse(plain)
	}
	if err != nil {
		return nil, fmt.Errorf("template mail/mail.txt: %w", err)
	}
	for _, v := range []mailView{sampleMail(), {}} {
		if _, _, err := l.render(v); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func readMailFile(overlay fs.FS, name string) (string, error) {
	if overlay != nil {
		content, err := fs.ReadFile(overlay, name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return string(content), err
		}
	}
	content, err := mailFiles.ReadFile("templates/" + name)
	return string(content), err
}

func (l *letters) render(v mailView) (text, html string, err error) {
	var t, h strings.Builder
	if err := l.text.Execute(&t, v); err != nil {
		return "", "", err
	}
	if err := l.html.Execute(&h, v); err != nil {
		return "", "", err
	}
	return t.String(), h.String(), nil
}

// sampleMail has something in every part.
func sampleMail() mailView {
	s := sampleSheet()
	return mailView{
		Lang: s.Lang, Dir: s.Dir, Subject: s.Title, Preheader: "Thank you.", Marks: []string{"Test"}, Title: s.Title, Lead: "Thank you.", Text: []string{"Pay."},
		QR: "cid:qr", QRWord: "Code", QRHint: "Scan it", Facts: s.Facts, Lines: s.Lines, More: "More", Totals: s.Totals, Notes: s.Notes,
		BuyerWord: s.BuyerWord, Buyer: s.Buyer, Seller: s.Seller, Link: "https://a.example", LinkWord: "Open", Help: "Ask us.",
	}
}
