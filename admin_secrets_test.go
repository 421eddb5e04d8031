package checkout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

// Secrets are shown once: everything that the admin, the API, the log and the audit log say afterwards is searched for them.
func TestNoSecretIsShownTwice(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		r := newReceiver(t, func(n int) int { return []int{401, 200, 500, 200}[n%4] })
		id, first := s.addEndpoint(r.URL, allEvents...)
		secrets := []string{s.key, first}
		shown := func(w string) {
			for _, rule := range []string{keyRule.FindString(w), secretRule.FindString(html.UnescapeString(w))} {
				if rule != "" {
					secrets = append(secrets, rule)
				}
			}
		}
		shown(s.adminPost(manager, "/test/settings/keys", url.Values{"once": {s.onceOf(manager, "/test/settings/keys")}, "name": {"second"}}).Body.String())
		keys, err := s.co.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		keyAt := "/test/settings/keys/" + keys[len(keys)-1].ID
		shown(s.adminPost(manager, keyAt+"/roll", url.Values{"once": {s.onceOf(manager, keyAt)}, "overlap": {"24"}}).Body.String())
		at := "/test/settings/webhook/" + id
		shown(s.adminPost(manager, at+"/secret", url.Values{"once": {s.onceOf(manager, at)}, "overlap": {"24"}}).Body.String())
		if len(secrets) != 5 {
			t.Fatalf("%d secrets were shown, want 5", len(secrets))
		}
		s.pay(s.create(seedBody), "4000000000000002")
		session := s.create(seedBody)
		s.pay(session, "4242424242424242")
		for range 4 {
			s.deliver()
			s.clock.advance(time.Hour)
		}
		s.adminPost(manager, at+"/test", nil)
		s.adminPost(manager, at, url.Values{"url": {r.URL + "/new"}, "events": {webhook.SessionCompleted}, "payload": {"full"}})
		s.adminPost(manager, keyAt+"/revoke", url.Values{"last4": {keys[len(keys)-1].Last4}})

		var all strings.Builder
		for _, path := range s.everyAdminPath(session) {
			w := s.admin(manager, path)
			if w.Code >= 500 {
				t.Errorf("%s answers %d", path, w.Code)
			}
			all.WriteString(html.UnescapeString(w.Body.String()))
		}
		for _, path := range []string{"/account", "/sessions", "/sessions/" + session, "/sessions/" + session + "/payments"} {
			all.WriteString(s.api("GET", path, "").Body.String())
		}
		all.WriteString(s.log.String())
		for _, column := range []string{"detail"} {
			for _, row := range s.texts(`SELECT ` + column + ` FROM {audit}`) {
				all.WriteString(row)
			}
		}
		for _, secret := range secrets {
			if strings.Contains(all.String(), secret) || strings.Contains(all.String(), secret[len(secret)-20:]) {
				t.Errorf("a secret is shown again: %s…", secret[:12])
			}
		}
		if !strings.Contains(all.String(), "endpoint.rotate") && !strings.Contains(all.String(), "Rolled a webhook secret") {
			t.Error("the audit log was not read")
		}
	})
}

// everyAdminPath fills every address of the admin that can be got with objects that are there.
func (s *shop) everyAdminPath(session string) (paths []string) {
	s.t.Helper()
	fill := map[string][]string{"keys": {}, "webhook": {}, "deliveries": {}, "payments": {session}, "invoices": s.texts(`SELECT id FROM {documents}`), "mails": s.texts(`SELECT id FROM {mails}`)}
	keys, err := s.co.Keys(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, k := range keys {
		fill["keys"] = append(fill["keys"], k.ID)
	}
	endpoints, err := s.co.Endpoints(s.t.Context(), Test)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range endpoints {
		fill["webhook"] = append(fill["webhook"], e.ID)
	}
	deliveries, _, err := s.co.Deliveries(s.t.Context(), DeliveryFilter{Mode: Test, Limit: 100})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, d := range deliveries {
		fill["deliveries"] = append(fill["deliveries"], d.ID)
	}
	for _, route := range adminRoutes {
		before, after, found := strings.Cut(route.pattern, "/:id")
		switch {
		case route.get == nil:
		case !found:
			paths = append(paths, strings.Replace(route.pattern, ":mode", "test", 1), strings.Replace(route.pattern, ":mode", "live", 1))
		default:
			for _, id := range fill[before[strings.LastIndex(before, "/")+1:]] {
				paths = append(paths, strings.Replace(before, ":mode", "test", 1)+"/"+id+after)
			}
		}
	}
	return append(paths, "/test/settings/webhook/"+endpoints[0].ID+"/missed?since=2025-01-01T00:00", "/test/deliveries/resend?since=2025-01-01T00:00")
}

// Every action that the code writes into the audit log has words in the admin.
func TestEveryActionHasWords(t *testing.T) {
	s := oneShop(t)
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			for _, action := range actionsOf(n) {
				found++
				if !s.co.desk.texts.has("action." + action) {
					t.Errorf("%s has no words", action)
				}
			}
			return true
		})
	}
	if found < 8 {
		t.Errorf("only %d actions were found", found)
	}
}

// actionsOf finds action: "…" in a change, and what the functions that write one are called with.
func actionsOf(n ast.Node) (list []string) {
	text := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING && strings.Contains(lit.Value, ".") {
			list = append(list, strings.Trim(lit.Value, `"`))
		}
	}
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		if name, ok := n.Key.(*ast.Ident); ok && name.Name == "action" {
			text(n.Value)
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.SelectorExpr); ok && (f.Sel.Name == "changeKey" || f.Sel.Name == "changeEndpoint") {
			for _, arg := range n.Args {
				text(arg)
			}
		}
	}
	return list
}

// Every sentence about a failure that the code keeps has words in the admin's languages.
func TestEveryFailureHasWords(t *testing.T) {
	s := oneShop(t)
	for sentence := range adminReasons {
		if en := s.co.desk.failure("en", sentence); en != sentence && sentence != "Deleted." {
			t.Errorf("%q became %q in English", sentence, en)
		}
		if de := s.co.desk.failure("de", sentence); de == sentence || strings.HasPrefix(de, "sent.") {
			t.Errorf("%q has no German words", sentence)
		}
	}
	if got := s.co.desk.failure("de", "The receiver answered 404 Not Found."); got != "Der Empfänger antwortete 404 Not Found." {
		t.Errorf("an answer became %q", got)
	}
}

func TestAuditCanBeAskedAboutOneObject(t *testing.T) {
	s := oneShop(t)
	a, _ := s.addEndpoint("https://a.example/", webhook.SessionCompleted)
	s.clock.advance(time.Second)
	b, _ := s.addEndpoint("https://b.example/", webhook.SessionCompleted)
	page := s.admin(manager, "/test/audit?object="+a).Body.String()
	if !strings.Contains(page, "/settings/webhook/"+a) || strings.Contains(page, b) || !strings.Contains(page, "Added a webhook endpoint") {
		t.Errorf("the log of one object: %s", page)
	}
	if page := s.admin(manager, "/test/audit?object="+url.QueryEscape(`"><script>x`)); page.Code != http.StatusOK || strings.Contains(page.Body.String(), "<script>x") {
		t.Errorf("a strange object answers %d", page.Code)
	}
}
