package webhook

import (
	"slices"
	"time"
)

// Option changes how Verify and Read check a request.
type Option func(*options)

type options struct {
	secrets   []string
	tolerance time.Duration
	now       func() time.Time
	header    string
}

// WithSecrets accepts signatures by these secrets too, while the sender still signs with the old one.
func WithSecrets(secrets ...string) Option {
	return func(o *options) { o.secrets = append(o.secrets, secrets...) }
}

// WithTolerance sets how far a signature's time may lie from ours, in both directions. Defaults to 5 minutes.
func WithTolerance(d time.Duration) Option {
	return func(o *options) { o.tolerance = d }
}

// WithClock sets where the time comes from, for tests. Defaults to time.Now.
func WithClock(now func() time.Time) Option {
	return func(o *options) { o.now = now }
}

// WithHeader sets the name of the header that Read takes the signature from. Defaults to HeaderSignature.
func WithHeader(name string) Option {
	return func(o *options) { o.header = name }
}

func newOptions(secret string, opts []Option) (options, error) {
	o := options{secrets: []string{secret}, tolerance: 5 * time.Minute, now: time.Now, header: HeaderSignature}
	for _, set := range opts {
		set(&o)
	}
	// Anyone can sign with an empty key, and an unset variable is an easy mistake.
	if slices.Contains(o.secrets, "") {
		return o, ErrSecret
	}
	return o, nil
}

// checkTime compares whole seconds, the resolution of the signature's time.
func (o options) checkTime(unix int64) error {
	age := o.now().Unix() - unix
	tolerance := int64(o.tolerance / time.Second)
	switch {
	case age > tolerance:
		return ErrTooOld
	case -age > tolerance:
		return ErrTooNew
	}
	return nil
}
