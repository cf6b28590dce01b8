package life

import (
	"context"
	"errors"

	"github.com/b4468f51/session/internal/commit"
)

// Save commits on behalf of the handler, who sees the error. After an error that another
// attempt would not mend, what it was to commit is dropped.
func (s *Session) Save(ctx context.Context) error {
	if _, err := s.changeable(); err != nil {
		return err
	}
	dropped, err := s.commit(ctx, commitHow{drop: true})
	var failed *commit.StoreError
	if err != nil && !errors.As(err, &failed) && !dropped {
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
