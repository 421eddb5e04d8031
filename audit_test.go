package checkout

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestTheAuditLogTellsWhoChangedWhat(t *testing.T) {
	eachShop(t, func(t *testing.T, s *shop) {
		write := func(ctx context.Context, ch change, fail error) {
			t.Helper()
			err := s.co.store.transact(ctx, func(tx tx) error { return errors.Join(s.co.audit(ctx, tx, ch), fail) })
			if !errors.Is(err, fail) {
				t.Fatal(err)
			}
		}
		ada := ActingAs(t.Context(), Actor{ID: "u1", Name: "Ada"})
		write(ada, change{mode: Test, action: "key.create", object: "key_1", after: map[string]string{"name": "shop"}}, nil)
		write(ada, change{mode: Test, action: "key.revoke", object: "key_1"}, errHost)
		write(context.WithValue(t.Context(), apiKeyKey, keyRecord{ID: "key_9", Prefix: "sk_test_abcd", Last4: "wxyz"}), change{mode: Live, action: "refund.create", object: "re_1", session: "cs_1"}, nil)
		write(ActingAs(t.Context(), Actor{ID: strings.Repeat("x", 300)}), change{action: "a", object: "b"}, nil)
		write(t.Context(), change{action: "a", object: "b"}, nil)

		list, more, err := s.co.Audit(t.Context(), AuditFilter{Limit: 3})
		if err != nil || !more || len(list) != 3 {
			t.Fatalf("%d entries, more %v, %v", len(list), more, err)
		}
		if list, more, err = s.co.Audit(t.Context(), AuditFilter{StartingAfter: list[2].ID}); err != nil || more || len(list) != 2 { // the other is of the shop's own key
			t.Fatalf("the last page has %d entries, more %v, %v", len(list), more, err)
		}
		list, _, err = s.co.Audit(t.Context(), AuditFilter{Object: "key_1"})
		if err != nil || len(list) != 1 || list[0].Actor != (Actor{"u1", "Ada"}) || list[0].Action != "key.create" || string(list[0].Before) != "null" || string(list[0].After) != `{"name":"shop"}` {
			t.Errorf("of the key: %+v, %v: what was rolled back is not there", list, err)
		}
		list, _, err = s.co.Audit(t.Context(), AuditFilter{SessionID: "cs_1"})
		if err != nil || len(list) != 1 || list[0].Actor.ID != "key_9" || list[0].Actor.Name != "API key sk_test_abcd…wxyz" || list[0].Mode != Live {
			t.Errorf("of the session: %+v, %v", list, err)
		}
		list, _, err = s.co.Audit(t.Context(), AuditFilter{Object: "b"})
		if err != nil || len(list) != 2 {
			t.Fatalf("of b: %+v, %v", list, err)
		}
		actors, _ := json.Marshal([]Actor{list[0].Actor, list[1].Actor})
		if !strings.Contains(string(actors), `"ID":"host"`) || strings.Contains(string(actors), strings.Repeat("x", 201)) {
			t.Errorf("the actors are %s", actors)
		}
	})
}
