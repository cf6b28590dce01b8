package session

import (
	"context"
	"errors"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
)

// Revoke ends a session by its ID, at once: a request that is under way with it
// can change it no more. That there is none is no error. It asks nobody's
// leave, as an administrator wants it; on a user's word call RevokeFor.
//
// After an error that wraps [store.ErrUnconfirmed], from Destroy or RevokeAll too,
// the session is gone, and may come back with a failover. It is not listed any
// more: call Revoke with its ID, which stands in the error, until it returns nil.
func (m *Manager) Revoke(ctx context.Context, id ID) error {
	if err := m.keeper.byID("revoke"); err != nil {
		return err
	}
	return m.revoke(ctx, id, "")
}

func (m *Manager) revoke(ctx context.Context, id ID, scoped string) error {
	if err := m.delete(ctx, id); err != nil {
		return err
	}
	m.report(ctx, Event{Kind: EventRevoked, ID: id, Subject: scoped})
	return nil
}

// RevokeFor ends a session by its ID, as Revoke does, if it is one of this
// subject, and tells whether it was. So no user can sign another one out by an
// ID that they came to know.
func (m *Manager) RevokeFor(ctx context.Context, subject string, id ID) (bool, error) {
	if err := m.keeper.byID("revoke"); err != nil {
		return false, err
	}
	scoped, err := m.scopeSubject(subject)
	if err != nil {
		return false, err
	}
	limited := limit.Within(ctx, m.cfg.LoadTimeout)
	defer limited.Release()
	rec, found, err := m.loadSession(limited, id, envelope.Truncate(time.Now()))
	if err != nil || !found || rec.Subject != scoped {
		return false, err
	}
	err = m.revoke(ctx, id, scoped)
	return err == nil, err
}

// RevokeOthers ends every session of the subject of s but s itself, "log out
// everywhere else", and returns how many. All else is as with RevokeAll. Call it
// when a password was changed, after [Session.Reauthenticate].
//
// With sealed sessions, which are not told apart, it fails with an error that
// wraps [errors.ErrUnsupported]: there, RevokeAll and a Login next do the same.
func (m *Manager) RevokeOthers(ctx context.Context, s *Session) (int, error) {
	if err := m.keeper.byID("revoke others"); err != nil {
		return 0, err
	}
	if err := s.ready(); err != nil {
		return 0, err
	}
	if s.m != m {
		return 0, errors.New("session: RevokeOthers of a session that belongs to another Manager")
	}
	subject := view(s, (*change.Draft).Subject)
	if subject == "" {
		return 0, errors.New("session: revoke the others of an anonymous session: Login comes first")
	}
	return m.revokeSubject(ctx, subject, s, s.ID())
}

// RevokeAll ends every session of a subject, "log out everywhere", and returns
// how many. It tries each, whatever becomes of the others, and joins what went
// wrong, of more than a hundred failures the first hundred. Each batch of at most
// [store.MaxBatch] has Config.CommitTimeout. When ctx ends, RevokeAll goes on for
// as long, and what it has ended stays ended.
//
// A request that revokes the sessions of its own subject ends its own
// with them: it calls [Session.Destroy] next if it has more to set.
//
// A Login of the subject by a request that began before fails with [ErrEnded],
// so that one which was checked against an old password does not slip past a
// change of it. The request that calls RevokeAll, with its own context, may
// still Login. When a request began is told by the clock of its machine: those
// of several machines have to agree.
//
// Of sealed sessions nobody knows the number: there it returns 0, and those that
// signed in until now have ended for every request from the next on. It fails
// with an error that wraps [errors.ErrUnsupported] without Config.NotBefore.
func (m *Manager) RevokeAll(ctx context.Context, subject string) (int, error) {
	scoped, err := m.scopeSubject(subject)
	if err != nil {
		return 0, err
	}
	return m.keeper.revokeAll(ctx, scoped)
}

func (k inStore) revokeAll(ctx context.Context, scoped string) (int, error) {
	return k.m.revokeSubject(ctx, scoped, k.m.FromContext(ctx), ID{})
}

// revokeSubject ends the sessions of a subject but for one. The not-before comes
// first: a sign-in that is written later than they are listed meets it.
func (m *Manager) revokeSubject(ctx context.Context, scoped string, caller *Session, but ID) (int, error) {
	if err := m.keeper.bySubject("revoke"); err != nil { // before anything is written
		return 0, err
	}
	failed := m.putNotBefore(ctx, scoped, caller)
	n, err := m.accounts.Revoke(ctx, scoped, but, func(id ID) {
		m.report(ctx, Event{Kind: EventRevoked, ID: id, Subject: scoped})
	})
	return n, errors.Join(failed, err)
}

// putNotBefore makes the not-before of a subject now: sealed sessions that were signed in
// until now are over, and a sign-in by a request that began until now fails. It spares the
// sign-in of the request that calls it, if there is one.
func (m *Manager) putNotBefore(parent context.Context, scoped string, caller *Session) error {
	ctx := limit.Detach(parent, m.cfg.CommitTimeout)
	defer ctx.Release()
	now := envelope.Truncate(time.Now())
	last, err := m.marks.SetNotBefore(ctx, scoped, now)
	if err != nil {
		return err
	}
	if caller != nil {
		caller.mu.Lock()
		if envelope.MillisOf(last) < caller.arrived || caller.spares(scoped, last) {
			caller.spared = &spared{scoped, now.UnixMilli()}
		}
		caller.mu.Unlock()
	}
	// A request that comes next, or a sign-in in the same handler, must not count as one
	// of this millisecond.
	time.Sleep(time.Until(now.Add(time.Millisecond)))
	return nil
}

// A spared is the not-before of a subject that a request has put itself: its
// own sign-in comes after it.
type spared struct {
	subject   string
	notBefore int64 // Unix milliseconds
}

// spares tells whether this request has put a not-before itself.
func (s *Session) spares(scoped string, notBefore time.Time) bool {
	return s.spared != nil && *s.spared == spared{scoped, notBefore.UnixMilli()}
}

// loginRevoked tells whether the sign-in of a subject has come too late: its
// request began before a RevokeAll, and so may have checked an old password.
func (m *Manager) loginRevoked(ctx context.Context, s *Session, scoped string) (bool, error) {
	at, err := m.marks.NotBefore(ctx, scoped, envelope.Truncate(time.Now()))
	if err != nil || at.IsZero() {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return envelope.MillisOf(at) >= s.arrived && !s.spares(scoped, at), nil
}
