package stripespec

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Paths are the addresses the checkout, the browser and the fake use.
var Paths = []string{
	"/v1/payment_intents", "/v1/payment_intents/search", "/v1/payment_intents/{intent}", "/v1/payment_intents/{intent}/cancel",
	"/v1/payment_intents/{intent}/confirm", "/v1/checkout/sessions", "/v1/checkout/sessions/{session}",
	"/v1/checkout/sessions/{session}/expire", "/v1/refunds", "/v1/refunds/{refund}",
}

// Spec is Stripe's description of its API, for some paths. It may be used from many goroutines.
type Spec struct {
	Version    string // the API version that it describes, as in Stripe-Version
	operations []operation
	schemas    openapi3.Schemas
}

type operation struct {
	method   string
	path     []string // segments; {name} stands for one of any text
	name     string
	query    *openapi3.Schema
	body     *openapi3.Schema
	answer   *openapi3.Schema
	mistaken *openapi3.Schema
}

// Load reads an OpenAPI document of Stripe, in JSON, and keeps Paths.
func Load(raw []byte) (*Spec, error) {
	var decoded map[string]any
	if err := json.Unmarshal(raw, &decoded); err != nil {
		return nil, fmt.Errorf("the description is no JSON: %w", err)
	}
	trimmed, err := json.Marshal(trim(decoded, Paths, []string{"event", "charge"}))
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(trimmed)
	if err != nil {
		return nil, fmt.Errorf("the description does not load: %w", err)
	}
	s := &Spec{Version: doc.Info.Version, schemas: doc.Components.Schemas}
	for _, path := range Paths {
		item := doc.Paths.Value(path)
		if item == nil {
			return nil, fmt.Errorf("the description has no path %s", path)
		}
		for method, o := range item.Operations() {
			s.operations = append(s.operations, newOperation(method, path, o))
		}
	}
	return s, nil
}

func newOperation(method, path string, o *openapi3.Operation) operation {
	op := operation{method: method, path: strings.Split(path, "/"), name: method + " " + path, query: closed()}
	for _, p := range o.Parameters {
		if p.Value.In != "query" {
			continue
		}
		op.query.Properties[p.Value.Name] = p.Value.Schema
		if p.Value.Required {
			op.query.Required = append(op.query.Required, p.Value.Name)
		}
	}
	op.body = closed()
	if o.RequestBody != nil {
		if form := o.RequestBody.Value.Content["application/x-www-form-urlencoded"]; form != nil {
			op.body = form.Schema.Value
		}
	}
	op.answer = o.Responses.Status(http.StatusOK).Value.Content["application/json"].Schema.Value
	op.mistaken = o.Responses.Default().Value.Content["application/json"].Schema.Value
	return op
}

// closed is an object without properties, to which none may be added.
func closed() *openapi3.Schema {
	s := openapi3.NewObjectSchema().WithoutAdditionalProperties()
	s.Properties = openapi3.Schemas{}
	return s
}

func (s *Spec) find(method, path string) (operation, error) {
	segments := strings.Split(path, "/")
	best, score := operation{}, -1
	for _, op := range s.operations {
		if n := op.fit(method, segments); n > score {
			best, score = op, n
		}
	}
	if score < 0 {
		return best, errors.New("Stripe has no such address among those that are checked")
	}
	return best, nil
}

// fit counts the literal segments that agree; -1 is no fit. /search is an address of its own beside /{intent}.
func (op operation) fit(method string, segments []string) int {
	if op.method != method || len(op.path) != len(segments) {
		return -1
	}
	literal := 0
	for i, want := range op.path {
		switch {
		case want == segments[i]:
			literal++
		case !strings.HasPrefix(want, "{") || segments[i] == "":
			return -1
		}
	}
	return literal
}

// A Violation is one side's breach of the description.
type Violation struct {
	Side      string // request or answer
	Operation string // POST /v1/payment_intents
	Field     string // /metadata/attempt; empty for the whole
	Reason    string
}

func (v *Violation) Error() string {
	return fmt.Sprintf("the %s of %s breaks Stripe's description at %q: %s", v.Side, v.Operation, v.Field, v.Reason)
}

// CheckRequest holds a request to the description. The body is what was read of it.
func (s *Spec) CheckRequest(r *http.Request, body []byte) error {
	op, err := s.find(r.Method, r.URL.Path)
	if err != nil {
		return &Violation{"request", r.Method + " " + r.URL.Path, "", err.Error()}
	}
	broken := func(field, reason string) error { return &Violation{"request", op.name, field, reason} }
	if v := r.Header.Get("Stripe-Version"); v != s.Version && (v != "" || !fromBrowser(r)) {
		return broken("header Stripe-Version", fmt.Sprintf("it is %q, the description is of %s", v, s.Version))
	}
	if got := r.Header.Get("Content-Type"); len(body) > 0 && !isForm(got) {
		return broken("header Content-Type", fmt.Sprintf("it is %q, Stripe reads forms", got))
	}
	if err := checkForm(op.query, r.URL.RawQuery); err != nil {
		return broken(field(err, "query "), reason(err))
	}
	if err := checkForm(op.body, string(body)); err != nil {
		return broken(field(err, ""), reason(err))
	}
	return nil
}

// fromBrowser tells requests with a publishable key, which are of the account's own version.
func fromBrowser(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), "Bearer pk_")
}

func isForm(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && kind == "application/x-www-form-urlencoded"
}

func checkForm(schema *openapi3.Schema, encoded string) error {
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return fmt.Errorf("it is no form: %w", err)
	}
	tree, err := unbracket(values)
	if err != nil {
		return err
	}
	return schema.VisitJSON(typed(schema, tree))
}

// CheckAnswer holds what was answered to a request to the description.
func (s *Spec) CheckAnswer(method, path string, status int, header http.Header, body []byte) error {
	op, err := s.find(method, path)
	if err != nil {
		return &Violation{"answer", method + " " + path, "", err.Error()}
	}
	broken := func(field, reason string) error { return &Violation{"answer", op.name, field, reason} }
	if got := header.Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
		return broken("header Content-Type", fmt.Sprintf("it is %q, Stripe answers in JSON", got))
	}
	schema := op.answer
	if status != http.StatusOK {
		schema = op.mistaken
	}
	if err := checkJSON(schema, body); err != nil {
		return broken(field(err, ""), reason(err))
	}
	return nil
}

// CheckEvent holds a notification, and the object inside it, to the description.
func (s *Spec) CheckEvent(body []byte) error {
	broken := func(at string, err error) error {
		return &Violation{"event", "notification", field(err, at), reason(err)}
	}
	if err := checkJSON(s.schemas["event"].Value, body); err != nil {
		return broken("", err)
	}
	var event struct {
		Type string
		Data struct{ Object json.RawMessage }
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return broken("", err)
	}
	kind := event.Type[:max(0, strings.LastIndex(event.Type, "."))]
	schema, ok := s.schemas[kind]
	if !ok {
		return broken("/type", fmt.Errorf("%q is about no object that is checked", event.Type))
	}
	if err := checkJSON(schema.Value, event.Data.Object); err != nil {
		return broken("/data/object", err)
	}
	return nil
}

func checkJSON(schema *openapi3.Schema, body []byte) error {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("it is no JSON: %w", err)
	}
	return schema.VisitJSON(v)
}

// deepest is the first violation, followed into the alternative that the value comes closest to: an object into that which
// describes objects. It gives where that is, too.
func deepest(err error) (string, error) {
	var e *openapi3.SchemaError
	if !errors.As(err, &e) {
		return "", err
	}
	at := ""
	for _, step := range e.JSONPointer() {
		at += "/" + step
	}
	if _, isObject := e.Value.(map[string]any); e.SchemaField == "anyOf" && isObject {
		for _, alternative := range e.Schema.AnyOf {
			inner := alternative.Value.VisitJSON(e.Value)
			if below, inner := deepest(inner); inner != nil && alternative.Value.Type.Is("object") {
				return at + below, inner
			}
		}
	}
	return at, err
}

func field(err error, before string) string {
	at, _ := deepest(err)
	return before + at
}

func reason(err error) string {
	_, err = deepest(err)
	var e *openapi3.SchemaError
	if errors.As(err, &e) {
		return e.Reason
	}
	return err.Error()
}
