package checkoutstripe

import (
	"slices"
	"strings"
)

// locales are the languages of Stripe Checkout in the pinned version. The Payment Element has these and some more.
var locales = strings.Fields(`bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW`)

// locale is a language tag (BCP 47) as Stripe writes it, without the region where Stripe has none, or empty when Stripe
// does not speak the language: it then goes by the browser.
func locale(tag string) string {
	language, _, _ := strings.Cut(tag, "-")
	if language == "no" || language == "nn" {
		return "nb"
	}
	for _, want := range []string{tag, language} {
		if i := slices.IndexFunc(locales, func(l string) bool { return strings.EqualFold(l, want) }); i >= 0 {
			return locales[i]
		}
	}
	return ""
}
