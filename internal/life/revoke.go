package life

import (
	"context"
	"errors"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/store"
)

// Revoke ends a session by its ID.
func (h *Host) Revoke(ctx context.Context, id store.ID, scoped string) error {
	if err := h.delete(ctx, id); err != nil {
		return err
	}
	h.ended(ctx, Revoked, ending{id, scoped})
	return nil
}

// delete goes on when parent is cancelled.
func (h *Host) delete(parent context.Context, id store.ID) error {
	ctx := limit.Detach(parent, h.CommitTimeout)
	defer ctx.Release()
	return h.keeper.remove(ctx, id)
}

func (k inStore) remove(ctx context.Context, id store.ID) error {
	if err := k.h.store.Delete(ctx, id); err != nil {
		return commit.Failed("delete "+id.String(), err)
	}
	k.h.watches.Ended(id)
	return nil
}

// ByIDs returns an error if sessions cannot be found by their IDs, which op needs.
func (h *Host) ByIDs(op string) error { return h.keeper.byID(op) }

// BySubject returns an error if the sessions of a subject cannot be found, which op needs.
func (h *Host) BySubject(op string) error { return h.keeper.bySubject(op) }

func (inStore) byID(string) error { return nil }

func (k inStore) bySubject(op string) error { return k.h.Accounts.Listed(op) }

// RevokeOf ends a session by its ID, if it is one of a subject, and tells whether it was.
func (h *Host) RevokeOf(ctx context.Context, scoped string, id store.ID) (bool, error) {
	limited := limit.Within(ctx, h.LoadTimeout)
	defer limited.Release()
	rec, found, err := h.loadSession(limited, id, envelope.Truncate(time.Now()))
	if err != nil || !found || rec.Subject != scoped {
		return false, err
	}
	err = h.Revoke(ctx, id, scoped)
	return err == nil, err
}

// RevokeAll ends every session of a subject but one, which may be zero, and returns how many, as
// far as anybody knows. It spares the sign-in of the caller, which may be nil.
func (h *Host) RevokeAll(ctx context.Context, scoped string, caller *Session, but store.ID) (int, error) {
	return h.keeper.revokeAll(ctx, scoped, caller, but, func(id store.ID) {
		if id.IsZero() {
			h.watches.Changed(id) // all are looked at
		} else {
			h.watches.Ended(id)
		}
		h.ended(ctx, Revoked, ending{id, scoped})
	})
}

// revokeAll writes the not-before first: a sign-in that is written after the sessions were
// listed finds it.
func (k inStore) revokeAll(ctx context.Context, scoped string, caller *Session, but store.ID, ended func(store.ID)) (int, error) {
	if err := k.bySubject("revoke"); err != nil { // before anything is written
		return 0, err
	}
	failed := k.h.putNotBefore(ctx, scoped, caller)
	n, err := k.h.Accounts.Revoke(ctx, scoped, but, ended)
	return n, errors.Join(failed, err)
}

// evict ends the sessions of the subject that are too many: those that signed in longest ago.
// Each of several sign-ins at the same time does so. The last of them sees all sessions, so in
// the end no more than the limit are left.
func (h *Host) evict(ctx context.Context, rec *store.Record) error {
	if h.MaxSessions == 0 {
		return nil
	}
	at := func(other *store.Record) int64 { return h.signInTime(ctx, other) }
	for id, err := range h.Accounts.Oldest(ctx, rec.Subject, h.MaxSessions, at) {
		if err != nil {
			h.Report(ctx, Event{Kind: LimitFailed, ID: rec.ID, Subject: rec.Subject, Err: err})
			return nil // the user is signed in; the next sign-in will evict
		}
		if err := h.Revoke(ctx, id, rec.Subject); err != nil {
			h.Report(ctx, Event{Kind: LimitFailed, ID: id, Subject: rec.Subject, Err: err})
		} else if id == rec.ID {
			return change.ErrEnded // enough others have signed in at the same time, or later
		}
	}
	return nil
}

// signInTime returns when a session was signed in, in Unix milliseconds. For a record that does
// not decode it returns 0, so that this one is evicted first.
func (h *Host) signInTime(ctx context.Context, rec *store.Record) int64 {
	meta, err := h.ReadMeta(ctx, rec)
	if err != nil {
		return 0
	}
	return meta.Authenticated
}

// putNotBefore makes the not-before of a subject now: sealed sessions that were signed in
// until now are over, and a sign-in by a request that began until now fails. It spares the
// sign-in of the request that calls it, if there is one.
func (h *Host) putNotBefore(parent context.Context, scoped string, caller *Session) error {
	ctx := limit.Detach(parent, h.CommitTimeout)
	defer ctx.Release()
	now := envelope.Truncate(time.Now())
	last, err := h.marks.SetNotBefore(ctx, scoped, now)
	if err != nil {
		return err
	}
	if caller != nil {
		caller.mu.Lock()
		if envelope.MillisOf(last) < caller.arrived || caller.spares(scoped, last) {
			caller.rareLocked().spared = &spared{scoped, now.UnixMilli()}
		}
		caller.mu.Unlock()
	}
	// A request that comes next, or a sign-in in the same handler, must not count as one
	// of this millisecond.
	time.Sleep(min(time.Until(now.Add(time.Millisecond)), time.Millisecond)) // the clock may be set back
	return nil
}

// A spared is the not-before that a request has put itself. The request may still sign in,
// because its sign-in comes after it.
type spared struct {
	subject   string
	notBefore int64 // Unix milliseconds
}

// spares tells whether this request has put a not-before itself.
func (s *Session) spares(scoped string, notBefore time.Time) bool {
	return s.rare != nil && s.rare.spared != nil && *s.rare.spared == spared{scoped, notBefore.UnixMilli()}
}

// loginRevoked tells whether the sign-in of a subject has come too late: its
// request began before a RevokeAll, and so may have checked an old password.
func (h *Host) loginRevoked(ctx context.Context, s *Session, scoped string) (bool, error) {
	at, err := h.marks.NotBefore(ctx, scoped, envelope.Truncate(time.Now()))
	if err != nil || at.IsZero() {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return envelope.MillisOf(at) >= s.arrived && !s.spares(scoped, at), nil
}
