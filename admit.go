package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/mark"
	"github.com/b4468f51/session/store"
)

// admit tells whether a commit may write: not everybody may have a session, nor
// any number of them.
func (c *saving) admit() error {
	cfg := &c.m.cfg
	switch {
	case c.signsIn():
		if cfg.RefuseLogin {
			return c.reserve()
		}
	case !c.Stored && cfg.AdmitAnonymous != nil:
		if err := cfg.AdmitAnonymous(c.s.request); err != nil {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	return nil
}

func (c *saving) signsIn() bool { return c.has(change.Login) }

func (c *saving) has(kind change.Kind) bool {
	return slices.ContainsFunc(c.Ops, func(o change.Op) bool { return o.Kind == kind })
}

// loginInTime fails where the subject's sessions were revoked since the request
// began: its password may be the old one.
func (c *saving) loginInTime() error {
	if !c.m.keeper.outrun(c) {
		return nil
	}
	late, err := c.m.loginRevoked(c.Context, c.s, c.Draft.Subject())
	if err == nil && late {
		err = ErrEnded
	}
	return err
}

// outrun: of a session that does not sign in the record is gone.
func (k inStore) outrun(c *saving) bool { return c.signsIn() && k.lists() }

// signedIn is what follows when a sign-in was written. RevokeAll writes the
// not-before and then lists; a sign-in writes its record and then reads the
// not-before: so one of them sees the other.
func (c *saving) signedIn(rec store.Record) error {
	if err := c.loginInTime(); err != nil {
		if errors.Is(err, ErrEnded) {
			// Nobody was given the token. Should this fail, it stays that way.
			_ = c.m.delete(c.Context, rec.ID)
		} else {
			c.InDoubt = true
		}
		return err
	}
	if c.m.cfg.RefuseLogin {
		return nil
	}
	return c.m.evict(c.Context, &rec)
}

// reserve takes a place for the session of a sign-in, or refuses it: see mark.Marks. One
// session may have to give way for it.
func (c *saving) reserve() error {
	scoped, own := c.Draft.Subject(), c.Draft.Rec.ID
	c.reserved = append(c.reserved, own)
	gives, err := c.m.marks.Reserve(c.Context, mark.Reservation{
		Subject: scoped, Max: c.m.cfg.MaxSessions, Session: own, Asked: c.reserved, Killed: c.Killed, Ends: c.endsToo,
		List: func(most int) ([]ID, error) { return c.m.sessionIDs(c.Context, scoped, most+len(c.ends), own) },
	}, c.Now)
	for _, id := range gives {
		c.endToo(ending{id, scoped})
	}
	return err
}

// sessionIDs returns the IDs of a subject's sessions, and of more than so many
// only these. One is among them in any case, if it is the subject's.
func (m *Manager) sessionIDs(ctx context.Context, scoped string, most int, one ID) ([]ID, error) {
	ids, all, err := m.accounts.IDs(ctx, scoped, most)
	if err != nil || all || slices.Contains(ids, one) {
		return ids, err
	}
	rec, found, err := m.loadSession(ctx, one, envelope.Truncate(time.Now()))
	if found && rec.Subject == scoped {
		ids = append(ids, one)
	}
	return ids, err
}

// freePlaces gives the places that reserve took back.
func (c *saving) freePlaces() {
	if len(c.reserved) == 0 {
		return
	}
	subject := c.Draft.Subject()
	if err := c.m.marks.Free(c.Context, subject, c.reserved, c.Now); err != nil {
		c.m.report(c.Context, Event{Kind: EventLimitFailed, ID: c.Draft.Rec.ID, Subject: subject, Err: err})
	}
}

// evict ends the sessions of the subject that are too many: those that signed
// in longest ago. Of sign-ins at the same time each does so, and the last one sees all:
// so no more than the limit are left at rest.
func (m *Manager) evict(ctx context.Context, rec *store.Record) error {
	if m.cfg.MaxSessions == 0 {
		return nil
	}
	at := func(other *store.Record) int64 { return m.signInTime(ctx, other) }
	for id, err := range m.accounts.Oldest(ctx, rec.Subject, m.cfg.MaxSessions, at) {
		if err != nil {
			m.report(ctx, Event{Kind: EventLimitFailed, ID: rec.ID, Subject: rec.Subject, Err: err})
			return nil // the user is signed in; the next sign-in will evict
		}
		if err := m.revoke(ctx, id, rec.Subject); err != nil {
			m.report(ctx, Event{Kind: EventLimitFailed, ID: id, Subject: rec.Subject, Err: err})
		} else if id == rec.ID {
			return ErrEnded // enough others have signed in at the same time, or later
		}
	}
	return nil
}

// signInTime returns when a session was signed in, in Unix milliseconds; one that
// does not decode goes first.
func (m *Manager) signInTime(ctx context.Context, rec *store.Record) int64 {
	meta, err := m.readMeta(ctx, rec)
	if err != nil {
		return 0
	}
	return meta.Authenticated
}

// LimitRate returns a function for Config.AdmitAnonymous that admits so many new
// anonymous sessions per interval, of all clients of this process together. After a
// pause it admits as many at once. So the store has no more of them than come in
// their lifetime and one interval more. LimitRate panics if sessions or per is not
// positive.
func LimitRate(sessions int, per time.Duration) func(*http.Request) error {
	if sessions <= 0 || per <= 0 {
		panic("session: LimitRate takes a positive number and a positive interval")
	}
	var mu sync.Mutex
	var full time.Time // when all of the sessions can be admitted at once again
	each := max(1, per/time.Duration(sessions))
	return func(*http.Request) error {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		if full.Before(now) {
			full = now
		}
		if full.Sub(now) > per-each {
			return errRate
		}
		full = full.Add(each)
		return nil
	}
}

var errRate = errors.New("the limit of new anonymous sessions is reached")
