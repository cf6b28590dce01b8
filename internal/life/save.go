package life

import (
	"context"
	"errors"
	"time"

	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
)

// Save commits on behalf of the handler, who sees the error. After an error that another
// attempt would not mend, what is pending is dropped.
func (s *Session) Save(ctx context.Context) error {
	if _, err := s.changeable(); err != nil {
		return err
	}
	err := s.Commit(ctx, false)
	var failed *commit.StoreError
	if err != nil && !errors.As(err, &failed) {
		s.Discard()
	}
	return err
}

// Discard drops the changes that were not committed yet.
func (s *Session) Discard() {
	s.lockBetweenTurns()
	defer s.mu.Unlock()
	s.discardLocked()
}

func (s *Session) discardLocked() {
	s.takeBackLocked()
	s.ops, s.lost = nil, false
	s.draft.Drop()
}

// Destroy ends the session, and those of the other good tokens of the request, and calls
// told before it reports them.
func (s *Session) Destroy(ctx context.Context, told func()) error {
	s.takeTurn()
	defer s.endTurn()
	s.mu.Lock()
	err := s.refusalLocked()
	if s.phase == inDoubt {
		err = nil // there is nothing to guess: whatever was written goes
	}
	late := s.host.Sealed() && s.phase == stored && s.headersSent // the cookie is all there is to remove
	s.used = true
	s.mu.Unlock()
	switch {
	case err != nil:
		return err
	case late:
		return ErrHeadersSent
	}
	limited := limit.Detach(ctx, s.host.CommitTimeout)
	defer limited.Release()
	ends, err := s.endings(limited, envelope.Truncate(time.Now()), true)
	for _, e := range ends {
		err = errors.Join(err, s.host.keeper.remove(limited, e.id))
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.resetLocked()
	s.mu.Unlock()
	told()
	for _, e := range ends {
		s.host.Report(ctx, Event{Kind: Destroyed, ID: e.id, Subject: e.subject})
	}
	return nil
}
