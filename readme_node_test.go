package checkout

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jopay/checkout/webhook"
)

// nodeAround runs a receiver's code without a server: it calls the handler with a body and a header from the environment
// and prints the status.
const nodeAround = `
let handler;
const stub = () => ({ post: (path, parser, h) => { handler = h; }, listen: () => {} });
stub.raw = () => null;
const load = require('module');
const original = load._load;
load._load = (name, ...rest) => name === 'express' ? stub : original(name, ...rest);
require(process.argv[2]);
handler({ get: () => process.env.HEADER, body: Buffer.from(process.env.BODY) }, { sendStatus: n => console.log(n) });
`

// While a secret is being rolled, a header has two signatures. The code that we hand out takes either, in either order.
func TestReadmeNodeCodeTakesBothSecrets(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("SKIPPED-NEEDS-NODE: node is not installed")
	}
	dir := t.TempDir()
	receiver, around := filepath.Join(dir, "receiver.cjs"), filepath.Join(dir, "around.cjs")
	for file, text := range map[string]string{receiver: readmeReceiver(t), around: nodeAround} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mine, other, now, body := webhook.NewSecret(), webhook.NewSecret(), time.Now(), `{"id":"evt_1"}`
	for _, c := range []struct {
		name, header string
		want         int
	}{
		{"one secret", webhook.Sign([]byte(body), mine, now), 200},
		{"mine first", webhook.Sign([]byte(body), mine, now, other), 200},
		{"mine last", webhook.Sign([]byte(body), other, now, mine), 200},
		{"another", webhook.Sign([]byte(body), other, now), 401},
		{"two others", webhook.Sign([]byte(body), other, now, other+"x"), 401},
		{"old", webhook.Sign([]byte(body), mine, now.Add(-time.Hour)), 401},
		{"not hex", fmt.Sprintf("t=%d,v1=zz", now.Unix()), 401},
		{"no time", "v1=00", 401},
		{"none", "", 401},
	} {
		cmd := exec.Command(node, around, receiver)
		cmd.Env = append(os.Environ(), "WEBHOOK_SECRET="+mine, "HEADER="+c.header, "BODY="+body)
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, %s; want %d", c.name, err, got, c.want)
		}
	}
}

func readmeReceiver(t *testing.T) string {
	t.Helper()
	blocks, _ := readmeBlocks(t)
	for _, b := range blocks {
		if b.language == "js" && strings.Contains(b.text, "createHmac") {
			return b.text
		}
	}
	t.Fatal("the README has no receiver in JavaScript")
	return ""
}
