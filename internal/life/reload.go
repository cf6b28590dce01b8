package life

import (
	"context"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
)

// Reload shows the newest state of the session, under what is pending, and writes nothing.
func (s *Session) Reload(ctx context.Context) error {
	defer s.tellLooked() // when the turn is over
	s.takeTurn()
	defer s.endTurn()
	if stored, err := s.readable(); err != nil || !stored {
		return err
	}
	limited := limit.Within(ctx, s.host.LoadTimeout)
	defer limited.Release()
	return s.host.keeper.look(limited, s, false)
}

// Touch is Reload that counts as use.
func (s *Session) Touch(ctx context.Context) error {
	defer s.tellLooked()
	s.takeTurn()
	defer s.endTurn()
	if stored, err := s.changeable(); err != nil || !stored {
		return err
	}
	limited := limit.Detach(ctx, s.host.CommitTimeout)
	defer limited.Release()
	return s.host.keeper.look(limited, s, true)
}

func (k inStore) look(ctx context.Context, s *Session, use bool) error {
	now := envelope.Truncate(time.Now())
	newest, err := s.newest(ctx, now)
	if err != nil || !use {
		return err
	}
	return k.h.touch(ctx, s, &newest, now)
}

// newest loads the newest state, and makes the session show it, with the pending operations on
// top.
func (s *Session) newest(ctx context.Context, now time.Time) (newest change.Draft, err error) {
	s.mu.Lock()
	id, generation := s.draft.Rec.ID, s.generation
	s.mu.Unlock()
	rec, readable, err := s.host.loadSession(ctx, id, now)
	var meta envelope.Meta
	if readable {
		readable, err = s.host.readDraft(ctx, &rec, &newest, &meta)
	}
	if err != nil {
		return newest, err
	}
	if !readable || meta.Generation != generation {
		s.mu.Lock()
		s.endLocked()
		s.mu.Unlock()
		return newest, change.ErrEnded
	}
	s.show(newest)
	return newest, nil
}

// show makes the session show a record, with the pending operations on top.
func (s *Session) show(newest change.Draft) {
	s.draft, s.quiet = s.lockWith(func() change.Draft { return newest }), false
	s.mu.Unlock()
}
