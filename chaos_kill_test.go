package checkout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/jopay/checkout/internal/dbtest"
)

// long tells the long form of these tests from the one that every change is held to.
func long() bool { return os.Getenv("CHECKOUT_CHAOS") == "long" }

// extent is how much of something is done in the short and in the long form.
func extent(short, all int) int {
	if long() {
		return all
	}
	return short
}

// tally adds up what the lanes of a test have seen, and says so at its end.
type tally struct {
	mu     sync.Mutex
	what   string
	kills  int
	count  int // of what else the test does
	damage damage
}

func newTally(t *testing.T, what string) *tally {
	y := &tally{what: what}
	t.Cleanup(func() { t.Logf("chaos: TOTAL %s: %d, kills %d, %v", y.what, y.count, y.kills, y.damage) })
	return y
}

func (y *tally) add(k *killer, count int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.kills += k.kills
	y.count += count
	y.damage.add(k.damage)
}

// eachLane runs a body on both databases, in the long form on several of each at the same time.
func eachLane(t *testing.T, body func(t *testing.T, db *gorm.DB, lane, lanes int)) {
	lanes := extent(1, 3)
	for _, dialect := range dbtest.Dialects() {
		for lane := range lanes {
			t.Run(fmt.Sprintf("%s-%d", dialect, lane+1), func(t *testing.T) {
				t.Parallel()
				body(t, dbtest.OpenUnsynced(t, dialect), lane, lanes)
			})
		}
	}
}

// killPoints are the moments at which a process dies: in the shop, or at the other end of the line while the shop waits
// for an answer (world.…). The points of a migration are in internal/migrations.
var killPoints = []string{
	"create.committed",
	"claim.written", "claim.committed",
	"begin.calling", "world.charged", "begin.answered",
	"settle.locked", "settle.written", "settle.committed",
	"notice.verified", "notice.inserted", "notice.committed",
	"expire.selected", "expire.written", "expire.committed",
	"deliver.leased", "world.webhook", "deliver.answered", "deliver.marked",
	"rotate.written", "rotate.committed",
	"refund.booked", "refund.calling", "world.refunded", "refund.answered", "refund.written",
	"documents.selected", "documents.locked", "documents.numbered", "documents.committed",
	"mail.claimed", "mail.calling", "world.mailed", "mail.answered", "mail.committed",
	"world.observed", "reconcile.fetched",
	"stop.draining",
}

// absentPoints are named by the design and have nothing to stop at yet.
var absentPoints = map[string]string{
	"migration between and after statements": "internal/migrations kills its own processes",
}

// killer starts processes on one database, kills them and looks at what is left.
type killer struct {
	t       *testing.T
	s       *shop // the parent's own view of the database
	world   *world
	dsn     string
	passes  map[string]int // of one undisturbed run
	kills   int
	seen    int // webhooks, on databases before
	damage  damage
	twice   bool // kills come in pairs: a mail may meet both
	doubled int  // mails that came twice, in the one window
	started time.Time
}

func newKiller(t *testing.T, db *gorm.DB) *killer {
	t.Helper()
	k := &killer{t: t, world: newWorld(t), dsn: dbtest.DSN(t, db), started: time.Now()}
	k.s = newLiveShop(t, db, k.world.company)
	if err := db.Exec("CREATE TABLE host_events (id TEXT PRIMARY KEY, session_id TEXT, type TEXT)").Error; err != nil {
		t.Fatal(err)
	}
	k.s.listen()
	k.passes = k.undisturbed()
	return k
}

// command makes a process that does its task on the killer's database.
func (k *killer) command(task childTask) *exec.Cmd {
	task.Dialect, task.DSN, task.World, task.Key = k.s.db.Name(), k.dsn, k.world.URL, k.s.key
	text, err := json.Marshal(task)
	if err != nil {
		k.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envChild+"="+string(text), "GORACE=atexit_sleep_ms=0")
	return cmd
}

// start runs a process to its end and tells whether it was killed. Only that and a good end are allowed.
func (k *killer) start(after time.Duration, task childTask) (killed bool, passed map[string]int) {
	k.t.Helper()
	task.At = k.world.later(after)
	cmd := k.command(task)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	started := make(chan struct{})
	k.world.arm(task.Point, task.Nth, func() {
		<-started
		_ = cmd.Process.Kill()
	})
	err := cmd.Start()
	close(started)
	if err == nil {
		err = cmd.Wait()
	}
	if cmd.ProcessState != nil && cmd.ProcessState.String() == "signal: killed" {
		k.kills++
		return true, nil
	}
	if err != nil {
		k.t.Fatalf("%v, killed at %s %d: %v\n%s", task.Do, task.Point, task.Nth, err, log.String())
	}
	if err := json.Unmarshal(out.Bytes(), &passed); err != nil {
		k.t.Fatal(err)
	}
	return false, passed
}

// later moves the time on, for the next process.
func (w *world) later(d time.Duration) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
	return w.at
}

// undisturbed counts how often every point is passed, and holds that to the list.
func (k *killer) undisturbed() map[string]int {
	k.t.Helper()
	_, passed := k.start(time.Minute, childTask{Do: []string{"sales"}})
	k.world.mu.Lock()
	for point, n := range k.world.passed {
		passed[point] = n
	}
	k.world.mu.Unlock()
	listed := map[string]bool{}
	for _, point := range killPoints {
		listed[point] = true
		if passed[point] == 0 {
			k.t.Errorf("%s is never passed", point)
		}
	}
	for point := range passed {
		if !listed[point] {
			k.t.Errorf("%s is passed and not in the list", point)
		}
	}
	k.check("nothing")
	return passed
}

// repairs are the orders in which a restarted shop may find things out.
var repairs = [][]string{{"round", "notices", "round"}, {"notices", "round"}}

// recover starts the shop again long enough after the kill for every claim to be over, and looks at everything.
func (k *killer) recover(repeat int, what string) {
	k.t.Helper()
	if killed, _ := k.start(believeAbsence+time.Minute, childTask{Do: repairs[repeat%len(repairs)]}); killed {
		k.t.Fatal("nobody was to be killed")
	}
	k.check(what)
}

func (k *killer) check(what string) {
	k.t.Helper()
	k.s.clock.mu.Lock()
	k.s.clock.at = k.world.later(0)
	k.s.clock.mu.Unlock()
	d := k.s.inspect(k.world.company, k.world.received())
	d.lost = append(d.lost, k.brokenPromises()...)
	k.inspectMails(&d)
	d.broken = append(d.broken, k.s.texts(`SELECT e.id FROM {events} e LEFT JOIN host_events h ON h.id = e.id WHERE h.id IS NULL AND e.type <> 'checkout.session.created'`)...)
	d.broken = append(d.broken, k.s.texts(`SELECT h.id FROM host_events h LEFT JOIN {events} e ON h.id = e.id WHERE e.id IS NULL`)...)
	for _, line := range d.lines() {
		k.t.Errorf("after a kill at %s: %s", what, line)
	}
	k.damage.add(d)
	if k.t.Failed() {
		k.t.FailNow()
	}
}

// unsent are completions and refunds whose buyers were not written to.
const unsent = `SELECT s.id FROM {sessions} s WHERE s.status = 'completed' AND s.customer_email IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM {mails} m WHERE m.session_id = s.id AND m.kind = 'completed')
	UNION ALL SELECT r.id FROM {refunds} r JOIN {sessions} s ON s.id = r.session_id WHERE r.state = 'succeeded' AND r.origin = 'request'
		AND s.customer_email IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {mails} m WHERE m.object = r.id AND m.kind = 'refunded')`

// inspectMails compares the outbox with what the mail server has taken. Twice is allowed only where a process died between
// the two, and is marked then.
func (k *killer) inspectMails(d *damage) {
	k.t.Helper()
	d.lost = append(d.lost, k.s.texts(unsent)...)
	d.stuck = append(d.stuck, k.s.texts(`SELECT id FROM {mails} WHERE (state = 'due' OR state = 'sending') AND next_at <= ?`, millis(k.s.clock.now()))...)
	k.world.mu.Lock()
	defer k.world.mu.Unlock()
	k.doubled = 0
	for _, r := range k.s.mailRows() {
		switch n := k.world.mails[orEmpty(r.MessageID)]; {
		case r.State == mailFailed && !(k.twice && r.Doubtful == 1 && strings.Contains(orEmpty(r.Failure), "ended twice")), r.State == mailSent && n == 0:
			d.lost = append(d.lost, fmt.Sprintf("mail %s is %s and came %d times: %s", r.ID, r.State, n, orEmpty(r.Failure)))
		case n > 2, n == 2 && r.Doubtful == 0:
			d.duplicates = append(d.duplicates, fmt.Sprintf("mail %s came %d times", r.ID, n))
		case n == 2:
			k.doubled++
		}
	}
}

func (d *damage) add(more damage) {
	d.lost, d.duplicates = append(d.lost, more.lost...), append(d.duplicates, more.duplicates...)
	d.stuck, d.broken = append(d.stuck, more.stuck...), append(d.broken, more.broken...)
}

// brokenPromises are what was told and is not in the database.
func (k *killer) brokenPromises() (list []string) {
	k.world.mu.Lock()
	told := append([]string(nil), k.world.told...)
	k.world.mu.Unlock()
	for _, promise := range told {
		status, id, _ := strings.Cut(promise, " ")
		where := "id = ?"
		if status == "completed" {
			where += " AND status = 'completed'"
		}
		if k.s.count("sessions", where, id) != 1 {
			list = append(list, "told and not stored: "+promise)
		}
	}
	return list
}

func (k *killer) summary(what string) {
	k.t.Helper()
	k.t.Logf("chaos: %s on %s: kills %d, %v, webhooks seen %d, mails %d (%d came twice, where that is allowed), in %v", what, k.s.db.Name(), k.kills, k.damage,
		k.seen+len(k.world.received()), len(k.world.mails), k.doubled,
		time.Since(k.started).Round(time.Millisecond))
}

// TestChaosKillAtEveryPoint kills the shop at every point, at another passage each time.
func TestChaosKillAtEveryPoint(t *testing.T) {
	repeats, total := extent(1, 20), newTally(t, "points killed at")
	for what, why := range absentPoints {
		t.Logf("chaos: no kill at %q: %s", what, why)
	}
	eachLane(t, func(t *testing.T, db *gorm.DB, lane, lanes int) {
		k := newKiller(t, db)
		for i := lane; i < len(killPoints); i += lanes {
			if long() && i > lane { // on a fresh database, because what is inspected grows with every kill
				k = k.next()
			}
			for repeat := range repeats {
				k.killAt(killPoints[i], repeat+i/lanes)
			}
			if long() {
				k.summary("up to " + killPoints[i])
			}
		}
		k.summary(fmt.Sprintf("every point × %d", repeats))
		total.add(k, (len(killPoints)-lane+lanes-1)/lanes)
	})
}

// next goes on counting on another database.
func (k *killer) next() *killer {
	k.t.Helper()
	n := newKiller(k.t, dbtest.OpenUnsynced(k.t, k.s.db.Name()))
	n.kills, n.started, n.damage = k.kills, k.started, k.damage
	n.seen = k.seen + len(k.world.received())
	return n
}

// killAt kills at one of the passages of a point. How often deliveries are written together is a matter of luck: where a
// late passage does not come, the first will do.
func (k *killer) killAt(point string, repeat int) {
	k.t.Helper()
	nth := 1 + repeat%k.passes[point]
	for {
		killed, _ := k.start(time.Minute, childTask{Do: []string{"sales"}, Point: point, Nth: nth})
		k.recover(repeat, fmt.Sprintf("%s, passage %d", point, nth))
		if killed {
			return
		}
		if nth == 1 {
			k.t.Fatalf("%s was not passed", point)
		}
		nth = 1
	}
}

// TestChaosRandomDoubleKills kills the shop, and kills the next one while it repairs or goes on.
func TestChaosRandomDoubleKills(t *testing.T) {
	rounds, seed := extent(2, 100), uint64(time.Now().UnixNano())
	t.Logf("chaos: seed %d", seed)
	total := newTally(t, "double kills")
	eachLane(t, func(t *testing.T, db *gorm.DB, lane, lanes int) {
		dice := rand.New(rand.NewPCG(seed, uint64(lane)))
		k := newKiller(t, db)
		k.twice = true
		for round := lane; round < rounds; round += lanes {
			k.killTwice(dice, round)
			if round/lanes%10 == 9 {
				k.summary(fmt.Sprintf("round %d", round+1))
			}
		}
		k.summary("double kills")
		total.add(k, (rounds-lane+lanes-1)/lanes)
	})
}

// killTwice kills a shop at a random point and the next one while it repairs or goes on selling.
func (k *killer) killTwice(dice *rand.Rand, round int) {
	k.t.Helper()
	what := ""
	for n, do := range [][]string{{"sales"}, {"notices", "round", "sales"}} {
		point := killPoints[dice.IntN(len(killPoints))]
		task := childTask{Do: do, Point: point, Nth: 1 + dice.IntN(k.passes[point])}
		k.start(time.Duration(1+n*16)*time.Minute, task)
		what += fmt.Sprintf("%s, passage %d; ", task.Point, task.Nth)
	}
	k.recover(round, what)
}
