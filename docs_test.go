package checkout

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
	"github.com/jopay/checkout/webhook"
)

const (
	apiDoc        = "docs/api.md"
	operationsDoc = "docs/operations.md"
)

// namedErrors are those of errors.go; TestAPIDocHasEveryErrorCode finds out when one is missing here.
var namedErrors = []*Error{
	ErrNotFound, ErrRouteUnknown, ErrMethodNotAllowed, ErrBodyTooLarge, ErrContentType, ErrInvalidJSON, ErrBodyEmpty, ErrCursor,
	ErrIdempotencyKey, ErrKeyReused, ErrKeyMissing, ErrKeyInvalid, ErrKeyRevoked, ErrKeyExpired, ErrNotPending,
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
		{session, reflect.TypeFor[Session]()}, {session, reflect.TypeFor[PaymentError]()},
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
		if name, isText := literal(call.Args[0]); ok && isText && slices.Contains([]string{"text", "textOr", "integer", "object", "array", "get"}, method.Sel.Name) {
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
	for _, s := range []paymentState{attemptOpen, attemptSucceeded, attemptFailed, attemptRefundDue} {
		words = append(words, string(s))
	}
	for _, word := range append(words, seedEvents...) {
		if !strings.Contains(doc, "`"+word+"`") {
			t.Errorf("%s is not in %s", word, apiDoc)
		}
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
	_, doc := blocksOf(t, apiDoc)
	for mode, schedule := range schedules {
		var waits []string
		for _, wait := range schedule[1:] {
			waits = append(waits, spoken(wait))
		}
		if want := "after " + strings.Join(waits, ", ") + ": " + strconv.Itoa(len(schedule)) + " attempts"; !strings.Contains(doc, want) {
			t.Errorf("%s does not say of %s mode: %s", apiDoc, mode, want)
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
	blocks, doc := blocksOf(t, apiDoc)
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
			t.Errorf("%s does not have the line %s", apiDoc, line)
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
	short := regexp.MustCompile(`((?:cs|pay|evt)_[0-9a-f]{12})[0-9a-f]{32}`).ReplaceAllString(out.String(), "$1…")
	short = regexp.MustCompile(`"req_\w+"`).ReplaceAllString(short, `"req_…"`)
	return regexp.MustCompile(`"key_(prefix|last4)":"[^"]*"`).ReplaceAllString(short, `"key_$1":""`)
}

// docAnswers replays the story that the examples tell: a create, a decline after five minutes, a payment after six.
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
	return answers
}

func TestAPIDocExamplesAreRealAnswers(t *testing.T) {
	blocks, _ := blocksOf(t, apiDoc)
	var examples []string
	for _, b := range blocks {
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
	for _, name := range []string{apiDoc, operationsDoc} {
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

func TestOperationsDocHasEveryTable(t *testing.T) {
	_, doc := blocksOf(t, operationsDoc)
	schema, err := Schema("postgres", "")
	if err != nil {
		t.Fatal(err)
	}
	tables := regexp.MustCompile(`CREATE TABLE checkout_(\w+)`).FindAllStringSubmatch(schema, -1)
	if len(tables) < 10 {
		t.Fatalf("%d tables were found", len(tables))
	}
	for _, table := range tables {
		if !strings.Contains(doc, "| `"+table[1]+"` |") {
			t.Errorf("the table %s is not in %s", table[1], operationsDoc)
		}
	}
}

func TestOperationsDocHasEveryLogMessageAndNoOther(t *testing.T) {
	_, doc := blocksOf(t, operationsDoc)
	levels := map[string]string{}
	for _, file := range source(t) {
		for _, message := range passed(file, "ErrorContext") {
			levels[message] = "ERROR"
		}
		for _, message := range passed(file, "WarnContext") {
			levels[message] = "WARN"
		}
		for _, alert := range keyed(file, "alert") {
			levels["checkout: "+alert] = "ERROR"
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| (ERROR|WARN) \\| ([^|]+) \\|").FindAllStringSubmatch(doc, -1) {
		for _, message := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[2], -1) {
			if levels[message[1]] != row[1] {
				t.Errorf("%s has %q at %s, the code has it at %q", operationsDoc, message[1], row[1], levels[message[1]])
			}
			delete(levels, message[1])
		}
	}
	for message := range maps.Keys(levels) {
		t.Errorf("the message %q is not in %s", message, operationsDoc)
	}
}

func TestOperationsDocStatementsRun(t *testing.T) {
	blocks, _ := blocksOf(t, operationsDoc)
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		s, ran := newShop(t, db), 0
		for _, b := range blocks {
			if b.language != "sql" {
				continue
			}
			for statement := range strings.SplitSeq(strings.TrimSpace(b.text), ";\n") {
				if err := s.db.Exec(statement).Error; err != nil {
					t.Errorf("%s:%d: %v\n%s", operationsDoc, b.line, err, statement)
				}
				ran++
			}
		}
		if ran < 6 {
			t.Errorf("%d statements ran, want at least 6", ran)
		}
	})
}

func TestOperationsDocProviderCompiles(t *testing.T) {
	blocks, _ := blocksOf(t, operationsDoc)
	compiled := 0
	for _, b := range blocks {
		if b.language == "go" && strings.HasPrefix(b.text, "package ") {
			mustCompile(t, operationsDoc, b)
			compiled++
		}
	}
	if compiled != 1 {
		t.Errorf("%d programs were compiled, want 1", compiled)
	}
}
