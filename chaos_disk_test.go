package checkout

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jopay/checkout/internal/dbtest"
)

// shoppers buy while something is broken, and remember what they were told.
type shoppers struct {
	s       *shop
	stop    chan struct{}
	running sync.WaitGroup

	mu       sync.Mutex
	told     map[string]string // session → the best they were told: created or completed
	answers  map[int]int       // by status
	longest  time.Duration
	sales    int
	progress chan struct{} // a token for every sale
}

func newShoppers(s *shop, size int) *shoppers {
	c := &shoppers{s: s, stop: make(chan struct{}), told: map[string]string{}, answers: map[int]int{}, progress: make(chan struct{}, 1)}
	for range size {
		c.running.Go(func() {
			for {
				select {
				case <-c.stop:
					return
				default:
					c.buy()
				}
			}
		})
	}
	return c
}

// send sends a request and holds the answer to what may be shown while the database is in trouble.
func (c *shoppers) send(do func() *http.Response) *http.Response {
	start := time.Now()
	answer := do()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[answer.StatusCode]++
	c.longest = max(c.longest, time.Since(start))
	switch answer.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusSeeOther:
	case http.StatusServiceUnavailable:
		if answer.Header.Get("Retry-After") == "" {
			c.s.t.Error("503 does not say when to come back")
		}
	default:
		body, _ := io.ReadAll(answer.Body) // for the message only
		c.s.t.Errorf("answered %d: %.300s", answer.StatusCode, body)
	}
	return answer
}

// buy is one order, as far as it gets.
func (c *shoppers) buy() {
	order := c.send(func() *http.Response { return c.s.api("POST", "/sessions", seedBody).Result() })
	if order.StatusCode != http.StatusCreated {
		return
	}
	id := order.Header.Get("Location")
	id = id[strings.LastIndexByte(id, '/')+1:]
	c.tell(id, "created")
	page := c.send(func() *http.Response { return c.s.page("/checkout/" + id).Result() })
	body, err := io.ReadAll(page.Body)
	m := tokenRule.FindSubmatch(body)
	if err != nil || m == nil {
		return
	}
	form := url.Values{"token": {string(m[1])}, "action": {"pay"}, "method": {"wire"}}
	paid := c.send(func() *http.Response { return c.s.post("/checkout/"+id, form).Result() })
	if strings.Contains(paid.Header.Get("Location"), "/success") {
		c.tell(id, "completed")
	}
}

func (c *shoppers) tell(id, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told[id] = what
	if what != "completed" {
		return
	}
	c.sales++
	select {
	case c.progress <- struct{}{}:
	default:
	}
}

// waitForSales blocks until so many more sales were made.
func (c *shoppers) waitForSales(n int) {
	c.s.t.Helper()
	limit := time.After(time.Minute)
	for range n {
		select {
		case <-c.progress:
		case <-limit:
			c.s.t.Fatal("nothing is sold any more")
		}
	}
}

// end sends the shoppers home, lets the workers finish and looks at everything.
func (c *shoppers) end(books *company, what string) {
	c.s.t.Helper()
	close(c.stop)
	c.running.Wait()
	for range 2 {
		c.s.clock.advance(believeAbsence + time.Minute)
		c.s.runOnce()
	}
	checkInvariants(c.s.t, c.s, books, nil)
	for id, what := range c.told {
		if what == "completed" && c.s.count("sessions", "id = ? AND status = 'completed'", id) != 1 || c.s.count("sessions", "id = ?", id) != 1 {
			c.s.t.Errorf("told and not stored: %s is %s", id, what)
		}
	}
	c.s.t.Logf("chaos: %s: %d sales, answers %v, the slowest took %v", what, c.sales, c.answers, c.longest.Round(time.Millisecond))
}

// TestChaosSQLiteIsLockedByAForeignWriter lets another program hold the lock for a long time while buyers pay.
func TestChaosSQLiteIsLockedByAForeignWriter(t *testing.T) {
	t.Parallel()
	hold := time.Duration(extent(2, 10)) * time.Second
	books := newCompany(outcome{state: StateSucceeded})
	s := newLiveShop(t, dbtest.Open(t, dbtest.SQLite, nil), books)
	w := newForeignWriter(t, s)
	c := newShoppers(s, 4)
	c.waitForSales(5)
	w.lockFor(hold)()
	c.waitForSales(5)
	c.end(books, fmt.Sprintf("SQLite locked for %v", hold))
}

// smallDisk mounts a file system of its own for the test.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED-NEEDS-MOUNT: mounting a small disk needs root: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return dir
}

// fill writes until nothing more fits, and gives the file that takes the space.
func fill(t *testing.T, dir string) string {
	t.Helper()
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for block := 1 << 16; block > 0; {
		if _, err := f.Write(make([]byte, block)); err != nil {
			block /= 4 // what is left is smaller
		}
	}
	_ = f.Close() // a full disk may say so here once more
	return ballast
}

// TestChaosDiskFull fills the disk under the database while buyers pay, and frees it again.
func TestChaosDiskFull(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "8m")
	books := newCompany(outcome{state: StateSucceeded})
	s := newLiveShop(t, dbtest.OpenSQLiteIn(t, dir), books)
	c := newShoppers(s, 4)
	c.waitForSales(5)
	ballast := fill(t, dir)
	c.waitForRefusals(20)
	if err := os.Remove(ballast); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	c.waitForSales(5)
	c.end(books, "disk full")
	if c.answers[http.StatusServiceUnavailable] == 0 {
		t.Error("the disk was never full")
	}
}

// waitForRefusals blocks until the shoppers were told to come back later so many times.
func (c *shoppers) waitForRefusals(n int) {
	c.s.t.Helper()
	for start := time.Now(); time.Since(start) < time.Minute && !c.s.t.Failed(); {
		if c.refusals() >= n {
			return
		}
		pause(c.s.t.Context(), 5*time.Millisecond)
	}
	c.s.t.Error("the shoppers were not refused")
}

func (c *shoppers) refusals() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answers[http.StatusServiceUnavailable]
}
