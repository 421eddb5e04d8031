package checkout

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

const hookURL = "https://merchant.example/hook"

func TestCreateEndpointRules(t *testing.T) {
	whole := webhook.NewSecret()
	for _, tc := range []struct {
		name   string
		params EndpointParams
		field  string // the refused one; empty: accepted
	}{
		{"live", EndpointParams{Mode: Live, URL: hookURL}, ""},
		{"live on 8443", EndpointParams{Mode: Live, URL: "https://merchant.example:8443/hook?a=b"}, ""},
		{"test", EndpointParams{Mode: Test, URL: hookURL}, ""},
		{"test over http", EndpointParams{Mode: Test, URL: "http://merchant.example/hook"}, ""},
		{"test on an exempt address", EndpointParams{Mode: Test, URL: "http://127.0.0.1:1234/hook"}, ""},
		{"opt-in events", EndpointParams{Mode: Live, URL: hookURL, Events: []string{webhook.PaymentLate, webhook.RefundFailed}}, ""},
		{"seed payload", EndpointParams{Mode: Live, URL: hookURL, Payload: "seed"}, ""},
		{"own secret", EndpointParams{Mode: Live, URL: hookURL, Secret: whole}, ""},
		{"own short secret in test mode", EndpointParams{Mode: Test, URL: hookURL, Secret: "whsec_" + "test-123"}, ""},
		{"no mode", EndpointParams{URL: hookURL}, "mode"},
		{"another mode", EndpointParams{Mode: "both", URL: hookURL}, "mode"},
		{"no URL", EndpointParams{Mode: Test}, "url"},
		{"live over http", EndpointParams{Mode: Live, URL: "http://merchant.example/hook"}, "url"},
		{"another scheme", EndpointParams{Mode: Test, URL: "ftp://merchant.example/hook"}, "url"},
		{"user in the URL", EndpointParams{Mode: Test, URL: "https://u:p@merchant.example/hook"}, "url"},
		{"fragment", EndpointParams{Mode: Test, URL: hookURL + "#x"}, "url"},
		{"line break", EndpointParams{Mode: Test, URL: hookURL + "\r\nX: y"}, "url"},
		{"host in another script", EndpointParams{Mode: Test, URL: "https://mérchant.example/hook"}, "url"},
		{"too long", EndpointParams{Mode: Test, URL: "https://merchant.example/" + strings.Repeat("a", 2048)}, "url"},
		{"private address", EndpointParams{Mode: Test, URL: "http://10.0.0.1/hook"}, "url"},
		{"metadata service", EndpointParams{Mode: Test, URL: "http://169.254.169.254/"}, "url"},
		{"address in disguise", EndpointParams{Mode: Test, URL: "http://0x7f000001/"}, "url"},
		{"private IPv6", EndpointParams{Mode: Test, URL: "http://[fd00::1]/"}, "url"},
		{"no events", EndpointParams{Mode: Test, URL: hookURL, Events: []string{}}, "events"},
		{"event that does not exist", EndpointParams{Mode: Test, URL: hookURL, Events: []string{"checkout.session.compleated"}}, "events"},
		{"wildcard", EndpointParams{Mode: Test, URL: hookURL, Events: []string{"%"}}, "events"},
		{"another payload", EndpointParams{Mode: Test, URL: hookURL, Payload: "thin"}, "payload"},
		{"short secret in live mode", EndpointParams{Mode: Live, URL: hookURL, Secret: "whsec_" + "test-123"}, "secret"},
		{"secret of 23 bytes in live mode", EndpointParams{Mode: Live, URL: hookURL, Secret: "whsec_" + strings.Repeat("AAAA", 7) + "AAA="}, "secret"},
		{"secret of 65 bytes in live mode", EndpointParams{Mode: Live, URL: hookURL, Secret: "whsec_" + strings.Repeat("AAAA", 21) + "AAA="}, "secret"},
		{"secret without its prefix", EndpointParams{Mode: Test, URL: hookURL, Secret: strings.TrimPrefix(whole, "whsec_")}, "secret"},
		{"secret of seven characters", EndpointParams{Mode: Test, URL: hookURL, Secret: "whsec_" + "1234567"}, "secret"},
		{"secret with a space", EndpointParams{Mode: Test, URL: hookURL, Secret: "whsec_" + "test 1234"}, "secret"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := oneShop(t)
			id, secret, err := s.co.CreateEndpoint(t.Context(), tc.params)
			if tc.field == "" {
				if err != nil || !isID(prefixEndpoint, id) || (tc.params.Secret != "" && secret != tc.params.Secret) {
					t.Fatalf("got %q, %v", id, err)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || len(e.Fields) != 1 || e.Fields[0].Param != tc.field || id != "" || secret != "" {
				t.Errorf("got %q, %+v", id, err)
			}
			if n := s.count("endpoints", "1 = 1"); n != 0 {
				t.Error("a refused endpoint was stored")
			}
		})
	}
}

func TestEndpointDefaults(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id, secret, err := s.co.CreateEndpoint(t.Context(), EndpointParams{Mode: Live, URL: hookURL})
		if err != nil || !regexp.MustCompile(`^whsec_[A-Za-z0-9+/]{43}=$`).MatchString(secret) {
			t.Fatalf("secret of %d characters, %v", len(secret), err)
		}
		_, second, err := s.co.CreateEndpoint(t.Context(), EndpointParams{Mode: Live, URL: hookURL})
		if err != nil || second == secret {
			t.Errorf("two endpoints share a secret: %v", err)
		}
		list, err := s.co.Endpoints(t.Context(), Live)
		if err != nil || len(list) != 2 {
			t.Fatalf("%+v, %v", list, err)
		}
		e := list[slices.IndexFunc(list, func(e Endpoint) bool { return e.ID == id })]
		if e.Mode != Live || e.URL != hookURL || !e.Enabled || e.DisabledReason != "" || e.Payload != "full" || !e.CreatedAt.Equal(s.clock.now()) ||
			!slices.Equal(e.Events, []string{webhook.SessionCompleted, webhook.SessionExpired, webhook.PaymentFailed}) {
			t.Errorf("%+v", e)
		}
		if other, err := s.co.Endpoints(t.Context(), Test); err != nil || len(other) != 0 {
			t.Errorf("the other mode has %+v, %v", other, err)
		}
	})
}

func TestSetWebhook(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		set := func(mode Mode, url, secret string) string {
			t.Helper()
			got, err := s.co.SetWebhookSecret(t.Context(), mode, url, secret)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		first := set(Test, hookURL, "")
		if again, err := s.co.SetWebhook(t.Context(), Test, hookURL+"2"); err != nil || again != first {
			t.Errorf("a new address changed the secret, %v", err)
		}
		if live := set(Live, hookURL, ""); live == first {
			t.Error("both modes share a secret")
		}
		own := "whsec_" + "my-own-test-secret"
		if got := set(Test, hookURL+"3", own); got != own {
			t.Errorf("the secret is %d characters long", len(got))
		}
		if got := set(Test, hookURL+"4", ""); got != own {
			t.Error("an empty secret does not keep the one that was set")
		}
		if _, err := s.co.SetWebhook(t.Context(), Test, "http://10.0.0.1/"); err == nil {
			t.Error("a private address was accepted")
		}
		if _, err := s.co.SetWebhookSecret(t.Context(), Live, hookURL, own); err == nil {
			t.Error("a secret that was typed was accepted for live mode")
		}
		list, err := s.co.Endpoints(t.Context(), Test)
		if err != nil || len(list) != 1 || list[0].URL != hookURL+"4" {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

func TestSetWebhookKeepsTheRestAndSwitchesOn(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id, secret, err := s.co.CreateEndpoint(t.Context(), EndpointParams{Mode: Test, URL: hookURL, Events: []string{webhook.SessionExpired}, Payload: "seed"})
		if err != nil {
			t.Fatal(err)
		}
		s.clock.advance(time.Second)
		second, _ := s.hook(hookURL)
		if got, err := s.co.SetWebhook(t.Context(), Test, hookURL); err != nil || got != secret {
			t.Errorf("another secret, %v", err)
		}
		if _, err := s.co.store.direct(t.Context()).disableEndpoint(id, hookURL, "The receiver answered 410 Gone.", s.clock.now()); err != nil {
			t.Fatal(err)
		}
		if got, err := s.co.SetWebhook(t.Context(), Test, hookURL+"2"); err != nil || got != secret {
			t.Errorf("another secret, %v", err)
		}
		list, err := s.co.Endpoints(t.Context(), Test)
		if err != nil || len(list) != 2 || list[0].ID != id || list[1].ID != second || list[1].URL != hookURL {
			t.Fatalf("%+v, %v", list, err)
		}
		if e := list[0]; !e.Enabled || e.DisabledReason != "" || e.URL != hookURL+"2" || e.Payload != "seed" || !slices.Equal(e.Events, []string{webhook.SessionExpired}) {
			t.Errorf("%+v", e)
		}
	})
}

// Replicas that start for the first time together call SetWebhook together. Two endpoints would get every event twice.
func TestSetWebhookAtOnceMakesOneEndpoint(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		shops := []*shop{s, secondProcess(t, s), secondProcess(t, s)}
		secrets := make([]string, 12)
		var wg sync.WaitGroup
		for i := range secrets {
			wg.Go(func() {
				var err error
				if secrets[i], err = shops[i%len(shops)].co.SetWebhook(t.Context(), Test, hookURL); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		list, err := s.co.Endpoints(t.Context(), Test)
		if err != nil || len(list) != 1 {
			t.Errorf("%d endpoints, %v", len(list), err)
		}
		if len(slices.Compact(secrets)) != 1 {
			t.Error("the processes know different secrets")
		}
	})
}

// A retry goes where the endpoint is now, signed with the secret it has now.
func TestRetriesGoToTheNewAddress(t *testing.T) {
	s := oneShop(t)
	old, fresh := newReceiver(t, func(int) int { return http.StatusInternalServerError }), newReceiver(t, nil)
	if _, err := s.co.SetWebhook(t.Context(), Test, old.URL); err != nil {
		t.Fatal(err)
	}
	s.expiredSession()
	s.sendDue()
	secret := "whsec_" + "another-secret"
	if _, err := s.co.SetWebhookSecret(t.Context(), Test, fresh.URL, secret); err != nil {
		t.Fatal(err)
	}
	s.clock.advance(6 * time.Second)
	s.sendDue()
	if len(old.all()) != 1 || len(fresh.all()) != 1 {
		t.Fatalf("the old address got %d requests, the new one %d", len(old.all()), len(fresh.all()))
	}
	got := fresh.all()[0]
	if err := webhook.Verify([]byte(got.body), got.header.Get(webhook.HeaderSignature), secret, webhook.WithClock(s.clock.now)); err != nil {
		t.Error(err)
	}
}

func TestALateGoneDoesNotSwitchOffTheNewAddress(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		id, _ := s.hook(hookURL)
		for _, url := range []string{hookURL, hookURL + "/new"} {
			if _, err := s.co.SetWebhook(t.Context(), Test, url); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.co.store.direct(t.Context()).disableEndpoint(id, hookURL, "The receiver answered 410 Gone.", s.clock.now()); err != nil {
			t.Fatal(err)
		}
		list, err := s.co.Endpoints(t.Context(), Test)
		if err != nil || len(list) != 1 || !list[0].Enabled {
			t.Errorf("the endpoint is %+v, %v", list, err)
		}
	})
}
