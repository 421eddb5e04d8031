// Package webhook is the receiving end of the checkout's webhooks, and the signing half that the sender shares with it.
// It stands on the standard library alone, so a merchant's server can import it without the rest of the checkout.
//
// A handler reads one request with one call:
//
//	func handle(w http.ResponseWriter, r *http.Request) {
//		event, err := webhook.Read(r, os.Getenv("WEBHOOK_SECRET"))
//		if err != nil {
//			http.Error(w, "bad webhook", http.StatusBadRequest)
//			return
//		}
//		if event.Type == webhook.SessionCompleted {
//			session, err := event.Session()
//			// … ship the order named in session.Metadata, once per event.ID
//		}
//		w.WriteHeader(http.StatusOK)
//	}
//
// # What to expect
//
// Delivery is at least once and in no promised order: remember Event.ID and do the work of one id once. Answer 2xx
// within 15 seconds; other answers are tried again for three days, except 410, which switches the endpoint off. New
// types may appear: answer 2xx to the ones you do not know.
//
// # Signatures
//
// Each request carries two, both made with the endpoint's one secret, whsec_ and 32 random bytes in base64:
//
//   - X-JoPay-Signature: t=<unix seconds>,v1=<hex>, the HMAC-SHA256 of "<t>.<body>", keyed with the secret as it is
//     shown. While a secret is being replaced there are two v1, one per secret.
//   - webhook-id, webhook-timestamp, webhook-signature: Standard Webhooks 1.0.0, the HMAC-SHA256 of
//     "<id>.<timestamp>.<body>", keyed with the decoded part of the secret.
//
// Both cover the bytes of the body as they were sent. Verify them before anything parses the body.
package webhook
