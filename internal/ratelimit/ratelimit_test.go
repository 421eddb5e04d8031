package ratelimit

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type clock struct{ t time.Time }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

func newClock() *clock {
	return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

// permitted counts how many of n events pass.
func permitted(l *Limiter, key string, n int) int {
	passed := 0
	for range n {
		if l.Allow(key) {
			passed++
		}
	}
	return passed
}

func TestAllow(t *testing.T) {
	tests := []struct {
		name             string
		perMinute, burst int
		wait             time.Duration
		first, afterWait int
	}{
		{"20 a minute, nothing back at once", 20, 20, 0, 20, 0},
		{"one back after three seconds", 20, 20, 3 * time.Second, 20, 1},
		{"not a moment earlier", 20, 20, 3*time.Second - time.Millisecond, 20, 0},
		{"all back after a minute", 20, 20, time.Minute, 20, 20},
		{"never more than the burst", 20, 20, time.Hour, 20, 20},
		{"30 in 10 minutes", 3, 30, 10 * time.Minute, 30, 30},
		{"30 in 10 minutes, after one", 3, 30, time.Minute, 30, 3},
		{"numbers below 1 count as 1", 0, -1, time.Minute, 1, 1},
	}
	for _, tt := range tests {
		c := newClock()
		l := New(tt.perMinute, tt.burst, 0, c.now)
		if got := permitted(l, "a", 100); got != tt.first {
			t.Errorf("%s: %d at first, want %d", tt.name, got, tt.first)
		}
		c.advance(tt.wait)
		if got := permitted(l, "a", 100); got != tt.afterWait {
			t.Errorf("%s: %d after %v, want %d", tt.name, got, tt.wait, tt.afterWait)
		}
		if !l.Allow("b") {
			t.Errorf("%s: another key was limited too", tt.name)
		}
	}
}

func TestPeekTakesNothing(t *testing.T) {
	l := New(2, 2, 0, newClock().now)
	for range 10 {
		if !l.Peek("a") {
			t.Fatal("Peek refused an unknown key")
		}
	}
	if n := len(l.byKey); n != 0 {
		t.Errorf("Peek stored %d keys", n)
	}
	l.Allow("a")
	for range 10 {
		if !l.Peek("a") {
			t.Fatal("Peek used up the second event")
		}
	}
	l.Allow("a")
	if l.Peek("a") {
		t.Error("Peek permits a third event")
	}
}

// Waiting as long as told must be enough, and two nanoseconds less must not be.
func TestRetryAfterIsExact(t *testing.T) {
	for _, perMinute := range []int{1, 3, 7, 20, 30, 600} {
		c := newClock()
		l := New(perMinute, 2, 0, c.now)
		if d := l.RetryAfter("a"); d != 0 {
			t.Errorf("%d a minute: new key waits %v", perMinute, d)
		}
		permitted(l, "a", 2)
		d := l.RetryAfter("a")
		if want := time.Minute / time.Duration(perMinute); d < want-1 || d > want {
			t.Errorf("%d a minute: wait is %v, want %v", perMinute, d, want)
		}
		c.advance(d - 2)
		if l.Peek("a") || l.Allow("a") {
			t.Errorf("%d a minute: permitted too early", perMinute)
		}
		c.advance(2)
		if !l.Peek("a") || !l.Allow("a") {
			t.Errorf("%d a minute: refused after %v", perMinute, d)
		}
	}
}

func TestLeastRecentlyUsedKeyGoes(t *testing.T) {
	l := New(1, 1, 3, newClock().now)
	for _, key := range []string{"a", "b", "c"} {
		l.Allow(key)
	}
	l.Allow("a") // refused, yet used
	l.Peek("b")  // so is being asked about
	l.Allow("d") // c goes
	for key, want := range map[string]bool{"a": false, "b": false, "c": true, "d": false} {
		if got := l.Peek(key); got != want {
			t.Errorf("Peek(%q) = %t, want %t", key, got, want)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	for _, tt := range []struct{ maxKeys, want int }{{5, 5}, {0, defaultMaxKeys}, {-1, defaultMaxKeys}} {
		l := New(1, 1, tt.maxKeys, newClock().now)
		for i := range defaultMaxKeys + 10 {
			l.Allow(strconv.Itoa(i))
		}
		if len(l.byKey) != tt.want || l.recent.Len() != tt.want {
			t.Errorf("maxKeys %d: %d keys, %d entries, want %d", tt.maxKeys, len(l.byKey), l.recent.Len(), tt.want)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	const burst = 50
	l := New(1, burst, 2, newClock().now)
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				l.Peek("a")
				if l.Allow("a") {
					passed.Add(1)
				}
				l.RetryAfter("a")
			}
		})
	}
	wg.Wait()
	if n := passed.Load(); n != burst {
		t.Errorf("%d events passed, want %d", n, burst)
	}
}

func TestSystemClockIsTheDefault(t *testing.T) {
	l := New(1, 1, 0, nil)
	if !l.Allow("a") || l.Allow("a") {
		t.Error("want one event and then none")
	}
}
