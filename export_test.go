package checkout

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
)

// Sandbox is the provider behind test keys, for tests from outside.
func (c *Checkout) Sandbox() Provider { return c.sandbox }

// ApproveInSandbox is the buyer's yes on the sandbox's challenge page.
func (c *Checkout) ApproveInSandbox(ctx context.Context, paymentID string) error {
	return c.sandbox.answer(ctx, paymentID, true)
}

// SandboxNotification is what the sandbox would send now.
func (c *Checkout) SandboxNotification(ctx context.Context, ref ChargeRef) (*http.Request, []byte, error) {
	o, err := c.sandbox.Observe(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	body, err := json.Marshal(notification{ID: o.Ref + ":" + string(o.State), AttemptID: o.AttemptID, SentAt: c.now().Unix()})
	if err != nil {
		return nil, nil, err
	}
	signature, err := c.sandbox.sign(ctx, body)
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, c.base+c.cfg.APIPath+"/notify/"+sandboxName, nil)
	r.Header.Set(sandboxHeader, signature)
	return r, body, err
}

// SandboxCharges counts the charges in the sandbox's books.
func (c *Checkout) SandboxCharges(ctx context.Context) (n int, err error) {
	return n, c.store.direct(ctx).query(func(row scanner) error { return row.Scan(&n) }, "SELECT COUNT(*) FROM {sandbox_charges}")
}
