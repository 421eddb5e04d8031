// Package pseudo makes catalogues of a language that nobody speaks, for tests of the pages: a word that a template spells
// out stands among them as plain as it is, and a page that bears them bears languages with long words.
package pseudo

import (
	"encoding/json"
	"strings"
	"unicode"
)

// A Script turns plain letters into others, each of which is foreign to English.
type Script func(letter rune) string

// Accented puts an accent on every letter and keeps the direction.
func Accented(letter rune) string { return string(letter) + "\u0301" }

// Mirrored replaces every letter by a Hebrew one, which is written from right to left.
func Mirrored(letter rune) string { return string('א' + unicode.ToLower(letter)%22) }

// Catalogue translates the messages of an English catalogue, each in brackets, all longer than before by 40 percent or
// more, for the folder locales of a host's files. Placeholders stay, and so does what is no sentence: the direction is dir, the signs of numbers are those of English.
func Catalogue(english []byte, dir string, script Script) ([]byte, error) {
	var messages map[string]any
	if err := json.Unmarshal(english, &messages); err != nil {
		return nil, err
	}
	months, _ := messages["months"].(string)
	for key, message := range messages {
		switch text := message.(type) {
		case string:
			messages[key] = Text(text, script)
		case map[string]any:
			for form, phrase := range text {
				text[form] = Text(phrase.(string), script)
			}
		}
	}
	messages["dir"], messages["decimal"], messages["percent"] = dir, ".", "{n}%"
	delete(messages, "button.order")              // the law's words, which no host can replace
	messages["months"], _ = spell(months, script) // one for each month, and no more
	return json.Marshal(messages)
}

// Text translates one message.
func Text(text string, script Script) string {
	var b strings.Builder
	spelled, letters := spell(text, script)
	b.WriteString("[" + spelled)
	for i := range max(letters*2/5, 1) + 1 {
		if i%6 == 0 {
			b.WriteByte(' ')
		}
		b.WriteString(script('o'))
	}
	b.WriteByte(']')
	return b.String()
}

// spell writes the letters outside of placeholders, and counts them.
func spell(text string, script Script) (spelled string, letters int) {
	var b strings.Builder
	inside := false
	for _, r := range text {
		inside = r == '{' || inside && r != '}'
		if inside || !unicode.IsLetter(r) {
			b.WriteRune(r)
			continue
		}
		b.WriteString(script(r))
		letters++
	}
	return b.String(), letters
}

// Spelled tells whether a word is one that script has written.
func Spelled(word string, script Script) bool {
	if script('a') == Accented('a') {
		return strings.Count(word, "\u0301")*2 == len([]rune(word))
	}
	return !strings.ContainsFunc(word, func(r rune) bool { return r < 'א' || r > 'ת' })
}
