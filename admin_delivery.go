package checkout

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jopay/checkout/webhook"
)

type deliveryScreen struct {
	Delivery sentRow
	Attempts []Attempt // newest first
	Body     string    // the exact bytes, or the first of them
	Bytes    int       // of the whole body
	Cut      bool      // the body is longer than the page shows
	Pretty   string
	Signed   string // the text that the newest signature covers
	Header   string // the name of the signature's header
	Curl     string
	Valid    bool // the request in Curl is signed
	Lost     bool // it is not, because the secret does not open
	Endpoint bool // the endpoint is still there
	Why      *whyScreen
	Suspect  bool // the receiver has refused the signature, as far as one can see
}

// whyScreen is the answer to "why 401?".
type whyScreen struct {
	whyFinding
	Asked     bool // somebody has pasted something
	Unread    bool // and no signature is in it
	InAnswer  bool // the signature stood in the receiver's own answer
	Signature string
	Seen      string
}

// ownDelivery is the delivery of the path, which must be of the page's mode.
func (a *adminCall) ownDelivery() (DeliveryDetail, error) {
	id := a.r.PathValue("id")
	if !isID(prefixDelivery, id) {
		return DeliveryDetail{}, ErrNotFound
	}
	d, err := a.GetDelivery(a.ctx(), id)
	if err == nil && d.Mode() != a.mode {
		err = ErrNotFound
	}
	return d, err
}

// getDelivery is GET /{mode}/deliveries/{id}.
func (a *adminCall) getDelivery() error {
	d, err := a.ownDelivery()
	if err != nil {
		return err
	}
	return a.showDelivery(http.StatusOK, d, nil)
}

func (a *adminCall) showDelivery(status int, d DeliveryDetail, why *whyScreen) error {
	s := deliveryScreen{
		Delivery: sentRow{d.Delivery, d.EndpointURL}, Attempts: slices.Clone(d.Attempts),
		Header: "X-" + a.cfg.Brand.HeaderWord + "-Signature", Why: why,
	}
	slices.Reverse(s.Attempts)
	shortenAnswers(s.Attempts)
	s.showBody(d.Body)
	s.Suspect = d.HTTPStatus != nil && slices.Contains([]int{400, 401, 403}, *d.HTTPStatus)
	e, err := a.store.endpoint(a.ctx(), d.EndpointID)
	if err != nil {
		return err
	}
	if s.Endpoint = e.Status != endpointDeleted; s.Endpoint {
		if s.Curl, s.Valid, err = a.curlOf(e, d); err != nil {
			return err
		}
		s.Lost = !s.Valid && a.mode == Test && a.may(AccessOperate)
	}
	if s.Why == nil && s.Suspect {
		if s.Why, err = a.whyOfAnswers(e, d); err != nil {
			return err
		}
	}
	return a.show(status, "delivery", "delivery", s)
}

// shownBody is how many bytes of a body the page shows. The whole of a longer one is behind a link, so that the page stays
// small: it would stand in it four times.
const shownBody = 4 << 10

// shortenAnswers keeps the newest answer whole, and the beginning of those before it: they are mostly the same again.
func shortenAnswers(newestFirst []Attempt) {
	for i := 1; i < len(newestFirst); i++ {
		for _, text := range []**string{&newestFirst[i].Response, &newestFirst[i].ResponseHeaders} {
			if *text != nil && len(**text) > shownAnswer {
				*text = pointer(strings.ToValidUTF8((**text)[:shownAnswer], "") + "…")
			}
		}
	}
}

const shownAnswer = 500 // bytes

func (s *deliveryScreen) showBody(body string) {
	s.Bytes, s.Cut = len(body), len(body) > shownBody
	if s.Cut {
		s.Body = strings.ToValidUTF8(body[:shownBody], "")
		return
	}
	s.Body, s.Pretty = body, prettyBody(body)
	if len(s.Attempts) > 0 {
		s.Signed = strconv.FormatInt(s.Attempts[0].SignedAt, 10) + "." + body
	}
}

// getDeliveryBody is GET /{mode}/deliveries/{id}/body: the exact bytes, as a file that no browser shows as a page.
func (a *adminCall) getDeliveryBody() error {
	d, err := a.ownDelivery()
	if err != nil {
		return err
	}
	h := a.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="`+bodyFile(d)+`"`)
	h.Set("Content-Length", strconv.Itoa(len(d.Body)))
	_, _ = io.WriteString(a.w, d.Body)
	return nil
}

func bodyFile(d DeliveryDetail) string { return d.ID + ".json" }

// prettyBody is JSON with line breaks, for people.
func prettyBody(body string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(body), "", "  ") != nil {
		return body
	}
	return b.String()
}

// getDeliveryAgain leads from the address of an action, which a browser keeps, back to the delivery.
func (a *adminCall) getDeliveryAgain() error { return a.seeOther("/deliveries/"+a.pathID(), "") }

// postDeliveryResend is POST /{mode}/deliveries/{id}/resend.
func (a *adminCall) postDeliveryResend() error {
	d, err := a.ownDelivery()
	if err != nil {
		return err
	}
	if _, err := a.Redeliver(a.ctx(), d.ID); err != nil {
		return err
	}
	return a.seeOther("/deliveries/"+d.ID, "delivery.resent")
}

// postDeliveryWhy is POST /{mode}/deliveries/{id}/why: a signature that a receiver has made, and how it has come to it. It
// changes nothing; it is a post because a body does not fit into an address.
func (a *adminCall) postDeliveryWhy() error {
	d, err := a.ownDelivery()
	if err != nil {
		return err
	}
	e, err := a.store.endpoint(a.ctx(), d.EndpointID)
	if err != nil {
		return err
	}
	sent, err := a.whySent(e, d)
	if err != nil {
		return err
	}
	why := &whyScreen{Asked: true, Signature: shorten(a.form.Get("signature"), 2000), Seen: strings.ReplaceAll(a.form.Get("seen"), "\r\n", "\n")}
	why.Unread = len(signaturesIn(why.Signature)) == 0
	why.whyFinding = why401(sent, why.Signature, why.Seen)
	return a.showDelivery(http.StatusOK, d, why)
}

// whyOfAnswers looks for a signature in what the receiver has answered: many say there what they expected.
func (a *adminCall) whyOfAnswers(e endpointRecord, d DeliveryDetail) (*whyScreen, error) {
	var said strings.Builder
	for _, at := range d.Attempts {
		said.WriteString(orEmpty(at.Response) + "\n")
	}
	if len(signaturesIn(said.String())) == 0 {
		return nil, nil
	}
	sent, err := a.whySent(e, d)
	if err != nil {
		return nil, err
	}
	why := &whyScreen{InAnswer: true, whyFinding: why401(sent, said.String(), "")}
	if !why.Found || len(why.Mistakes) == 0 {
		return nil, nil
	}
	return why, nil
}

// whyAttempts is how many of the newest attempts a pasted signature is held against.
const whyAttempts = 5

func (a *adminCall) whySent(e endpointRecord, d DeliveryDetail) (whySent, error) {
	sent := whySent{Body: d.Body, EventID: d.EventID}
	for _, at := range slices.Backward(d.Attempts) {
		if len(sent.Signed) < whyAttempts {
			sent.Signed = append(sent.Signed, whySigned{at.SignedAt, at.Signature})
		}
	}
	sent.know(a.openedSecrets(e, "", "secret.previous"))
	for _, mode := range []Mode{a.mode, otherMode(a.mode)} {
		others, err := a.store.endpoints(a.ctx(), mode)
		if err != nil {
			return sent, err
		}
		for _, other := range others {
			if mistake := map[bool]string{true: "secret.endpoint", false: "secret.mode"}[mode == a.mode]; other.ID != e.ID {
				sent.know(a.openedSecrets(other, mistake, mistake))
			}
		}
	}
	return sent, nil
}

func otherMode(m Mode) Mode {
	if m == Live {
		return Test
	}
	return Live
}

// know adds secrets that are not there yet.
func (s *whySent) know(list []whySecret) {
	for _, one := range list {
		if !slices.ContainsFunc(s.Secrets, func(have whySecret) bool { return have.Secret == one.Secret }) {
			s.Secrets = append(s.Secrets, one)
		}
	}
}

// openedSecrets are the live secrets of an endpoint. One that does not open is not among them.
func (a *adminCall) openedSecrets(e endpointRecord, current, previous string) (list []whySecret) {
	name := e.URL
	if current == "" {
		name = "" // of the delivery's own endpoint, which is on the page
	}
	if secret, err := a.openSecret(e, secretCurrent); err == nil && secret != "" {
		list = append(list, whySecret{secret, current, name})
	}
	if e.Previous != nil {
		if secret, err := a.openSecret(e, secretPrevious); err == nil {
			list = append(list, whySecret{secret, previous, name})
		}
	}
	return list
}

// curlOf is the request as a shell sends it. It is signed in test mode only, and only for who may send webhooks: in live
// mode it would be a payment that anybody could tell the shop of.
func (a *adminCall) curlOf(e endpointRecord, d DeliveryDetail) (command string, valid bool, err error) {
	signature, standard := "t=…,v1=…", "v1,…"
	now := a.now()
	if valid = a.mode == Test && a.may(AccessOperate); valid {
		s, err := a.signingOf(a.ctx(), e)
		if errors.Is(err, errSecretLost) {
			valid = false
		} else if err != nil {
			return "", false, err
		} else {
			secrets := s.inOrder(s.leading())
			signature = webhook.Sign([]byte(d.Body), secrets[0], now, secrets[1:]...)
			standard = standardSignature(d.EventID, []byte(d.Body), secrets, now)
		}
	}
	data := d.Body
	if len(data) > shownBody {
		data = "@" + bodyFile(d) // the file that the page offers
	}
	return curlCommand(e.URL, data, a.curlHeaders(d, now, signature, standard)), valid, nil
}

func (a *adminCall) curlHeaders(d DeliveryDetail, now time.Time, signature, standard string) [][2]string {
	word := a.cfg.Brand.HeaderWord
	list := [][2]string{
		{"Content-Type", "application/json"}, {"User-Agent", word + "-Webhooks/1"},
		{"X-" + word + "-Signature", signature}, {"X-" + word + "-Event", d.EventType},
		{"X-" + word + "-Delivery", d.ID}, {"X-" + word + "-Attempt", strconv.Itoa(d.AttemptCount + 1)},
		{"webhook-id", d.EventID}, {"webhook-timestamp", strconv.FormatInt(now.Unix(), 10)},
	}
	if standard != "" {
		list = append(list, [2]string{"webhook-signature", standard})
	}
	return list
}

func curlCommand(target, data string, headers [][2]string) string {
	var b strings.Builder
	b.WriteString("curl -i -X POST " + shellQuoted(target))
	for _, h := range headers {
		b.WriteString(" \\\n  -H " + shellQuoted(h[0]+": "+h[1]))
	}
	b.WriteString(" \\\n  --data-binary " + shellQuoted(data))
	return b.String()
}

// shellQuoted makes one word of a text for every POSIX shell.
func shellQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
