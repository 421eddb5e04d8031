package checkout

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// list reads a page of the list and gives the ids and has_more.
func (s *shop) list(query string) (ids []string, more bool) {
	s.t.Helper()
	w := s.api("GET", "/sessions"+query, "")
	body := decode(s.t, w)
	if w.Code != http.StatusOK || body["object"] != "list" || body["url"] != "/api/checkout/v1/sessions" {
		s.t.Fatalf("%s answered %d: %s", query, w.Code, w.Body)
	}
	for _, item := range body["data"].([]any) {
		ids = append(ids, item.(map[string]any)["id"].(string))
	}
	return ids, body["has_more"].(bool)
}

// fill makes n sessions a second apart and gives their ids, newest first.
func (s *shop) fill(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[n-1-i] = s.create(seedBody)
		s.clock.advance(time.Second)
	}
	return ids
}

func TestListPages(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		if w := s.api("GET", "/sessions", ""); w.Body.String() != `{"object":"list","data":[],"has_more":false,"url":"/api/checkout/v1/sessions"}` {
			t.Errorf("an empty list: %s", w.Body)
		}
		ids := s.fill(12)
		for query, want := range map[string]struct {
			ids  []string
			more bool
		}{
			"":                                      {ids[:10], true},
			"?limit=1":                              {ids[:1], true},
			"?limit=11":                             {ids[:11], true},
			"?limit=12":                             {ids, false},
			"?limit=100":                            {ids, false},
			"?limit=":                               {ids[:10], true},
			"?limit=5&starting_after=" + ids[4]:     {ids[5:10], true},
			"?limit=5&starting_after=" + ids[6]:     {ids[7:], false},
			"?starting_after=" + ids[11]:            {nil, false},
			"?limit=5&ending_before=" + ids[10]:     {ids[5:10], true},
			"?limit=5&ending_before=" + ids[5]:      {ids[:5], false},
			"?limit=5&ending_before=" + ids[0]:      {nil, false},
			"?starting_after=" + "cs_" + hex44("f"): {ids[:10], true},
			"?starting_after=" + "cs_" + hex44("0"): {nil, false},
			"?starting_after=" + ids[1] + "&ending_before=" + ids[5]: {ids[2:5], false},
		} {
			got, more := s.list(query)
			if diff := cmp.Diff(want.ids, got); diff != "" || more != want.more {
				t.Errorf("%s has_more %v, want %v (-want +got):\n%s", query, more, want.more, diff)
			}
		}
	})
}

func hex44(digit string) string { return strings.Repeat(digit, 44) }

func TestListWalksBothWaysWhileSessionsArrive(t *testing.T) {
	s := apiShop(t)
	ids := s.fill(7)
	var down []string
	for cursor, more := "", true; more; {
		var page []string
		page, more = s.list("?limit=3" + cursor)
		down = append(down, page...)
		cursor = "&starting_after=" + page[len(page)-1]
		s.create(seedBody) // newer ones do not move the pages behind
	}
	if !slices.Equal(down, ids) {
		t.Errorf("down: %v, want %v", down, ids)
	}
	var up []string
	for cursor, more := ids[6], true; more; {
		var page []string
		page, more = s.list("?limit=3&ending_before=" + cursor)
		up = append(page, up...)
		cursor = page[0]
	}
	if len(up) != 9 || !slices.Equal(up[3:], ids[:6]) {
		t.Errorf("up: %d sessions, %v", len(up), up)
	}
}

func TestListFilters(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		plain := s.create(seedBody)
		s.clock.advance(90 * time.Second)
		named := s.create(patched(t, "client_reference_id", `"R-1"`))
		s.clock.advance(time.Second)
		other := s.create(patched(t, "customer_email", `"other+x@example.com"`))
		s.clock.advance(time.Second)
		paid := s.create(seedBody)
		s.pay(paid, "4242424242424242")
		free := s.create(patched(t, "item.amount", "0"))
		s.api("POST", "/sessions/"+named+"/expire", "")
		for query, want := range map[string][]string{
			"?status=pending":                                     {free, other, plain},
			"?status=completed":                                   {paid},
			"?status=expired":                                     {named},
			"?payment_status=paid":                                {paid},
			"?payment_status=no_payment_required":                 {free},
			"?payment_status=refunded":                            nil,
			"?customer_email=other%2Bx%40example.com":             {other},
			"?customer_email=OTHER%2Bx%40example.com":             nil,
			"?client_reference_id=R-1":                            {named},
			"?client_reference_id=R":                              nil,
			"?status=completed&client_reference_id=R-1":           nil,
			"?status=pending&limit=1":                             {free},
			"?status=":                                            {free, paid, other, named, plain},
			"?created[gte]=1736510490":                            {free, paid, other, named},
			"?created[gte]=1736510491":                            {free, paid, other},
			"?created%5Bgte%5D=2025-01-10T12:01:31Z":              {free, paid, other},
			"?created[gte]=2025-01-10T13:01:31%2B01:00":           {free, paid, other},
			"?created[lte]=1736510490":                            {named, plain},
			"?created[lte]=1736510489":                            {plain},
			"?created[gte]=1736510490&created[lte]=1736510491":    {other, named},
			"?created[gte]=0":                                     {free, paid, other, named, plain},
			"?created[lte]=0":                                     nil,
			"?created[lte]=9999-12-31T23:59:59Z&status=completed": {paid},
		} {
			got, _ := s.list(query)
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", query, diff)
			}
		}
	})
}

func TestListRefusesBadParameters(t *testing.T) {
	s := apiShop(t)
	s.fill(2)
	for query, want := range map[string][2]string{
		"limit=0":                   {"parameter_invalid_integer", "limit"},
		"limit=101":                 {"parameter_invalid_integer", "limit"},
		"limit=-1":                  {"parameter_invalid_integer", "limit"},
		"limit=ten":                 {"parameter_invalid_integer", "limit"},
		"limit=1.0":                 {"parameter_invalid_integer", "limit"},
		"limit=1&limit=2":           {"parameter_invalid_string", "limit"},
		"status=paid":               {"parameter_invalid_string", "status"},
		"payment_status=pending":    {"parameter_invalid_string", "payment_status"},
		"created[gte]=yesterday":    {"parameter_invalid_integer", "created[gte]"},
		"created[lte]=-5":           {"parameter_invalid_integer", "created[lte]"},
		"created[gt]=1":             {"parameter_unknown", "created[gt]"},
		"customer_email=%00":        {"parameter_invalid_string", "customer_email"},
		"client_reference_id=%ff":   {"parameter_invalid_string", "client_reference_id"},
		"page=2":                    {"parameter_unknown", "page"},
		"starting_after=cs_1":       {"cursor_invalid", "starting_after"},
		"ending_before=pay_1":       {"cursor_invalid", "ending_before"},
		"starting_after=%00":        {"parameter_invalid_string", "starting_after"},
		"status=pending;limit=1":    {"parameter_invalid_string", ""},
		"status=%zz":                {"parameter_invalid_string", ""},
		"zebra=1&limit=0&apple=1&b": {"parameter_unknown", "apple"},
	} {
		for range 3 { // the order of a map must not show
			wantRefusal(t, s.api("GET", "/sessions?"+query, ""), http.StatusBadRequest, want[0], want[1])
		}
	}
}

func TestListTakesInjectionsAsText(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		s.fill(2)
		for _, text := range injections {
			value := url.QueryEscape(text)
			for _, name := range []string{"customer_email", "client_reference_id"} {
				w := s.api("GET", "/sessions?"+name+"="+value, "")
				if len(text) <= 200 && (w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"data":[]`)) {
					t.Errorf("%s = %.40q answered %d: %s", name, text, w.Code, w.Body)
				}
			}
			for _, name := range []string{"status", "payment_status", "starting_after", "ending_before", "created[gte]", "limit", value} {
				if name == "limit" && text == "1" || name == "created[gte]" && (text == "0" || text == "1") {
					continue // a number like any other
				}
				if w := s.api("GET", "/sessions?"+name+"="+value, ""); w.Code != http.StatusBadRequest {
					t.Errorf("%s = %.40q answered %d: %s", name, text, w.Code, w.Body)
				}
			}
		}
		if n := s.count("sessions", "1 = 1"); n != 2 {
			t.Errorf("%d sessions are left of 2", n)
		}
	})
}

func TestSessionsInProcess(t *testing.T) {
	s := apiShop(t)
	ids := s.fill(3)
	list, more, err := s.co.Sessions(t.Context(), SessionFilter{Mode: Test, Limit: 2})
	apiMust(t, err)
	if len(list) != 2 || !more || list[0].ID != ids[0] || list[1].ID != ids[1] {
		t.Errorf("%d sessions, more %v", len(list), more)
	}
	for name, f := range map[string]SessionFilter{
		"no mode": {}, "negative limit": {Mode: Test, Limit: -1}, "large limit": {Mode: Test, Limit: 101},
		"cursor": {Mode: Test, StartingAfter: "1=1"}, "other cursor": {Mode: Test, EndingBefore: "x"},
	} {
		var e *Error
		if _, _, err := s.co.Sessions(t.Context(), f); !errors.As(err, &e) || e.Status != http.StatusBadRequest {
			t.Errorf("%s gave %v", name, err)
		}
	}
	if list, _, err := s.co.Sessions(t.Context(), SessionFilter{Mode: Live}); err != nil || len(list) != 0 {
		t.Errorf("live has %d sessions, error %v", len(list), err)
	}
}
