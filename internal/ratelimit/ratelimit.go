// Package ratelimit counts events per key, such as requests per address, in a
// bounded amount of memory.
package ratelimit

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const defaultMaxKeys = 10_000

// Limiter holds one token bucket per key. When it is full, the key that was
// used least recently is forgotten and starts afresh. It is safe for concurrent
// use.
type Limiter struct {
	perMinute int
	burst     int
	maxKeys   int
	now       func() time.Time

	mu     sync.Mutex
	recent *list.List // of *entry, most recently used first
	byKey  map[string]*list.Element
}

type entry struct {
	key    string
	bucket *rate.Limiter
}

// New returns a limiter that permits burst events at once and perMinute events
// a minute in the long run ("30 in 10 minutes" is perMinute 3, burst 30); both
// count as 1 when smaller. It remembers at most maxKeys keys, 10,000 if that is
// not positive. A nil now means time.Now.
//
// Keys made from IPv6 addresses should name the /64 network, or one machine has
// as many keys as it likes.
func New(perMinute, burst, maxKeys int, now func() time.Time) *Limiter {
	if maxKeys <= 0 {
		maxKeys = defaultMaxKeys
	}
	if now == nil {
		now = time.Now
	}
	return &Limiter{
		perMinute: max(perMinute, 1),
		burst:     max(burst, 1),
		maxKeys:   maxKeys,
		now:       now,
		recent:    list.New(),
		byKey:     map[string]*list.Element{},
	}
}

// Allow counts one event of the key and reports whether it is within the limit.
// An event beyond the limit does not make the wait longer.
func (l *Limiter) Allow(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.touch(key)
	if e == nil {
		e = l.add(key)
	}
	return e.bucket.AllowN(l.now(), 1)
}

// Peek reports whether Allow would succeed, and counts nothing. It serves
// limits on outcomes: check with Peek before, count with Allow once the attempt
// has failed.
func (l *Limiter) Peek(key string) bool {
	return l.RetryAfter(key) == 0
}

// RetryAfter returns how long the key has to wait until Allow succeeds, zero if
// it would now. It counts nothing.
func (l *Limiter) RetryAfter(key string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	// Being asked about keeps a key: one that is refused all the time must not
	// be forgotten for it.
	e := l.touch(key)
	if e == nil {
		return 0
	}
	missing := 1 - e.bucket.TokensAt(l.now())
	return max(0, time.Duration(missing*float64(time.Minute)/float64(l.perMinute)))
}

// touch returns the key's entry as the most recently used one, nil if there is
// none.
func (l *Limiter) touch(key string) *entry {
	el, ok := l.byKey[key]
	if !ok {
		return nil
	}
	l.recent.MoveToFront(el)
	return el.Value.(*entry)
}

func (l *Limiter) add(key string) *entry {
	if l.recent.Len() >= l.maxKeys {
		oldest := l.recent.Remove(l.recent.Back()).(*entry)
		delete(l.byKey, oldest.key)
	}
	perSecond := rate.Limit(float64(l.perMinute) / 60)
	e := &entry{key, rate.NewLimiter(perSecond, l.burst)}
	l.byKey[key] = l.recent.PushFront(e)
	return e
}
