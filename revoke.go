package session

import (
	"context"
	"errors"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/life"
)

// Revoke ends a session by its ID, at once: a request that is under way with it cannot change
// it any more. It is no error if there is no such session. Revoke ends the session of any
// subject, as an administrator wants it. If a user asks for it, call RevokeFor.
//
// After an error that wraps [store.ErrUnconfirmed], also from Destroy or RevokeAll, the
// session is gone but may come back with a failover. It is not listed any more: call Revoke
// with its ID, which is in the error, until it returns nil.
func (m *Manager) Revoke(ctx context.Context, id ID) error {
	if err := m.host.ByIDs("revoke"); err != nil {
		return err
	}
	return m.host.Revoke(ctx, id, "")
}

// RevokeFor ends a session by its ID, as Revoke does, if it is a session of this subject. It
// tells whether it was. So no user can sign out another one whose ID they have learned.
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

// RevokeOthers ends every session of the subject of s except s, "log out everywhere else",
// and returns how many. Everything else is as with RevokeAll. Call it when a password was
// changed, after [Session.Reauthenticate].
//
// With sealed sessions it returns an error that wraps [errors.ErrUnsupported]. There, call
// RevokeAll and then Login, which has the same effect.
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
	return m.host.RevokeAll(ctx, subject, &s.life, s.ID())
}

// RevokeAll ends every session of a subject, "log out everywhere", and returns how many. It
// tries each of them even if others cannot be ended, and joins the errors: the first hundred
// of them. Each batch of at most [store.MaxBatch] may take Config.CommitTimeout. When ctx
// ends, RevokeAll goes on for that long. What it has ended stays ended.
//
// A request that revokes the sessions of its own subject ends its own session too. It calls
// [Session.Destroy] next if it has more to set.
//
// A Login of the subject by a request that began before fails with [ErrEnded]: it may have
// checked an old password. The request that calls RevokeAll, with its own context, may still
// call Login. Each machine tells by its own clock when a request began, so the clocks of
// several machines must agree.
//
// With sealed sessions RevokeAll returns 0, because nobody knows how many there are. Those
// that signed in until now have ended for every later request. Without Config.NotBefore it
// returns an error that wraps [errors.ErrUnsupported]. See the example of
// [Manager.List].
func (m *Manager) RevokeAll(ctx context.Context, subject string) (int, error) {
	scoped, err := m.scopeSubject(subject)
	if err != nil {
		return 0, err
	}
	var caller *life.Session
	if s := m.FromContext(ctx); s != nil {
		caller = &s.life
	}
	return m.host.RevokeAll(ctx, scoped, caller, ID{})
}
