package checkoutsepa

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jopay/checkout"
)

// texts are the paragraphs for the buyer, by BCP 47 tag. A new language is one entry.
var texts = map[string][]string{
	"en": {
		"Please transfer exactly this amount to the account below, and enter the reference just as it is shown: it tells us what you have paid for.",
		"Your order is confirmed when the money has arrived, usually after one to two working days.",
	},
	"de": {
		"Bitte überweisen Sie genau diesen Betrag auf das unten genannte Konto und geben Sie den Verwendungszweck so an, wie er hier steht: Nur damit können wir Ihre Zahlung zuordnen.",
		"Ihre Bestellung ist bestätigt, sobald das Geld eingegangen ist, in der Regel nach ein bis zwei Bankarbeitstagen.",
	},
}

// testTexts stand before them in test mode, because the account may be a real one.
var testTexts = map[string][]string{
	"en": {"This is a test: do not transfer anything. The shop records a transfer to go on."},
	"de": {"Dies ist ein Test: Bitte überweisen Sie nichts. Der Shop trägt zum Weitermachen eine Überweisung ein."},
}

// textIn gives the paragraphs in a locale, or in the language it is a form of, or in English.
func textIn(texts map[string][]string, locale string) []string {
	tag := strings.ToLower(strings.ReplaceAll(locale, "_", "-"))
	for tag != "" {
		if found, ok := texts[tag]; ok {
			return found
		}
		tag = tag[:max(strings.LastIndexByte(tag, '-'), 0)]
	}
	return texts["en"]
}

// Instructions are what the buyer's bank asks for, once in fields and once in a code for banking apps.
func (p *Provider) Instructions(q checkout.InstructionQuery) checkout.Instructions {
	ref := referenceOf(q.Charge.AttemptID)
	var fields []checkout.InstructionField
	for _, f := range []checkout.InstructionField{
		{Key: "payee", Value: p.cfg.Name}, {Key: "iban", Value: inFours(p.iban), Copy: p.iban}, {Key: "bic", Value: p.cfg.BIC},
		{Key: "bank", Value: p.cfg.BankName}, {Key: "reference", Value: inFours(ref), Copy: ref},
	} {
		if f.Value != "" {
			fields = append(fields, f)
		}
	}
	text := textIn(texts, q.Locale)
	if p.cfg.Test {
		text = append(slices.Clone(textIn(testTexts, q.Locale)), text...)
	}
	told := checkout.Instructions{Text: slices.Clone(text), Fields: fields, QR: p.code(ref, q.Due)}
	if begun := q.Charge.BegunAt; !begun.IsZero() {
		told.Until = begun.UTC().Add(p.cfg.Patience)
	}
	return told
}

// maxCode is what a code of version 13 at level M holds, in bytes: EPC069-12 allows no larger one.
const maxCode = 331

// code is the content of the code of EPC069-12, version 002 in UTF-8. The last line is the reference: what is not used after
// it is left out. The name is cut where it does not fit, as only 70 characters outside the Basic Multilingual Plane do not.
func (p *Provider) code(ref string, due int64) string {
	if !payable(due, currency) {
		return ""
	}
	const name = 5
	lines := []string{"BCD", "002", "1", "SCT", p.cfg.BIC, "", p.iban, fmt.Sprintf("EUR%d.%02d", due/100, due%100), "", ref}
	lines[name] = cutAt(p.cfg.Name, maxCode-len(strings.Join(lines, "\n")))
	return strings.Join(lines, "\n")
}

// cutAt keeps whole characters of at most so many bytes.
func cutAt(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
