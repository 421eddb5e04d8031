package checkoutgin

import (
	"slices"
	"strings"
)

// fallbacks lists what must be registered besides the routes, so that every request below a path reaches the checkout and
// gets its answer, not gin's: gin answers an unknown path itself, and redirects one that is a slash away from a known one,
// before any handler or middleware of ours could see it. NoRoute belongs to the host, RedirectTrailingSlash is a setting of
// its engine, and one wildcard at the top would swallow the host's own routes. Therefore, for each step on the way to a route:
//
//   - the step itself, with and without a slash at the end, so that gin has nothing to redirect;
//   - a parameter for the next word, unless a route has one there; gin lets it be empty, which catches //;
//   - whatever follows where no route goes on.
//
// A fixed word of the host, like /checkout/shipping, wins over a parameter.
func fallbacks(routes []string) []string {
	var list []string
	for _, step := range steps(routes) {
		next := wordsAfter(step, routes)
		list = append(list, step)
		switch {
		case len(next) == 0:
			list = append(list, step+"/*rest")
		case slices.ContainsFunc(next, isParameter):
			list = append(list, step+"/")
		default:
			list = append(list, step+"/", step+"/:unknown", step+"/:unknown/*rest")
		}
	}
	return slices.DeleteFunc(list, func(pattern string) bool { return slices.Contains(routes, pattern) })
}

// steps are all beginnings of the routes, from the bare path on.
func steps(routes []string) []string {
	list := []string{""}
	for _, pattern := range routes {
		for i := 1; i <= len(pattern) && pattern != "/"; i++ { // the slash alone belongs to the bare path
			if i < len(pattern) && pattern[i] != '/' {
				continue
			}
			if !slices.Contains(list, pattern[:i]) {
				list = append(list, pattern[:i])
			}
		}
	}
	return list
}

func wordsAfter(step string, routes []string) []string {
	var words []string
	for _, pattern := range routes {
		if rest, ok := strings.CutPrefix(pattern, step+"/"); ok {
			word, _, _ := strings.Cut(rest, "/")
			words = append(words, word)
		}
	}
	return words
}

func isParameter(word string) bool { return strings.HasPrefix(word, ":") }
