package session

import (
	"context"
	"errors"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/life"
)

// Revoke ends a session by its ID, at once: a request that is under way with it
// can change it no more. That there is none is no error. It asks nobody's
// leave, as an administrator wants it; on a user's word call RevokeFor.
//
// After an error that wraps [store.ErrUnconfirmed], from Destroy or RevokeAll too,
// the session is gone, and may come back with a failover. It is not listed any
// more: call Revoke with its ID, which stands in the error, until it returns nil.
func (m *Manager) Revoke(ctx context.Context, id ID) error {
	if err := m.host.ByIDs("revoke"); err != nil {
		return err
	}
	return m.host.Revoke(ctx, id, "")
}

// RevokeFor ends a session by its ID, as Revoke does, if it is one of this
// subject, and tells whether it was. So no user can sign another one out by an
// ID that they came to know.
func (m *Manager) RevokeFor(ctx context.Context, subject string, id ID) (bool, error) {
	if err := m.host.ByIDs("revoke"); err != nil {
		return false, err
	}
	scoped, err := m.scopeSubject(subject)
	if err != nil {
		return false, err
	}
	return m.host.RevokeOf(ctx, scoped, id)
}

// RevokeOthers ends every session of the subject of s but s itself, "log out
// everywhere else", and returns how many. All else is as with RevokeAll. Call it
// when a password was changed, after [Session.Reauthenticate].
//
// With sealed sessions, which are not told apart, it fails with an error that
// wraps [errors.ErrUnsupported]: there, RevokeAll and a Login next do the same.
func (m *Manager) RevokeOthers(ctx context.Context, s *Session) (int, error) {
	if err := m.host.ByIDs("revoke others"); err != nil {
		return 0, err
	}
	if s == nil {
		return 0, ErrNoSession
	}
	if err := s.life.Ready(); err != nil {
		return 0, err
	}
	if s.m != m {
		return 0, errors.New("session: RevokeOthers of a session that belongs to another Manager")
	}
	subject := view(s, (*change.Draft).Subject)
	if subject == "" {
		return 0, errors.New("session: revoke the others of an anonymous session: Login comes first")
	}
	return m.host.RevokeBut(ctx, subject, &s.life, s.ID())
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
	var caller *life.Session
	if s := m.FromContext(ctx); s != nil {
		caller = &s.life
	}
	return m.host.RevokeAll(ctx, scoped, caller)
}
