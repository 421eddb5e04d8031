package checkout

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jopay/checkout/internal/dbtest"
)

// server is a PostgreSQL cluster of the test's own, which it may stop as hard as it likes.
type server struct {
	t    *testing.T
	bin  string
	dir  string
	port string
	cmd  *exec.Cmd
	log  bytes.Buffer
}

// newServer makes a cluster in a folder with a short path, because its socket's path must be short.
func newServer(t *testing.T) *server {
	t.Helper()
	bin := serverPrograms()
	if bin == "" {
		t.Skip("SKIPPED-NEEDS-POSTGRES: no initdb and postgres on this machine, run make chaos")
	}
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	v := &server{t: t, bin: bin, dir: dir, port: freePort(t)}
	v.own()
	if out, err := v.command("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D", v.data()).CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v %s", err, out)
	}
	v.start()
	t.Cleanup(v.stop)
	return v
}

func (v *server) data() string { return filepath.Join(v.dir, "data") }

// serverPrograms finds the folder of the newest server, as Debian and others install it.
func serverPrograms() string {
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(found) > 0 { // the pattern is fine
		return filepath.Dir(slices.Max(found))
	}
	if found, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(found)
	}
	return ""
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// servant is who runs the server when the test runs as root, which the server refuses.
func servant() (*user.User, bool) {
	if os.Getuid() != 0 {
		return nil, false
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			return u, true
		}
	}
	return nil, false
}

func (v *server) own() {
	u, ok := servant()
	if !ok {
		return
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err1 != nil || err2 != nil || os.Chown(v.dir, uid, gid) != nil {
		v.t.Fatal("the folder cannot be given to " + u.Username)
	}
}

func (v *server) command(program string, args ...string) *exec.Cmd {
	line := append([]string{filepath.Join(v.bin, program)}, args...)
	if u, ok := servant(); ok {
		line = append([]string{"setpriv", "--reuid=" + u.Uid, "--regid=" + u.Gid, "--clear-groups"}, line...)
	}
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = "/"
	return cmd
}

// start starts the server and waits until it answers.
func (v *server) start() {
	v.t.Helper()
	v.cmd = v.command("postgres", "-D", v.data(), "-p", v.port, "-k", v.dir, "-c", "listen_addresses=127.0.0.1")
	v.cmd.Stdout, v.cmd.Stderr = &v.log, &v.log
	if err := v.cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	for limit := time.Now().Add(30 * time.Second); ; {
		if v.command("pg_isready", "-q", "-h", "127.0.0.1", "-p", v.port).Run() == nil {
			return
		}
		if time.Now().After(limit) {
			v.stop()
			v.t.Fatalf("postgres does not start: %s", v.log.String())
		}
		pause(v.t.Context(), 20*time.Millisecond)
	}
}

// stop ends the server at once, without a checkpoint, and cuts every connection: pg_ctl stop -m immediate.
func (v *server) stop() {
	if v.cmd.ProcessState == nil {
		_ = v.cmd.Process.Signal(syscall.SIGQUIT)
		_ = v.cmd.Wait() // it reports the signal
	}
}

func (v *server) dsn() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%s/postgres?sslmode=disable", v.port)
}

// TestChaosPostgresStopsHard stops the server under load and starts it again. Buyers see "in a moment" for seconds.
func TestChaosPostgresStopsHard(t *testing.T) {
	t.Parallel()
	v := newServer(t)
	books := newCompany(outcome{state: StateSucceeded})
	s := newLiveShop(t, dbtest.OpenDSN(t, dbtest.Postgres, v.dsn(), nil), books)
	c := newShoppers(s, 6)
	stops := extent(1, 10)
	for range stops {
		c.waitForSales(5)
		refused := c.refusals()
		v.stop()
		c.waitForRefusals(refused + 3)
		v.start()
	}
	c.waitForSales(5)
	c.end(books, fmt.Sprintf("PostgreSQL stopped hard %d times", stops))
}
