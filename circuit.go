package checkout

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	circuitFailures = 3
	circuitPause    = time.Minute
)

// circuits hides a provider that does not answer, so that buyers are offered what else there is. Each process finds out
// for itself.
type circuits struct {
	mu     sync.Mutex
	byName map[string]*circuit
}

type circuit struct {
	failures int
	until    time.Time
}

// note counts a call's outcome: answers of any kind close the circuit, silence opens it.
func (c *circuits) note(provider string, err error, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !silent(err) {
		delete(c.byName, provider)
		return
	}
	if c.byName == nil {
		c.byName = map[string]*circuit{}
	}
	k, ok := c.byName[provider]
	if !ok {
		k = &circuit{}
		c.byName[provider] = k
	}
	if k.failures++; k.failures >= circuitFailures {
		k.until = now.Add(circuitPause)
	}
}

// open reports whether a provider is hidden. When the pause is over one more silence hides it again.
func (c *circuits) open(provider string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.byName[provider]
	return ok && now.Before(k.until)
}

// silent tells a provider that did not answer from one that said something.
func silent(err error) bool {
	var network net.Error
	return errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network)
}
