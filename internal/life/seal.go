package life

import (
	"context"
	"errors"
	"fmt"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// commit seals the session as the handler sees it. There is nothing to merge, and no other
// writer to wait for.
func (k inCookie) commit(parent context.Context, s *Session, how commitHow) (dropped bool, err error) {
	h := k.h
	c := s.saving(parent)
	defer c.limited.Release()
	todo, err := c.takeOverSealed(how.storeNew)
	if err != nil || !todo {
		return false, err
	}
	err = c.loginInTime()
	var rec store.Record
	if err == nil {
		rec, err = c.seal(k)
	}
	if err == nil {
		c.rotated = true // whatever changed, the cookie is due
		c.settle(rec)
		c.rotated = false
		c.reportDone()
		return false, nil
	}
	if !c.Changed {
		if err == change.ErrEnded {
			return false, nil // it expired while the handler ran
		}
		h.Report(c.Context, Event{Kind: TouchFailed, ID: c.Draft.Rec.ID, Subject: c.Draft.Subject(), Err: err})
		return false, nil // a request that only reads does not fail for it
	}
	var failed *commit.StoreError
	if errors.As(err, &failed) {
		h.Report(c.Context, Event{Kind: CommitFailed, ID: c.Draft.Rec.ID, Subject: c.Draft.Subject(), Err: err})
	}
	s.mu.Lock()
	s.ops = append(c.Ops, s.ops...)
	if err == change.ErrEnded {
		s.endLocked()
	}
	s.mu.Unlock()
	return false, err
}

// takeOverSealed takes the pending operations from the session, and tells whether there is
// anything to do. The draft has them in it already.
func (c *saving) takeOverSealed(storeNew bool) (bool, error) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropUnchangedLocked()
	newToken := s.newTokenLocked()
	switch {
	case s.lost:
		return false, change.ErrEnded
	case s.phase != fresh && s.phase != stored:
		return false, nil
	case s.phase == fresh && s.draft.Count() == 0 && !newToken && !storeNew:
		s.ops = nil // what was set was deleted again
		return false, nil
	}
	c.Changed = len(s.ops) > 0 || s.phase == fresh
	if s.headersSent {
		if c.Changed {
			return false, ErrHeadersSent
		}
		return false, nil
	}
	if !c.Changed && (!s.mayRotate || !s.reseal && !s.useDueLocked(envelope.MillisOf(c.Now))) {
		return false, nil
	}
	s.idLocked()
	c.Draft, c.Stored, c.Generation, c.Use = s.draft.Share(), s.phase == stored, s.generation, s.countsLocked()
	c.Ops, s.ops = s.ops, nil
	return true, nil
}

// seal makes the token, and returns the record that is in it.
func (c *saving) seal(k inCookie) (store.Record, error) {
	if !c.Stored && c.Draft.Meta().Secret == (sid.Hash{}) {
		c.newSecret() // the envelope has to have one
	}
	rec, err := c.NextAlone()
	if err != nil {
		return rec, err
	}
	token, err := k.sealer.Seal(c.Context, k.scope, rec)
	if err != nil {
		return rec, commit.Failed("seal", err)
	}
	if n := len(k.name) + len(token); n > MaxCookie {
		return rec, fmt.Errorf("%w: its cookie would have %d bytes, and browsers take %d", change.ErrTooLarge, n, MaxCookie)
	}
	c.s.mu.Lock()
	c.s.sealed, c.s.reseal = &token, false
	c.s.mu.Unlock()
	return rec, nil
}
