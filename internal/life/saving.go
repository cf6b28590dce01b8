package life

import (
	"context"
	"errors"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/internal/mark"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// A saving is one commit of a session: a commit.Commit, and the hooks that it calls. It works
// on a draft of its own, so that the session can be used meanwhile.
type saving struct {
	commit.Commit
	h       *Host
	s       *Session
	limited limit.Context // Context, in the same allocation

	drop      bool // see commitHow
	dropped   bool
	anew      bool // Draft lacks some of Ops
	mayRotate bool
	secret    *sid.Secret // for the cookie, where a new one is due
	rotated   bool
	due       bool // the client is sent a cookie
	withheld  bool // the client is not told of its session: see withheldLocked
	created   bool

	ends     []ending   // the sessions that a sign-in puts an end to
	over     int        // how many of them have ended
	reserved []store.ID // of the places that a sign-in took, with Config.RefuseLogin
}

func (s *Session) saving(parent context.Context) *saving {
	clock := time.Now()
	c := &saving{h: s.host, s: s}
	c.limited.StartDetached(parent, clock, s.host.CommitTimeout)
	c.Engine, c.Hooks, c.Context, c.Now = s.host.engine, c, &c.limited, envelope.Truncate(clock)
	return c
}

// Commit writes what is pending, or that the session was used if that is due. It goes on
// when parent is cancelled. A new session in which nothing was set is stored only where
// storeNew says so.
func (s *Session) Commit(parent context.Context, storeNew bool) error {
	_, err := s.commit(parent, commitHow{storeNew: storeNew})
	return err
}

// A commitHow is how a commit is to be done.
type commitHow struct {
	storeNew bool // a new session in which nothing was set is stored too
	drop     bool // changes that cannot be made are dropped, and no others
}

// commit is Commit, and tells whether it has dropped changes.
func (s *Session) commit(parent context.Context, how commitHow) (dropped bool, err error) {
	before, _ := s.Shows()
	dropped, err = s.commitInTurn(parent, how)
	s.tellWatches(before)
	return dropped, err
}

func (s *Session) commitInTurn(parent context.Context, how commitHow) (dropped bool, err error) {
	s.takeTurn()
	defer s.endTurn()
	return s.host.keeper.commit(parent, s, how)
}

func (k inStore) commit(parent context.Context, s *Session, how commitHow) (dropped bool, err error) {
	h := k.h
	if s.onlyRead() && !how.storeNew {
		return false, nil
	}
	c := s.saving(parent)
	defer c.limited.Release()
	c.drop = how.drop
	todo, err := c.takeOver(how.storeNew)
	if err != nil || !todo {
		return false, err
	}
	if !c.Changed {
		h.touch(c.Context, s, &c.Draft, c.Now) // reported; a request that only reads does not fail for it
		return false, nil
	}
	existed := c.Stored
	err = c.run()
	if err != nil && len(c.Ops) == 0 && existed {
		if !errors.Is(err, change.ErrEnded) {
			h.Report(c.Context, Event{Kind: RotateFailed, ID: c.Draft.Rec.ID, Err: err})
		}
		return false, nil // nothing of the handler's was lost
	}
	return c.dropped, err
}

// onlyRead tells whether there is nothing to commit. It first drops operations that leave the
// session as it was.
func (s *Session) onlyRead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropUnchangedLocked()
	return s.onlyReadLocked()
}

// onlyReadLocked tells whether there is nothing to commit, nothing to do with the secrets, and
// no use to write. That is so after most requests.
func (s *Session) onlyReadLocked() bool {
	switch {
	case len(s.ops) > 0 || s.lost:
		return false
	case s.phase != stored:
		return s.draft.Count() == 0
	default:
		return s.quiet && !s.useDueLocked(s.arrived.Add(time.Since(epoch)-s.arrivedMono))
	}
}

// takeOver takes the pending operations from the session, and tells whether there
// is anything to do.
func (c *saving) takeOver(storeNew bool) (bool, error) {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	newToken := s.newTokenLocked()
	switch {
	case s.phase == failed && (len(s.ops) > 0 || storeNew):
		return false, s.rare.failure
	case s.lost:
		return false, change.ErrEnded
	case s.phase != fresh && s.phase != stored:
		return false, nil
	case s.headersSent && (newToken || s.phase == fresh && (s.draft.Count() > 0 || storeNew)):
		return false, ErrHeadersSent
	case s.phase == fresh && s.draft.Count() == 0 && !newToken && !storeNew:
		s.ops = nil // what was set was deleted again
		return false, nil
	}
	c.Draft, c.Stored, c.Generation = s.draft.Share(), s.phase == stored, s.generation
	c.Presented, c.Use = s.presented, s.countsLocked()
	c.mayRotate = s.mayRotate && !s.headersSent
	c.Changed = len(s.ops) > 0 || s.phase == fresh
	c.Housekeep()
	if !c.Changed {
		return s.timesDueLocked(&c.Draft, envelope.MillisOf(c.Now)) && !s.touchFailed, nil
	}
	if s.phase == fresh {
		c.newSecret()
		c.Draft.Rec.ID = s.idLocked()
	}
	// Until settle or giveBack the operations are the commit's.
	c.Ops, s.ops = s.ops, nil
	c.anew, s.unapplied = s.unapplied, false
	return true, nil
}

// Housekeep confirms a pending secret that the client has presented, and issues a new one if
// rotation is due.
func (c *saving) Housekeep() {
	h := c.h
	c.rotated = false
	if !c.Stored {
		return
	}
	meta := c.Draft.Meta()
	switch meta.Standing(c.Presented, c.Now) {
	case envelope.Pending:
		c.Draft.ChangeMeta().Confirm(c.Presented, c.Now, h.Rules.Grace)
		c.Changed = true
	case envelope.Current:
		if c.mayRotate && meta.RotationDue(c.Now, h.RotateEvery, h.Rules.Grace) {
			if c.secret == nil {
				c.newSecret()
			}
			c.Draft.ChangeMeta().Issue(c.secret.Hash(h.Realm), c.Now, h.Rules.Grace)
			c.rotated, c.Changed = true, true
		}
	}
}

func (c *saving) newSecret() {
	secret := sid.NewSecret()
	c.secret = &secret
}

// FirstSecret gives a new session its secret, and what was bound to its client before.
func (c *saving) FirstSecret() (secret sid.Hash, bound []byte) {
	return c.secret.Hash(c.h.Realm), c.s.boundTo()
}

// Unreadable reports a record that is corrupt.
func (c *saving) Unreadable(rec store.Record, err error) error {
	return c.h.unreadable(c.Context, &rec, err)
}

// Another is called when a sign-in begins another session because the old one has ended.
func (c *saving) Another() error {
	if c.h.RefuseLogin {
		if err := c.reserve(); err != nil {
			return err
		}
	}
	return c.endOthers()
}

// run commits, and leaves the session as the outcome says.
func (c *saving) run() error {
	rec, err := c.store()
	c.freePlaces()
	if err == nil && c.signsIn() {
		err = c.signedIn(rec)
	}
	if err == nil {
		c.settle(rec)
		c.reportDone()
		return nil
	}
	if c.InDoubt && !c.Stored && c.signsIn() {
		// Nobody has its token: it must not take a place in vain. The time of the commit may be over.
		_ = c.h.delete(c.Context, c.Draft.Rec.ID)
	}
	c.giveBack(err)
	var failed *commit.StoreError
	switch {
	case errors.As(err, &failed) && (len(c.Ops) > 0 || !c.Stored):
		c.h.Report(c.Context, Event{Kind: CommitFailed, ID: c.Draft.Rec.ID, Subject: c.Draft.Subject(), Err: err})
	case errors.Is(err, ErrRefused), errors.Is(err, mark.ErrTooMany):
		c.h.Report(c.Context, Event{Kind: Refused, Subject: c.Draft.Subject(), Err: err})
	}
	return err
}

// store writes the operations. Before that it finds out whether they may be written, and ends
// the sessions that give way.
func (c *saving) store() (rec store.Record, err error) {
	if err := c.applyAnew(); err != nil {
		return rec, err
	}
	if c.signsIn() {
		c.ends, err = c.s.endings(c.Context, c.Now, false)
		c.Killed = c.s.killedID()
	}
	if err == nil {
		err = c.admit()
	}
	if err == nil {
		err = c.endOthers()
	}
	if err == nil {
		rec, err = c.Write()
	}
	return rec, err
}

// boundTo returns what was bound to the client of a new session before.
func (s *Session) boundTo() []byte {
	if s.request == nil {
		return nil
	}
	return s.request.BoundTo()
}
