package checkout

import "net/url"

// pathID is the object of the path as a link can carry it.
func (a *adminCall) pathID() string { return url.PathEscape(a.r.PathValue("id")) }

// confirmScreen asks before something that cannot be taken back, or that reaches many. Title, Text and Button are keys of
// the catalogue; Args are pairs for Text.
type confirmScreen struct {
	Title, Text, Button string
	Args                []any
	Note                string // a key: what else to know; empty for nothing
	Object              string // what it is about, for people
	Hidden              url.Values
	Action, Back        string // below the mode
	Danger              bool
}

func (a *adminCall) showConfirm(status int, s confirmScreen) error {
	return a.show(status, "confirm", s.Title, s)
}

// fieldProblems are the refused fields of a core verb in the words of the person's language. English keeps the verb's own
// words, which are more precise.
func (a *adminCall) fieldProblems(fields []FieldError) []FieldError {
	out := make([]FieldError, 0, len(fields))
	for _, f := range fields {
		if key := "field." + f.Param; a.lang != fallbackLang && a.desk.texts.has(key) {
			f.Message = a.desk.texts.say(a.lang, key)
		}
		out = append(out, f)
	}
	return out
}
