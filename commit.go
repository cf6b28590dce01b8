package session

import (
	"context"
	"errors"
	"slices"
	"time"

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

	ops        []op
	d          draft
	stored     bool
	generation uint64
	presented  sid.Hash
	mayRotate  bool
	background bool
	inDoubt    *doubt

	all     []op        // what was pending when it began
	secret  *sid.Secret // for the cookie, where a new one is due
	rotated bool
	created bool
	wrote   uint64 // the version of the last attempt, 0 if there was none
	changed bool   // the record is to be written: ops, a rotation or its confirmation, confirm

	ends     []ending // the sessions that a sign-in puts an end to
	over     int      // how many of them have ended
	reserved []ID     // of the places that a sign-in took, with Config.RefuseLogin
	landed   []op     // those before ops that turned out to be stored already, by a write in doubt
	confirm  bool     // that write may not last unless one more succeeds: store.ErrUnconfirmed
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
	if err != nil && len(c.all) == 0 && existed {
		if !errors.Is(err, ErrEnded) {
			m.report(ctx, Event{Kind: EventRotateFailed, ID: c.d.rec.id, Err: err})
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
		return s.draft.count() == 0
	default:
		return s.quiet && s.begun.add(time.Since(epoch)-s.started).sub(s.draft.rec.seen) < s.m.cfg.TouchInterval
	}
}

// begin takes the pending operations from the session, and tells whether there
// is anything to do.
func (c *commit) begin(storeNew bool) (bool, error) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if !storeNew && s.onlyReadLocked() {
		return false, nil
	}
	newSecret := slices.ContainsFunc(s.ops, func(o op) bool { return o.kind >= opLogin })
	switch {
	case s.lost:
		return false, ErrEnded
	case s.ended:
		return false, nil
	case s.headersSent && (newSecret || !s.stored && (s.draft.count() > 0 || storeNew)):
		s.discardLocked()
		return false, ErrHeadersSent
	case !s.stored && s.inDoubt == nil && s.draft.count() == 0 && !newSecret && !storeNew:
		s.ops = nil // what was set was deleted again
		return false, nil
	}
	c.d, c.stored, c.generation = s.draft.share(), s.stored, s.generation
	c.presented, c.background, c.inDoubt = s.presented, s.background, s.inDoubt
	c.mayRotate = s.mayRotate && !s.headersSent
	if s.past != nil {
		c.ends = s.past.ends
	}
	c.changed = len(s.ops) > 0 || !s.stored
	c.housekeep()
	if !c.changed {
		return !c.background && !s.touchFailed && millisOf(c.now).sub(c.d.rec.seen) >= c.m.cfg.TouchInterval, nil
	}
	if !s.stored {
		// An attempt after one whose outcome is in doubt must be the same.
		if c.secret = s.secret; s.inDoubt == nil {
			token := sid.NewToken()
			c.secret = &token.Secret
			if s.draft.rec.id.IsZero() {
				s.draft.rec.id = token.ID
			}
		}
		c.d.rec.id, s.secret = s.draft.rec.id, c.secret
	}
	// Until finish the operations are the commit's.
	c.ops, c.all, s.ops = s.ops, s.ops, nil
	return true, nil
}

// housekeep does with the secrets what the request gives reason for.
func (c *commit) housekeep() {
	cfg := &c.m.cfg
	c.rotated = false
	if !c.stored || c.background {
		return
	}
	meta := c.d.meta()
	switch meta.standing(c.presented, c.now) {
	case standingPending:
		c.d.change().meta.confirm(c.presented, c.now, cfg.Grace)
		c.changed = true
	case standingCurrent:
		if c.mayRotate && meta.rotationDue(c.now, cfg.RotateEvery, cfg.Grace) {
			if c.secret == nil {
				c.newSecret()
			}
			c.d.change().meta.issue(c.secret.Hash(cfg.realm()), c.now)
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
	err := c.admit()
	if err == nil {
		err = c.endOthers()
	}
	var rec store.Record
	if err == nil {
		rec, err = c.write()
	}
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
	case errors.As(err, &failed) && len(c.all) > 0:
		c.m.report(c.ctx, Event{Kind: EventCommitFailed, ID: c.d.rec.id, Subject: c.d.subject(), Err: err})
	case errors.Is(err, ErrRefused), errors.Is(err, ErrTooManySessions):
		c.m.report(c.ctx, Event{Kind: EventRefused, Subject: c.d.subject(), Err: err})
	}
	return err
}

// giveBack returns the operations to the session, which is as it was. But where
// restart has begun another one, of which it is in doubt whether it was stored,
// the session becomes that: the next attempt has to be the same.
func (c *commit) giveBack(err error) {
	s := c.s
	d := c.d.share()
	for !c.lockWith(&d) {
		d = c.d.share()
	}
	defer s.mu.Unlock()
	s.inDoubt = c.inDoubt
	s.ops = slices.Concat(c.landed, c.ops, s.ops)
	switch {
	case errors.Is(err, ErrEnded):
		s.endLocked()
	case s.inDoubt != nil && d.rec.id != s.draft.rec.id:
		s.asideLocked()
		s.past.over = true
		s.draft, s.stored, s.generation, s.presented = d, false, 0, sid.Hash{}
	}
}

// settle makes the session what was stored, with what was changed since.
func (c *commit) settle(rec store.Record) {
	for {
		var d draft
		var meta meta
		d.reread(rec, &meta)
		if c.lockWith(&d) {
			c.becomeLocked(&d, &meta)
			c.s.mu.Unlock()
			return
		}
	}
}

// lockWith applies to d what was changed since begin, and locks the session. It is
// false, and nothing is locked, where more was changed meanwhile.
func (c *commit) lockWith(d *draft) bool {
	s := c.s
	s.mu.Lock()
	ops, changes := s.ops, s.changes
	s.mu.Unlock()
	for i := range ops { // without the lock: it may run an Update's function
		_ = ops[i].apply(d, s.m) // if it fails, so will its commit, and say so
	}
	s.mu.Lock()
	if s.changes == changes {
		return true
	}
	s.mu.Unlock()
	return false
}

// becomeLocked makes d, which was stored with these metadata, what the handler sees.
func (c *commit) becomeLocked(d *draft, meta *meta) {
	s := c.s
	if meta.generation != c.d.meta().generation {
		s.endLocked() // the write is in, and was followed by one that killed this token
		return
	}
	c.created = !s.stored || s.draft.rec.id != d.rec.id
	due := c.rotated || c.created
	s.draft, s.stored, s.generation, s.inDoubt = *d, true, meta.generation, nil
	s.past, s.quiet = nil, false
	secret := c.secret
	for i := range c.all {
		if o := &c.all[i]; o.kind >= opLogin {
			secret, due = o.secret, true
		}
	}
	if due {
		s.due, s.secret = cookieSet, secret
	}
	if due && !c.rotated {
		s.presented = meta.secret
	}
}

// reportDone tells the observer what this commit was, beside a change of values.
func (c *commit) reportDone() {
	rec := &c.d.rec
	if c.created {
		c.m.report(c.ctx, Event{Kind: EventCreated, ID: rec.id, Subject: c.d.subject()})
	}
	for i := range c.all {
		switch c.all[i].kind {
		case opLogin:
			c.m.report(c.ctx, Event{Kind: EventLogin, ID: rec.id, Subject: c.all[i].subject})
		case opReauthenticate:
			c.m.report(c.ctx, Event{Kind: EventReauthenticated, ID: rec.id, Subject: c.d.subject()})
		case opRenew:
			c.m.report(c.ctx, Event{Kind: EventRenewed, ID: rec.id, Subject: c.d.subject()})
		}
	}
	if c.rotated {
		c.m.report(c.ctx, Event{Kind: EventRotated, ID: rec.id, Subject: c.d.subject()})
	}
}
