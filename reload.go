package session

import (
	"context"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
)

// Reload shows the newest state of the session, as others have committed it since
// the request began or last committed. What the request itself has pending stays
// on top of that. It returns [ErrEnded] where the session was destroyed, revoked or
// renewed elsewhere, or has expired.
//
// Reload costs one load, within Config.LoadTimeout, and writes nothing: it does not
// count as use. A session that is not stored yet has no newer state. Of a sealed one
// it tells no more than whether it has ended. Other errors are [ErrNoSession],
// [ErrDone], and those of the store; the session is as it was then.
func (s *Session) Reload(ctx context.Context) error {
	if s == nil {
		return ErrNoSession
	}
	s.committing.Lock()
	defer s.committing.Unlock()
	if stored, err := s.readable(); err != nil || !stored {
		return err
	}
	limited := limit.Within(ctx, s.m.cfg.LoadTimeout)
	defer limited.Release()
	return s.m.keeper.look(limited, s, false)
}

// Touch keeps the session of a long stream alive, at most once per
// Config.TouchInterval, and returns [ErrEnded] when it was destroyed, revoked
// or renewed elsewhere, at the cost of one load. The session shows what was loaded,
// as after Reload. Touch counts as use in every request. It goes on when ctx is
// cancelled, within Config.CommitTimeout. A session that is not stored yet has
// nothing to keep.
func (s *Session) Touch(ctx context.Context) error {
	if s == nil {
		return ErrNoSession
	}
	s.committing.Lock()
	defer s.committing.Unlock()
	if stored, err := s.changeable(); err != nil || !stored {
		return err
	}
	limited := limit.Detach(ctx, s.m.cfg.CommitTimeout)
	defer limited.Release()
	return s.m.keeper.look(limited, s, true)
}

func (k inStore) look(ctx context.Context, s *Session, use bool) error {
	now := envelope.Truncate(time.Now())
	newest, err := s.newest(ctx, now)
	if err != nil || !use {
		return err
	}
	return k.m.touch(ctx, s, &newest, now)
}

// newest loads the newest state, and shows it with what is pending on top.
func (s *Session) newest(ctx context.Context, now time.Time) (newest change.Draft, err error) {
	s.mu.Lock()
	id, generation := s.draft.Rec.ID, s.generation
	s.mu.Unlock()
	rec, readable, err := s.m.loadSession(ctx, id, now)
	var meta envelope.Meta
	if readable {
		readable, err = s.m.readDraft(ctx, &rec, &newest, &meta)
	}
	if err != nil {
		return newest, err
	}
	if !readable || meta.Generation != generation {
		s.mu.Lock()
		s.endLocked()
		s.mu.Unlock()
		return newest, ErrEnded
	}
	s.show(newest)
	return newest, nil
}

// show makes a record of the session what it shows, under what is pending.
func (s *Session) show(newest change.Draft) {
	s.draft, s.quiet = s.lockWith(func() change.Draft { return newest }), false
	s.mu.Unlock()
}
