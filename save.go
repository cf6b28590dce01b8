package session

import (
	"context"
	"errors"

	"github.com/b4468f51/session/internal/commit"
)

// Save commits the changes now, rather than with the first byte of the
// response. It is what keeps them in a response of status 500 or above, and
// what keeps those of a long stream before its end. It goes on when ctx is
// cancelled, within Config.CommitTimeout; the values of ctx reach the store.
//
// Errors are [ErrEnded], [ErrConflict], [ErrTooLarge], what an Update's
// function returned, [ErrHeadersSent], [ErrDone], and those of the store.
//
// Where the store was asked to write and did not say whether it has, nobody knows
// what is stored: Save, Reload, Touch and every further change in this request
// return that same error, and so does the commit before the first byte, unless
// [Session.Discard] has dropped the changes. After an error of the store before it was asked to write, they
// stay pending: Save may be called again, and the first byte will try as well. After
// any other error they are dropped, the session shows what others have stored
// meanwhile, and the answer is the handler's.
func (s *Session) Save(ctx context.Context) error {
	if s == nil {
		return ErrNoSession
	}
	if _, err := s.changeable(); err != nil {
		return err
	}
	if err := s.m.commit(ctx, s, false); err != nil {
		var failed *commit.StoreError
		if !errors.As(err, &failed) {
			s.Discard() // to try again would not help, and the caller answers
		}
		return err
	}
	s.deliver()
	if s.header != nil { // there is no answer of ours to wait for
		s.tellUnsaved(ctx)
	}
	return nil
}

// Discard drops the changes that were not committed yet.
func (s *Session) Discard() {
	if s == nil {
		return
	}
	s.committing.Lock()
	defer s.committing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.discardLocked()
}

func (s *Session) discardLocked() {
	s.takeBackLocked()
	s.ops, s.lost = nil, false
	s.draft.Drop()
}
