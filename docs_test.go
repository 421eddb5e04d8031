package checkout

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

const (
	apiDoc        = "docs/api.md"
	webhooksDoc   = "docs/webhooks.md"
	operationsDoc = "docs/operations.md"
)

// namedErrors are those of errors.go; TestAPIDocHasEveryErrorCode finds out when one is missing here.
var namedErrors = []*Error{
	ErrNotFound, ErrNotIssued, ErrNoFormat, ErrNotSendable, ErrRouteUnknown, ErrMethodNotAllowed, ErrBodyTooLarge, ErrContentType, ErrInvalidJSON, ErrBodyEmpty, ErrCursor,
	ErrIdempotencyKey, ErrKeyReused, ErrKeyMissing, ErrKeyInvalid, ErrKeyRevoked, ErrKeyExpired, ErrNotPending,
	ErrRefundExceeds, ErrRefundByHand, ErrNotByHand, ErrEndpointOff, ErrSecretLost, ErrOverlap, ErrKeyEnded,
	ErrRateLimited, ErrTooManyAttempts, ErrInternal, ErrProviderUnavailable, ErrDatabaseBusy, errCrossSite,
}

// source gives the syntax of every file of the package that is not a test.
func source(t *testing.T) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = file
	}
	return files
}

func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

// keyed collects the string literals that stand behind one of the keys in composite literals.
func keyed(file *ast.File, keys ...string) (list []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		if kv, ok := n.(*ast.KeyValueExpr); ok {
			name, isName := kv.Key.(*ast.Ident)
			if s, isText := literal(kv.Value); isName && isText && slices.Contains(keys, name.Name) {
				list = append(list, s)
			}
		}
		return true
	})
	return list
}

// passed collects the string literals that methods of one of the names get as their second argument.
func passed(file *ast.File, methods ...string) (list []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) < 2 {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if s, isText := literal(call.Args[1]); ok && isText && slices.Contains(methods, method.Sel.Name) {
			list = append(list, s)
		}
		return true
	})
	return list
}

func TestAPIDocHasEveryErrorCode(t *testing.T) {
	_, doc := blocksOf(t, apiDoc)
	files := source(t)
	var codes []string
	for _, file := range files {
		codes = append(codes, keyed(file, "Code", "DeclineCode")...)
		codes = append(codes, passed(file, "add")...)
	}
	if len(codes) < 70 {
		t.Fatalf("only %d codes were found in the source", len(codes))
	}
	for _, code := range codes {
		if !strings.Contains(doc, "`"+code+"`") {
			t.Errorf("the code %s is not in %s", code, apiDoc)
		}
	}
	for _, code := range passed(files["params.go"], "add") {
		if !regexp.MustCompile(`(?m)^\| 400 \| [^|]*` + "`" + code + "`").MatchString(doc) {
			t.Errorf("%s does not say that %s is a 400", apiDoc, code)
		}
	}
	for _, code := range keyed(files["errors.go"], "Code") {
		if !slices.ContainsFunc(namedErrors, func(e *Error) bool { return e.Code == code }) {
			t.Errorf("%s is a named error that this test does not know", code)
		}
	}
}

func TestAPIDocGivesTheStatusOfEveryNamedError(t *testing.T) {
	_, doc := blocksOf(t, apiDoc)
	for _, e := range namedErrors {
		row := regexp.MustCompile(`(?m)^\| ` + strconv.Itoa(e.Status) + " \\| [^|]*`" + e.Code + "`")
		sentence := regexp.MustCompile(strconv.Itoa(e.Status) + " `" + e.Code + "`")
		if !row.MatchString(doc) && !sentence.MatchString(doc) {
			t.Errorf("%s does not say that %s is a %d", apiDoc, e.Code, e.Status)
		}
	}
}

func TestAPIDocHasEveryFieldAndKey(t *testing.T) {
	_, doc := blocksOf(t, apiDoc)
	create, session, _ := strings.Cut(doc, "\n## The session object\n")
	for _, part := range []struct {
		text string
		of   reflect.Type
	}{
		{create, reflect.TypeFor[LineItem]()}, {create, reflect.TypeFor[BillingDetails]()}, {create, reflect.TypeFor[Address]()},
		{session, reflect.TypeFor[Session]()}, {session, reflect.TypeFor[PaymentError]()}, {session, reflect.TypeFor[Refund]()},
	} {
		for i := range part.of.NumField() {
			key, ok := part.of.Field(i).Tag.Lookup("json")
			if ok && !strings.Contains(part.text, "`"+key+"`") && !strings.Contains(part.text, "."+key+"`") {
				t.Errorf("%s of %s is not in its part of %s", key, part.of.Name(), apiDoc)
			}
		}
	}
}

func TestAPIDocHasEveryFieldThatIsRead(t *testing.T) {
	_, doc := blocksOf(t, apiDoc)
	_, create, _ := strings.Cut(doc, "\n## Create a session\n")
	create, _, _ = strings.Cut(create, "\n## ")
	names := asked(source(t)["decode.go"])
	if len(names) < 30 {
		t.Fatalf("only %d fields were found in the source", len(names))
	}
	for _, name := range names {
		if !strings.Contains(create, "`"+name+"`") && !strings.Contains(create, "."+name+"`") {
			t.Errorf("the field %s is not in the part of %s about the create", name, apiDoc)
		}
	}
}

// asked collects the members that a decoder asks its objects for.
func asked(file *ast.File) (list []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if name, isText := literal(call.Args[0]); ok && isText && slices.Contains([]string{"text", "textOr", "integer", "object", "array", "get", "flag", "time"}, method.Sel.Name) {
			list = append(list, name)
		}
		return true
	})
	return list
}

func TestAPIDocHasEveryListParameterAndNoOther(t *testing.T) {
	_, doc := blocksOf(t, apiDoc)
	_, table, _ := strings.Cut(doc, "\n## List sessions\n")
	table, _, _ = strings.Cut(table, "\nThe answer is")
	var told, read []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+`) \\|").FindAllStringSubmatch(table, -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			told = append(told, strings.Trim(name, "`"))
		}
	}
	ast.Inspect(source(t)["handlers.go"], func(n ast.Node) bool {
		if kv, ok := n.(*ast.KeyValueExpr); ok {
			name, isText := literal(kv.Key)
			if _, isFunc := kv.Value.(*ast.FuncLit); isFunc && isText {
				read = append(read, name)
			}
		}
		return true
	})
	slices.Sort(told)
	slices.Sort(read)
	if !slices.Equal(told, read) {
		t.Errorf("%s has %q, the code %q", apiDoc, told, read)
	}
}

func TestAPIDocHasEveryStateAndEvent(t *testing.T) {
	_, doc := blocksOf(t, apiDoc)
	words := []string{string(StatusPending), string(StatusCompleted), string(StatusExpired)}
	for _, s := range allPaymentStatuses {
		words = append(words, string(s))
	}
	for _, s := range []paymentState{attemptOpen, attemptSucceeded, attemptFailed, attemptRefundDue, attemptRefunded, attemptNeedsPerson} {
		words = append(words, string(s))
	}
	for _, s := range []refundState{refundPending, refundSucceeded, refundFailed, refundNeedsPerson} {
		words = append(words, string(s))
	}
	for _, word := range append(words, originRequest, originProvider, noteLate, noteExtra, noteMismatch) {
		if !strings.Contains(doc, "`"+word+"`") {
			t.Errorf("%s is not in %s", word, apiDoc)
		}
	}
	_, doc = blocksOf(t, webhooksDoc)
	for _, event := range allEvents {
		if !strings.Contains(doc, "`"+event+"`") {
			t.Errorf("%s is not in %s", event, webhooksDoc)
		}
	}
}

func TestAPIDocHasEveryFieldOfTheSmallerRequests(t *testing.T) {
	_, doc := blocksOf(t, apiDoc)
	for file, heading := range map[string]string{"handlers_refunds.go": "Refunds", "handlers_test_mode.go": "Test mode"} {
		_, part, _ := strings.Cut(doc, "\n## "+heading+"\n")
		part, _, _ = strings.Cut(part, "\n## ")
		names := asked(source(t)[file])
		if len(names) < 3 {
			t.Fatalf("only %d fields were found in %s", len(names), file)
		}
		for _, name := range names {
			if !strings.Contains(part, "`"+name+"`") && !strings.Contains(part, "`{\""+name+"\":") {
				t.Errorf("the field %s is not in the part of %s about %s", name, apiDoc, heading)
			}
		}
	}
}

// A table tells every field of a webhook request, every parameter of the two lists, and every key of their answers.
func TestWebhooksDocHasEveryFieldOfItsAPI(t *testing.T) {
	_, doc := blocksOf(t, webhooksDoc)
	_, part, _ := strings.Cut(doc, "\n## Over HTTP\n")
	part, _, _ = strings.Cut(part, "\n## ")
	names := asked(source(t)["handlers_webhooks.go"])
	for _, file := range []string{"handlers_deliveries.go", "handlers_events.go"} {
		ast.Inspect(source(t)[file], func(n ast.Node) bool {
			if kv, ok := n.(*ast.KeyValueExpr); ok {
				if name, isText := literal(kv.Key); isText {
					names = append(names, name)
				}
			}
			return true
		})
	}
	for _, answer := range []reflect.Type{reflect.TypeFor[endpointBody](), reflect.TypeFor[Delivery](), reflect.TypeFor[DeliveryDetail](), reflect.TypeFor[Attempt](), reflect.TypeFor[EventRecord]()} {
		for i := range answer.NumField() {
			if key, ok := answer.Field(i).Tag.Lookup("json"); ok {
				names = append(names, strings.TrimSuffix(key, ",omitempty"))
			}
		}
	}
	if len(names) < 60 {
		t.Fatalf("only %d names were found", len(names))
	}
	for _, name := range names {
		if !strings.Contains(part, "`"+name+"`") && !strings.Contains(part, `"`+name+`":`) {
			t.Errorf("%s is not in the part of %s about HTTP", name, webhooksDoc)
		}
	}
}

func TestAPIDocHasTheRefundSchedule(t *testing.T) {
	_, doc := blocksOf(t, apiDoc)
	var waits []string
	for _, wait := range refundAfter {
		waits = append(waits, spoken(wait))
	}
	if want := "after " + strings.Join(waits, ", "); !strings.Contains(doc, want) {
		t.Errorf("%s does not say of refunds: %s", apiDoc, want)
	}
}

func TestAPIDocHasEveryRouteAndNoOther(t *testing.T) {
	_, doc := blocksOf(t, apiDoc)
	var routes []string
	for _, rt := range (&Checkout{}).API().(*door).routes {
		for method := range rt.handlers {
			path := "/" + strings.Join(rt.segments, "/")
			routes = append(routes, method+" "+regexp.MustCompile(`:(\w+)`).ReplaceAllString(path, "{$1}"))
		}
	}
	var told []string
	for _, row := range regexp.MustCompile("(?m)^\\| `((?:GET|POST|PUT|PATCH|DELETE) /[^`]*)` \\|").FindAllStringSubmatch(doc, -1) {
		told = append(told, row[1])
	}
	slices.Sort(routes)
	slices.Sort(told)
	if !slices.Equal(routes, told) {
		t.Errorf("%s has %q, the code %q", apiDoc, told, routes)
	}
}

func TestAPIDocHasEveryTestCard(t *testing.T) {
	_, doc := blocksOf(t, apiDoc)
	for _, card := range testCards {
		if number := (pageTestCard{Number: card.Number}).Digits(); !strings.Contains(doc, "`"+number+"`") {
			t.Errorf("the test number %s is not in %s", number, apiDoc)
		}
	}
}

func TestAPIDocHasTheRetrySchedules(t *testing.T) {
	_, doc := blocksOf(t, webhooksDoc)
	for mode, schedule := range schedules {
		var waits []string
		for _, wait := range schedule[1:] {
			waits = append(waits, spoken(wait))
		}
		if want := "after " + strings.Join(waits, ", ") + ": " + strconv.Itoa(len(schedule)) + " attempts"; !strings.Contains(doc, want) {
			t.Errorf("%s does not say of %s mode: %s", webhooksDoc, mode, want)
		}
	}
}

func spoken(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	case d >= time.Minute:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	default:
		return strconv.Itoa(int(d/time.Second)) + " s"
	}
}

func TestAPIDocTestVectorVerifies(t *testing.T) {
	blocks, doc := blocksOf(t, webhooksDoc)
	secret := regexp.MustCompile("`(whsec_[^`]+)`").FindStringSubmatch(doc)[1]
	var body string
	for _, b := range blocks {
		if b.language == "text" && strings.HasPrefix(b.text, "{") {
			body = strings.TrimSuffix(b.text, "\n")
		}
	}
	at := time.Unix(1736510701, 0)
	standard, err := webhook.SignStandard("evt_a1b2c3d4e5f6", []byte(body), secret, at)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"X-JoPay-Signature: " + webhook.Sign([]byte(body), secret, at), "webhook-signature: " + standard} {
		if !strings.Contains(doc, line+"\n") {
			t.Errorf("%s does not have the line %s", webhooksDoc, line)
		}
	}
}

// compacted shortens ids as the documents do, and compacts.
func compacted(t *testing.T, answer string) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(answer)); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, answer)
	}
	short := regexp.MustCompile(`((?:cs|pay|evt|re|we|dlv)_[0-9a-f]{12})[0-9a-f]{32}`).ReplaceAllString(out.String(), "$1…")
	short = regexp.MustCompile(`"req_\w+"`).ReplaceAllString(short, `"req_…"`)
	short = regexp.MustCompile(`"secret_last4":"[^"]*"`).ReplaceAllString(short, `"secret_last4":""`)
	return regexp.MustCompile(`"key_(prefix|last4)":"[^"]*"`).ReplaceAllString(short, `"key_$1":""`)
}

// docAnswers replays the story that the examples tell: a create, a decline after five minutes, a payment after six, a refund after seven.
func docAnswers(t *testing.T) map[string]string {
	s := newShop(t, dbtest.Open(t, dbtest.SQLite, nil), func(c *Config) { c.BaseURL = "https://shop.example" })
	if _, err := s.co.SetWebhook(t.Context(), Test, "https://yoursite.com/webhook"); err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{}
	keep := func(name, method, path, body string) string {
		w := s.api(method, path, body)
		answers[name] = w.Body.String()
		return w.Body.String()
	}
	var created Session
	if err := json.Unmarshal([]byte(keep("create", "POST", "/sessions", seedBody)), &created); err != nil {
		t.Fatal(err)
	}
	s.clock.advance(5 * time.Minute)
	s.pay(created.ID, "4000000000009995")
	s.clock.advance(time.Minute)
	s.pay(created.ID, "4242424242424242")
	keep("payments", "GET", "/sessions/"+created.ID+"/payments", "")
	keep("account", "GET", "/account", "")
	keep("refused", "POST", "/sessions", `{"line_items":[{"name":"Coffee","amount":25.0,"currency":"eur"}],"cancel_url":"https://yoursite.com/cancel","Metadata":{}}`)
	list, err := all(s.co.store.direct(t.Context()), readText, `SELECT payload FROM {events} ORDER BY created_at`)
	if err != nil || len(list) != 2 {
		t.Fatalf("%d events, %v", len(list), err)
	}
	answers["failed event"], answers["completed event"] = list[0], list[1]
	endpoints, err := s.co.Endpoints(t.Context(), Test)
	if err != nil {
		t.Fatal(err)
	}
	keep("endpoint", "GET", "/webhook_endpoints/"+endpoints[0].ID, "")
	keep("deliveries", "GET", "/webhook_deliveries?limit=1", "")
	s.clock.advance(time.Minute)
	keep("refund", "POST", "/refunds", `{"session_id":"`+created.ID+`","amount_cents":1000,"reason":"one bag was torn"}`)
	answers["refund event"] = s.payload(created.ID, webhook.RefundSucceeded)
	return answers
}

func TestAPIDocExamplesAreRealAnswers(t *testing.T) {
	blocks, _ := blocksOf(t, apiDoc)
	more, _ := blocksOf(t, webhooksDoc)
	var examples []string
	for _, b := range append(blocks, more...) {
		if b.language == "json" {
			examples = append(examples, compacted(t, b.text))
		}
	}
	answers := docAnswers(t)
	for name, answer := range answers {
		if want := compacted(t, answer); !slices.Contains(examples, want) {
			t.Errorf("the answer %q is not in %s:\n%s", name, apiDoc, want)
		}
	}
	if len(examples) != len(answers) {
		t.Errorf("%d JSON examples are in %s, %d are checked", len(examples), apiDoc, len(answers))
	}
}

func TestDocsLinkToWhatIsThere(t *testing.T) {
	for _, name := range []string{apiDoc, webhooksDoc, operationsDoc} {
		_, doc := blocksOf(t, name)
		if n := strings.Count(doc, "\n"); n > 400 {
			t.Errorf("%s has %d lines, want 400 at most", name, n)
		}
		for _, link := range regexp.MustCompile(`\]\(([^):#]+)\)`).FindAllStringSubmatch(doc, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), link[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", name, link[1])
			}
		}
	}
}
