package session

import (
	"context"
	"errors"
	"time"

	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
)

// Destroy ends the session: logout. The record is gone from the store when
// Destroy returns, and the cookie is cleared with the first byte, if that has
// not left. A cookie that is not good any more is cleared too. What is set
// afterwards belongs to a new, anonymous session. Destroy goes on when ctx is
// cancelled, within Config.CommitTimeout.
//
// A request with several good tokens reads as anonymous, but Destroy ends the
// session of each. A request that came without a token, and has stored nothing,
// costs nothing to destroy, and sets no cookie.
//
// After an error of the store the session is as it was, and Destroy may be called
// again; of several sessions some may have ended. [ErrEnded] says that this
// request's token was replaced a moment ago by Login or Renew: the client has
// another by now, and must be asked to sign out again.
func (s *Session) Destroy(ctx context.Context) error {
	if s == nil {
		return ErrNoSession
	}
	s.committing.Lock()
	defer s.committing.Unlock()
	s.mu.Lock()
	err := s.refusalLocked()
	if s.phase == inDoubt {
		err = nil // there is nothing to guess: whatever was written goes
	}
	late := s.m.keeper.writesWithCookie() && s.phase == stored && s.headersSent // the cookie is all there is to remove
	s.used = true
	s.mu.Unlock()
	switch {
	case err != nil:
		return err
	case late:
		return ErrHeadersSent
	}
	limited := limit.Detach(ctx, s.m.cfg.CommitTimeout)
	defer limited.Release()
	ends, err := s.endings(limited, envelope.Truncate(time.Now()), true)
	for _, e := range ends {
		err = errors.Join(err, s.m.keeper.remove(limited, e.id))
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.resetLocked()
	s.mu.Unlock()
	s.deliver()
	for _, e := range ends {
		s.m.report(ctx, Event{Kind: EventDestroyed, ID: e.id, Subject: e.subject})
	}
	return nil
}
