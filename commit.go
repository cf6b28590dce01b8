package session

import (
	"context"
	"errors"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// A commit writes the pending operations of a session. It works on a draft of
// its own, so that the session can be used meanwhile.
type commit struct {
	m   *Manager
	s   *Session
	ctx context.Context
	now time.Time

	ops        []change.Op // what was pending when it began
	d          change.Draft
	stored     bool
	generation uint64
	presented  sid.Hash
	mayRotate  bool
	passive    bool

	secret   *sid.Secret // for the cookie, where a new one is due
	rotated  bool
	due      bool // the client is sent a cookie
	withheld bool // the client is not told of its session: see withheldLocked
	created  bool
	first    uint64        // the version of the first attempt, 0 if there was none
	inDoubt  bool          // nobody knows whether an attempt has written
	changed  bool          // the record is to be written: ops, or what the request has done with the secrets
	newest   *change.Draft // what others had stored, where it was loaded; without ops

	ends     []ending // the sessions that a sign-in puts an end to
	over     int      // how many of them have ended
	killed   ID       // of the session that the request came with a killed token of
	reserved []ID     // of the places that a sign-in took, with Config.RefuseLogin
}

// commit writes what s has pending, or that it was used if that is due. It
// goes on when parent is cancelled. A new session in which nothing was set is
// stored only where storeNew says so.
func (m *Manager) commit(parent context.Context, s *Session, storeNew bool) error {
	if m.sealer != nil {
		return m.commitSealed(parent, s, storeNew)
	}
	s.committing.Lock()
	defer s.committing.Unlock()
	clock := time.Now()
	c := commit{m: m, s: s, now: milli(clock)}
	todo, err := c.begin(storeNew)
	if err != nil || !todo {
		return err
	}
	ctx := detachAt(parent, clock, m.cfg.CommitTimeout)
	defer ctx.release()
	c.ctx = ctx
	if !c.changed {
		m.touch(ctx, s, &c.d, c.now) // reported; a reader is not to suffer for it
		return nil
	}
	existed := c.stored
	err = c.run()
	if err != nil && len(c.ops) == 0 && existed {
		if !errors.Is(err, ErrEnded) {
			m.report(ctx, Event{Kind: EventRotateFailed, ID: c.d.Rec.ID, Err: err})
		}
		return nil // nothing of the handler's was lost
	}
	return err
}

// onlyReadLocked tells that there is nothing to commit, and nothing to do with
// the secrets or for the idle timeout either, as after most requests.
func (s *Session) onlyReadLocked() bool {
	switch {
	case len(s.ops) > 0 || s.lost:
		return false
	case !s.stored:
		return s.draft.Count() == 0
	default:
		return s.quiet && !s.useDueLocked(s.begun.Add(time.Since(epoch)-s.started))
	}
}

// begin takes the pending operations from the session, and tells whether there
// is anything to do.
func (c *commit) begin(storeNew bool) (bool, error) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inDoubt != nil && (len(s.ops) > 0 || storeNew) {
		return false, s.inDoubt
	}
	s.dropUnchangedLocked()
	if !storeNew && s.onlyReadLocked() {
		return false, nil
	}
	newToken := s.newTokenLocked()
	switch {
	case s.lost:
		return false, ErrEnded
	case s.ended:
		return false, nil
	case s.headersSent && (newToken || !s.stored && (s.draft.Count() > 0 || storeNew)):
		s.discardLocked()
		return false, ErrHeadersSent
	case !s.stored && s.draft.Count() == 0 && !newToken && !storeNew:
		s.ops = nil // what was set was deleted again
		return false, nil
	}
	c.d, c.stored, c.generation = s.draft.Share(), s.stored, s.generation
	c.presented, c.passive = s.presented, s.passive
	c.mayRotate = s.mayRotate && !s.headersSent
	c.changed = len(s.ops) > 0 || !s.stored
	c.housekeep()
	if !c.changed {
		due := s.useDueLocked(envelope.MillisOf(c.now)) || !s.passive && c.m.endsTooSoon(&c.d.Rec, c.d.Meta())
		return due && !s.touchFailed, nil
	}
	if !s.stored {
		c.newSecret()
		c.d.Rec.ID = s.idLocked()
	}
	// Until settle or giveBack the operations are the commit's.
	c.ops, s.ops = s.ops, nil
	return true, nil
}

// housekeep does with the secrets what the request gives reason for.
func (c *commit) housekeep() {
	cfg := &c.m.cfg
	c.rotated = false
	if !c.stored {
		return
	}
	meta := c.d.Meta()
	switch meta.Standing(c.presented, c.now) {
	case envelope.Pending:
		c.d.ChangeMeta().Confirm(c.presented, c.now, cfg.Grace)
		c.changed = true
	case envelope.Current:
		if c.mayRotate && meta.RotationDue(c.now, cfg.RotateEvery, cfg.Grace) {
			if c.secret == nil {
				c.newSecret()
			}
			c.d.ChangeMeta().Issue(c.secret.Hash(cfg.realm()), c.now, cfg.Grace)
			c.rotated, c.changed = true, true
		}
	}
}

func (c *commit) newSecret() {
	secret := sid.NewSecret()
	c.secret = &secret
}

// run commits, and leaves the session as the outcome says.
func (c *commit) run() error {
	rec, err := c.store()
	c.release()
	if err == nil && c.signsIn() {
		err = c.signedIn(rec)
	}
	if err == nil {
		c.settle(rec)
		c.reportDone()
		return nil
	}
	c.giveBack(err)
	var failed *storeError
	switch {
	case errors.As(err, &failed) && len(c.ops) > 0:
		c.m.report(c.ctx, Event{Kind: EventCommitFailed, ID: c.d.Rec.ID, Subject: c.d.Subject(), Err: err})
	case errors.Is(err, ErrRefused), errors.Is(err, ErrTooManySessions):
		c.m.report(c.ctx, Event{Kind: EventRefused, Subject: c.d.Subject(), Err: err})
	}
	return err
}

// store has the operations stored, once it is clear that they may be, and nothing
// else has to end first.
func (c *commit) store() (rec store.Record, err error) {
	if c.signsIn() {
		c.ends, err = c.s.endings(c.ctx, c.now, false)
		c.killed = c.s.killedID()
	}
	if err == nil {
		err = c.admit()
	}
	if err == nil {
		err = c.endOthers()
	}
	if err == nil {
		rec, err = c.write()
	}
	return rec, err
}
