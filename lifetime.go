package session

import (
	"fmt"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
)

// A Lifetime is how long one session lasts, for "remember me". The zero Lifetime is what
// Config says for all sessions, with a cookie that ends with the browser.
type Lifetime struct {
	// Absolute ends the session however much it is used, counted from the
	// sign-in, or from its creation while it is anonymous. Zero is
	// Config.Lifetime, or Config.AnonymousLifetime while it is anonymous. At least
	// a second, at most Config.MaxLifetime.
	Absolute time.Duration

	// Idle ends the session when it is not used. Zero is Absolute, at most
	// Config.MaxIdleTimeout. If both are zero it is Config.IdleTimeout. At least twice
	// Config.TouchInterval, at most Config.MaxIdleTimeout, and never more than Absolute.
	Idle time.Duration

	// Persistent lets the cookie outlive the browser, up to the session's
	// deadline, and at most 400 days, which is all that browsers grant. Without
	// it the cookie ends with the browser, also where Config.Cookie.Persistent is
	// set.
	Persistent bool
}

// SetLifetime gives the session a lifetime of its own, in whole milliseconds. The session
// keeps it through renewal, rotation and reauthentication. A Login ends it: call SetLifetime
// after Login.
//
// The lifetime takes effect with the commit, and counts from the sign-in. The client gets a new token, because it needs a
// cookie of another age. The old token stays valid, as in a rotation, until the new one was
// seen and for Config.Grace after. So nobody is signed out if the answer is lost.
//
// A lifetime over the limits of Config is an error, and so is one that would be over already.
// Other errors are those of [Session.Login].
func (s *Session) SetLifetime(l Lifetime) error {
	if s == nil {
		return ErrNoSession
	}
	if err := l.validate(&s.m.cfg); err != nil {
		return s.life.Refuse(change.Lifetime, "", err)
	}
	// Not before that: of a nanosecond nothing is left, and zero is the Config's.
	l.Absolute, l.Idle = l.Absolute.Truncate(time.Millisecond), l.Idle.Truncate(time.Millisecond)
	return s.sign(change.Lifetime, change.Signing{Lifetime: envelope.Lifetime(l)})
}

// Lifetime returns the lifetime that SetLifetime gave the session. It returns false if the
// session has none of its own, but that of Config. See the example of
// [Session.SetLifetime].
func (s *Session) Lifetime() (l Lifetime, own bool) {
	l = view(s, func(d *change.Draft) Lifetime {
		meta := d.MetaIn(new(envelope.Meta))
		own = meta.OwnLifetime
		return Lifetime(meta.Lifetime)
	})
	return l, own
}

func (l Lifetime) validate(c *Config) error {
	switch {
	case l.Absolute != 0 && (l.Absolute < time.Second || l.Absolute > c.MaxLifetime):
		return fmt.Errorf("session: a lifetime of %v: it must be a second to Config.MaxLifetime, %v", l.Absolute, c.MaxLifetime)
	case l.Idle != 0 && (l.Idle < 2*c.TouchInterval || l.Idle > c.MaxIdleTimeout):
		return fmt.Errorf("session: an idle timeout of %v: it must be twice Config.TouchInterval, %v, to Config.MaxIdleTimeout, %v",
			l.Idle, 2*c.TouchInterval, c.MaxIdleTimeout)
	}
	return nil
}
