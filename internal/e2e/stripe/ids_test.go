package stripe

import (
	"crypto/rand"
	"net/url"
	"slices"
	"strings"
)

// newID is an id of the checkout's kind.
func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()) }

// names are the sorted names of a form's fields.
func names(form string) []string {
	values, _ := url.ParseQuery(form)
	var list []string
	for name := range values {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
