package checkout

import "strings"

// adminReasons are the sentences that the core keeps about failures, by the key of their translations.
var adminReasons = map[string]string{
	"The receiver did not answer within 15 seconds.": "timeout",
	"Webhooks may not be sent to this address.":      "blocked",
	"The receiver's host name was not found.":        "dns",
	"The receiver's certificate was not accepted.":   "tls",
	"The receiver could not be reached.":             "connect",
	"Switched off by hand.":                          "by_hand",
	"The endpoint was deleted.":                      "gone",
	"Deleted.":                                       "gone",
	"The webhook could not be sent.":                 "unsent",
	"All attempts have failed for five days.":        "failing",
	"The webhook could not be built.":                "unbuilt",
}

// failure says in the person's language why something has failed. A sentence that is not known stays as it is.
func (p *adminPages) failure(lang, sentence string) string {
	if status, ok := strings.CutPrefix(sentence, "The receiver answered "); ok {
		return p.texts.say(lang, "sent.reason.answered", "status", strings.TrimSuffix(status, "."))
	}
	if key, ok := adminReasons[sentence]; ok {
		return p.texts.say(lang, "sent.reason."+key)
	}
	return sentence
}
