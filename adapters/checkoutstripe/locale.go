package checkoutstripe

import (
	"slices"
	"strings"
)

// locales are the languages of Stripe Checkout in the pinned version.
var locales = strings.Fields(`bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW`)

// elementLocales are those of the Payment Element, which also writes from right to left.
var elementLocales = append(slices.Clone(locales), "ar", "he")

// localeOf is a language tag (BCP 47) as Stripe writes it, one of those a product speaks: without the region where it has
// none, or empty when it does not speak the language: it then goes by the browser.
func localeOf(spoken []string, tag string) string {
	language, _, _ := strings.Cut(tag, "-")
	if language == "no" || language == "nn" {
		return "nb"
	}
	for _, want := range []string{tag, language} {
		if i := slices.IndexFunc(spoken, func(l string) bool { return strings.EqualFold(l, want) }); i >= 0 {
			return spoken[i]
		}
	}
	return ""
}
