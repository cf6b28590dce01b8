package session

import (
	"encoding/binary"
	"fmt"
	"time"
)

// A Lifetime is how long one session lasts, where that is not what Config says
// for all: "remember me". The zero Lifetime is that of Config, with a cookie that
// ends with the browser.
type Lifetime struct {
	// Absolute ends the session however much it is used, counted from the
	// sign-in, or from its creation while it is anonymous. Zero is
	// Config.Lifetime, or Config.AnonymousLifetime while it is anonymous. At least
	// a second, at most Config.MaxLifetime.
	Absolute time.Duration

	// Idle ends the session when it is not used. Zero is Absolute, as far as
	// Config.MaxIdleTimeout allows, and Config.IdleTimeout where Absolute is zero
	// too. At least twice Config.TouchInterval, at most Config.MaxIdleTimeout, and
	// never more than Absolute.
	Idle time.Duration

	// Persistent lets the cookie outlive the browser, up to the session's
	// deadline, and at most 400 days, which is all that browsers grant. Without
	// it the cookie ends with the browser, also where Config.Cookie.Persistent is
	// set.
	Persistent bool
}

// SetLifetime gives the session a lifetime of its own, in whole milliseconds,
// in the place of one that it has. It stays with the session through renewal,
// rotation and reauthentication. A Login ends it: call SetLifetime after it.
//
// The lifetime holds from the commit on. Since the client is to hold a cookie of
// another age, it gets a new token, gently, as by a rotation: the old one is good
// until the new one was seen, and for Config.Grace after. So nobody is signed out
// where the answer is lost.
//
// What exceeds a limit of Config is an error, and so is a lifetime that would be
// over already. Other errors are as for Login.
func (s *Session) SetLifetime(l Lifetime) error {
	if s == nil {
		return ErrNoSession
	}
	if err := l.validate(&s.m.cfg); err != nil {
		return s.refuse(opLifetime, "", err)
	}
	// Not before that: of a nanosecond nothing is left, and zero is the Config's.
	l.Absolute, l.Idle = l.Absolute.Truncate(time.Millisecond), l.Idle.Truncate(time.Millisecond)
	return s.newSecret(opLifetime, signing{lifetime: l})
}

// Lifetime returns the lifetime that SetLifetime gave the session, and false
// where it has none of its own: then that of Config holds.
func (s *Session) Lifetime() (l Lifetime, own bool) {
	l = view(s, func(d *draft) Lifetime {
		meta := d.metaIn(new(meta))
		own = meta.ownLifetime
		return meta.lifetime
	})
	return l, own
}

// persistentLocked tells whether the session's cookie outlives the browser.
func (s *Session) persistentLocked() bool {
	if meta := s.draft.metaIn(new(meta)); meta.ownLifetime {
		return meta.lifetime.Persistent
	}
	return s.m.cfg.Cookie.Persistent
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

// setLifetime applies a SetLifetime.
func (d *draft) setLifetime(o *op, m *Manager) error {
	meta := *d.meta()
	begun := d.rec.created
	if meta.authenticated != 0 {
		begun = millis(meta.authenticated)
	}
	meta.lifetime, meta.ownLifetime = o.lifetime, true
	deadline := begun.add(m.lifetime(&meta))
	if deadline <= millisOf(o.at) { // before anything is changed: what is refused leaves no trace
		return fmt.Errorf("session: a lifetime that was over at %v", deadline.time())
	}
	meta.offer(o.hash, o.at, m.cfg.Grace)
	e := d.change()
	e.meta, e.deadline = meta, deadline
	return nil
}

// lifetime returns how long a session may last. A limit that was lowered since
// holds for what was set before, from the next reauthentication on: a deadline
// that is set stays.
func (m *Manager) lifetime(meta *meta) time.Duration {
	if own := meta.lifetime.Absolute; own != 0 {
		return min(own, m.cfg.MaxLifetime)
	}
	if meta.authenticated == 0 {
		return m.cfg.AnonymousLifetime
	}
	return m.cfg.Lifetime
}

// append encodes a lifetime: see tagLifetime.
func (l Lifetime) append(dst []byte) []byte {
	dst = binary.AppendVarint(dst, l.Absolute.Milliseconds())
	dst = binary.AppendVarint(dst, l.Idle.Milliseconds())
	if l.Persistent {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func (l *Lifetime) decode(payload []byte) bool {
	absolute, n := binary.Varint(payload)
	if n <= 0 || absolute < 0 || absolute > maxMillis {
		return false
	}
	idle, k := binary.Varint(payload[n:])
	if k <= 0 || idle < 0 || idle > maxMillis || len(payload) != n+k+1 || payload[n+k] > 1 {
		return false
	}
	*l = Lifetime{time.Duration(absolute) * time.Millisecond, time.Duration(idle) * time.Millisecond, payload[n+k] == 1}
	return true
}

// maxMillis is the longest time.Duration, in milliseconds.
const maxMillis = int64(1<<63-1) / int64(time.Millisecond)
