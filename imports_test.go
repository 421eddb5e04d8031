package checkout

import (
	"cmp"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const modulePath = "github.com/jopay/checkout"

const (
	rootOwn     = "/internal/canonjson /internal/migrations /internal/money /internal/netguard /internal/qrsvg /internal/ratelimit /internal/sealed /internal/strictjson /internal/ubl /webhook"
	rootModules = "code.dny.dev/ssrf github.com/bojanz/currency github.com/cockroachdb/apd/v3 github.com/go-json-experiment/json github.com/jinzhu/inflection " +
		"github.com/jinzhu/now golang.org/x/text golang.org/x/time gorm.io/gorm rsc.io/qr"
)

// importRules are the arrows a package may have, tests aside: own packages and other modules, both directly and through
// others. Whoever needs a new one adds it here and says in the commit why the host's build should carry it.
var importRules = []struct {
	pkg     string
	own     string
	modules string
}{
	{"", rootOwn, rootModules},
	{"/checkouttest", rootOwn + " /", rootModules + " gorm.io/driver/sqlite github.com/mattn/go-sqlite3"}, // SQLite, for tests only
	{"/webhook", "", ""},
}

// An adapter may know the core and what it adapts, and no other adapter, no example, no driver and no SDK: those of
// providers are plain net/http, without a module of their own.
func TestAdaptersKnowTheCoreOnly(t *testing.T) {
	for _, a := range []struct{ name, modules string }{
		{"checkoutgin", "gin"}, {"checkoutstripe", ""}, {"checkoutsepa", ""}, {"checkoutmanual", ""},
		{"checkoutpdf", "codeberg.org/go-pdf/fpdf golang.org/x/image"}, {"checkoutsmtp", "github.com/wneessen/go-mail golang.org/x/crypto golang.org/x/net"},
	} {
		own := modulePath + "/adapters/" + a.name
		for _, d := range depsOf(t, own) {
			foreign := strings.HasPrefix(d.path, modulePath+"/examples") || strings.HasPrefix(d.path, modulePath+"/checkouttest") ||
				(strings.HasPrefix(d.path, modulePath+"/adapters/") && d.path != own) || strings.HasPrefix(d.path, "gorm.io/driver/")
			known := d.standard || d.module == modulePath || slices.Contains(strings.Fields(rootModules+" "+a.modules), d.module)
			if foreign || (a.modules != "gin" && !known) {
				t.Errorf("%s imports %s", a.name, d.path)
			}
		}
	}
}

// Every adapter has its rule above.
func TestEveryAdapterHasARule(t *testing.T) {
	folders, err := os.ReadDir("adapters")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("imports_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if !strings.Contains(string(source), `{"`+f.Name()+`", `) {
			t.Errorf("adapters/%s has no rule", f.Name())
		}
	}
}

// listed is a package as the go tool lists it.
type listed struct {
	path, module string
	standard     bool
}

// depsOf asks the go tool for everything that is linked in with a package.
func depsOf(t *testing.T, pkg string) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}}\t{{.Standard}}\t{{with .Module}}{{.Path}}{{end}}", pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1") // the drivers of SQLite differ, and the rules name one of them
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go list %s: %v\n%s", pkg, err, out)
	}
	var list []listed
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		list = append(list, listed{fields[0], fields[len(fields)-1], fields[1] == "true"})
	}
	return list
}

func TestImportsFollowTheRules(t *testing.T) {
	for _, rule := range importRules {
		t.Run(cmp.Or(rule.pkg, "root"), func(t *testing.T) {
			own, modules := map[string]bool{}, map[string]bool{}
			for _, d := range depsOf(t, modulePath+rule.pkg) {
				switch {
				case d.path == modulePath+rule.pkg || d.standard:
				case d.module == modulePath:
					own[cmp.Or(strings.TrimPrefix(d.path, modulePath), "/")] = true
				default:
					modules[d.module] = true
				}
			}
			compareImports(t, "own packages", own, rule.own)
			compareImports(t, "modules", modules, rule.modules)
		})
	}
}

// compareImports names what is too much and what is listed in vain.
func compareImports(t *testing.T, what string, got map[string]bool, allowed string) {
	t.Helper()
	want := strings.Fields(allowed)
	for name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("%s: %s is new", what, name)
		}
	}
	for _, name := range want {
		if !got[name] {
			t.Errorf("%s: %s is allowed but not used any more", what, name)
		}
	}
}

func TestRootLinksNoTestCodeDriversOrRouters(t *testing.T) {
	for _, d := range depsOf(t, modulePath) {
		for _, word := range []string{"testing", "httptest", "dbtest", "checkouttest", "noderx", "gin-gonic", "gorm.io/driver", "pgx", "sqlite", "adapter"} {
			if strings.Contains(d.path, word) {
				t.Errorf("the root links %s", d.path)
			}
		}
	}
}

// Imports of internal packages point inwards only, in their tests too: a leaf that knows the root is no leaf.
func TestInternalPackagesDoNotKnowTheRoot(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}{{range .TestImports}} {{.}}{{end}}{{range .XTestImports}} {{.}}{{end}}`,
		modulePath+"/internal/...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		seen++
		if slices.Contains(fields[1:], modulePath) {
			t.Errorf("%s imports the root", fields[0])
		}
	}
	if seen < 8 {
		t.Errorf("only %d internal packages were looked at: %.200s", seen, out)
	}
}
