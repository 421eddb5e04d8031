package stripefake

import (
	"regexp"
	"slices"
	"strings"
)

// page cuts a list, newest first, to what a request asks for: limit, starting_after, and created between bounds.
func page[T interface{ top() *head }](q *request, all []T, keep func(T) bool) ([]T, bool, *apiError) {
	limit, present, problem := q.number("limit")
	if !present {
		limit = 10
	}
	if problem != nil || limit < 1 || limit > 100 {
		return nil, false, invalid("limit", "parameter_invalid_integer", "limit has to be between 1 and 100.")
	}
	newest := slices.Clone(all)
	slices.Reverse(newest)
	newest = slices.DeleteFunc(newest, func(o T) bool { return o.top().livemode != q.livemode })
	if after := q.form.Get("starting_after"); after != "" {
		i := slices.IndexFunc(newest, func(o T) bool { return o.top().id == after })
		if i < 0 {
			return nil, false, invalid("starting_after", "resource_missing", "No such object: '"+after+"'")
		}
		newest = newest[i+1:]
	}
	within, problem := q.created()
	if problem != nil {
		return nil, false, problem
	}
	newest = slices.DeleteFunc(newest, func(o T) bool { return !within(o.top().created) || !keep(o) })
	more := len(newest) > int(limit)
	return newest[:min(len(newest), int(limit))], more, nil
}

// created reads the bounds created[gt], [gte], [lt] and [lte].
func (q *request) created() (func(int64) bool, *apiError) {
	fits := func(int64) bool { return true }
	for name, ok := range map[string]func(at, bound int64) bool{
		"gt": func(at, bound int64) bool { return at > bound }, "gte": func(at, bound int64) bool { return at >= bound },
		"lt": func(at, bound int64) bool { return at < bound }, "lte": func(at, bound int64) bool { return at <= bound },
	} {
		bound, present, problem := q.number("created[" + name + "]")
		if problem != nil {
			return nil, problem
		}
		if before := fits; present {
			fits = func(at int64) bool { return before(at) && ok(at, bound) }
		}
	}
	return fits, nil
}

func listAnswer[T any](list []T, more bool, url string, show func(T) map[string]any) map[string]any {
	data := []any{}
	for _, o := range list {
		data = append(data, show(o))
	}
	return map[string]any{"object": "list", "data": data, "has_more": more, "url": url}
}

func listIntents(q *request) (map[string]any, *apiError) {
	list, more, problem := page(q, q.f.intents, func(*intent) bool { return true })
	if problem = firstOf(problem, q.expand.only("data"), q.expand["data"].only(intentFields...)); problem != nil {
		return nil, problem
	}
	return listAnswer(list, more, "/v1/payment_intents", func(p *intent) map[string]any { return q.f.showIntent(p, q.expand["data"]) }), nil
}

func listSessions(q *request) (map[string]any, *apiError) {
	q.f.expireOld()
	list, more, problem := page(q, q.f.sessions, func(s *session) bool {
		wanted, status := q.form.Get("payment_intent"), q.form.Get("status")
		return (wanted == "" || (s.intent != nil && s.intent.id == wanted)) && (status == "" || s.status == status)
	})
	if problem = firstOf(problem, q.expand.only("data"), q.expand["data"].only(sessionFields...)); problem != nil {
		return nil, problem
	}
	return listAnswer(list, more, "/v1/checkout/sessions", func(s *session) map[string]any { return q.f.showSession(s, q.expand["data"]) }), nil
}

func listRefunds(q *request) (map[string]any, *apiError) {
	list, more, problem := page(q, q.f.refunds, func(r *refund) bool {
		wanted, charge := q.form.Get("payment_intent"), q.form.Get("charge")
		return (wanted == "" || r.charge.intent.id == wanted) && (charge == "" || r.charge.id == charge)
	})
	if problem != nil {
		return nil, problem
	}
	return listAnswer(list, more, "/v1/refunds", q.f.showRefund), nil
}

var searchTerm = regexp.MustCompile(`^(?:metadata\[(?:'([^']*)'|"([^"]*)")\]|(status)):(?:'([^']*)'|"([^"]*)")$`)

// searchIntents understands metadata["key"]:"value" and status:"value", joined by AND. Equal means equal but for the case.
// New intents are not found until the index has them.
func searchIntents(q *request) (map[string]any, *apiError) {
	if q.form.Get("query") == "" {
		return nil, missing("query")
	}
	fits, problem := readSearch(q.form.Get("query"))
	if problem != nil {
		return nil, problem
	}
	indexed := q.f.opts.Now().Add(-q.f.opts.SearchLag).Unix()
	list, more, problem := page(q, q.f.intents, func(p *intent) bool { return fits(p) && p.created <= indexed })
	if problem = firstOf(problem, q.expand.only("data"), q.expand["data"].only(intentFields...)); problem != nil {
		return nil, problem
	}
	o := listAnswer(list, more, "/v1/payment_intents/search", func(p *intent) map[string]any { return q.f.showIntent(p, q.expand["data"]) })
	o["object"], o["next_page"] = "search_result", nil
	return o, nil
}

func readSearch(query string) (func(*intent) bool, *apiError) {
	fits := func(*intent) bool { return true }
	for _, term := range strings.Split(query, " AND ") {
		m := searchTerm.FindStringSubmatch(strings.TrimSpace(term))
		if m == nil {
			return nil, invalid("query", "", "We were unable to parse your search query: "+query)
		}
		key, value, before := m[1]+m[2], m[4]+m[5], fits
		fits = func(p *intent) bool {
			if m[3] == "status" {
				return before(p) && p.status == value
			}
			return before(p) && strings.EqualFold(p.metadata[key], value)
		}
	}
	return fits, nil
}
