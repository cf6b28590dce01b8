package session

import (
	"context"
	"fmt"
	"time"

	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// commitSealed is commit where the cookie is the store: it seals the session as
// the handler sees it, with nothing to merge and nobody to wait for.
func (m *Manager) commitSealed(parent context.Context, s *Session, storeNew bool) error {
	s.committing.Lock()
	defer s.committing.Unlock()
	c := commit{m: m, s: s, now: milli(time.Now())}
	todo, err := c.beginSealed(storeNew)
	if err != nil || !todo {
		return err
	}
	ctx := detach(parent, m.cfg.CommitTimeout)
	defer ctx.release()
	c.ctx = ctx
	err = c.loginInTime()
	var rec store.Record
	if err == nil {
		rec, err = c.seal()
	}
	if err == nil {
		c.rotated = true // whatever changed, the cookie is due
		c.settle(rec)
		c.rotated = false
		c.reportDone()
		return nil
	}
	if !c.changed {
		m.report(ctx, Event{Kind: EventTouchFailed, ID: c.d.Rec.ID, Subject: c.d.Subject(), Err: err})
		return nil // a reader is not to suffer for it
	}
	s.mu.Lock()
	s.ops = append(c.ops, s.ops...)
	if err == ErrEnded {
		s.endLocked()
	}
	s.mu.Unlock()
	return err
}

// beginSealed takes the pending operations from the session, which its draft
// has in it already, and tells whether there is anything to do.
func (c *commit) beginSealed(storeNew bool) (bool, error) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropUnchangedLocked()
	newToken := s.newTokenLocked()
	switch {
	case s.lost:
		return false, ErrEnded
	case s.ended:
		return false, nil
	case !s.stored && s.draft.Count() == 0 && !newToken && !storeNew:
		s.ops = nil // what was set was deleted again
		return false, nil
	}
	c.changed = len(s.ops) > 0 || !s.stored
	if s.headersSent {
		if c.changed {
			s.discardLocked()
			return false, ErrHeadersSent
		}
		return false, nil
	}
	if !c.changed && (!s.mayRotate || !s.reseal && !s.useDueLocked(envelope.MillisOf(c.now))) {
		return false, nil
	}
	s.idLocked()
	c.d, c.stored, c.generation, c.passive = s.draft.Share(), s.stored, s.generation, s.passive
	c.ops, s.ops = s.ops, nil
	return true, nil
}

// seal makes the token, and returns the record that is in it.
func (c *commit) seal() (store.Record, error) {
	if !c.stored && c.d.Meta().Secret == (sid.Hash{}) {
		c.newSecret() // the envelope has to have one
	}
	rec, err := c.next()
	if err != nil {
		return rec, err
	}
	token, err := c.m.sealer.Seal(c.ctx, c.m.scope, rec)
	if err != nil {
		err = storeFailed("seal", err)
		if c.changed {
			c.m.report(c.ctx, Event{Kind: EventCommitFailed, ID: rec.ID, Subject: rec.Subject, Err: err})
		}
		return rec, err
	}
	if n := len(c.m.cfg.Cookie.Name) + len(token); n > maxCookie {
		return rec, fmt.Errorf("%w: its cookie would have %d bytes, and browsers take %d", ErrTooLarge, n, maxCookie)
	}
	c.s.mu.Lock()
	c.s.sealed, c.s.reseal = &token, false
	c.s.mu.Unlock()
	return rec, nil
}
