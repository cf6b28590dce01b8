package life

import (
	"errors"
	"slices"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/store"
)

// The state of a session after a commit has written, or failed.

// giveBack returns the operations of a failed commit to the session. If nobody knows whether
// they were written, the session has failed: another commit could write them twice.
func (c *saving) giveBack(err error) {
	s := c.s
	s.mu.Lock()
	if c.drop && c.lost(err) && s.watchedLocked() == &s.state {
		c.dropped = true
		base := s.draft.Stored()
		if c.Newest != nil && s.phase == stored {
			base = *c.Newest
		}
		s.mu.Unlock()
		s.show(base) // with what other goroutines have changed since
		return
	}
	s.ops = slices.Concat(c.Ops, s.ops)
	s.unapplied = s.unapplied || c.anew
	switch {
	case errors.Is(err, change.ErrEnded):
		s.endLocked()
	case c.InDoubt && (len(c.Ops) > 0 || s.phase == fresh): // else it was about the token alone
		s.failLocked(err)
		if !c.Stored { // it may be there, and is Destroy's to remove
			p := s.pastLocked()
			p.others = append(p.others, ending{c.Draft.Rec.ID, c.Draft.Subject()})
		}
	}
	newest := c.Newest
	if s.phase != stored || !c.lost(err) {
		newest = nil
	}
	s.mu.Unlock()
	if newest != nil {
		s.show(*newest)
	}
}

// applyAnew applies the operations of a commit to the record again if the session does not show
// all of them. The commit fails with the error of one that still fails.
func (c *saving) applyAnew() error {
	if !c.anew {
		return nil
	}
	d := c.Draft.Stored()
	for i := range c.Ops {
		if err := c.Ops[i].Apply(&d, &c.h.Rules); err != nil {
			return err
		}
	}
	c.Draft = d
	c.Housekeep()
	return nil
}

// lost tells whether a commit failed because of what others had stored first. Then the handler
// sees that.
func (c *saving) lost(err error) bool {
	var failed *commit.StoreError
	return !errors.As(err, &failed) && !errors.Is(err, change.ErrEnded)
}

// settle makes the session show what was stored, with the changes since on top.
func (c *saving) settle(rec store.Record) {
	var meta envelope.Meta
	d := c.s.lockWith(func() (d change.Draft) {
		meta = d.Reread(commit.SavedOf(&rec))
		return d
	})
	c.becomeLocked(&d, &meta)
	c.s.mu.Unlock()
}

// maxRounds bounds how often something is tried again because other goroutines have changed
// the session meanwhile, or the function of an Update has, against the rules.
const maxRounds = 100

// lockWith locks the session, and returns a draft of from with the pending operations applied
// to it. In a commit these are the ones since takeOver. If more operations come meanwhile, it
// tries again with another draft. The function of an Update runs without the lock, and again
// only for another value: so the rounds after the first are short. An operation that fails is
// not in the draft, and makes its commit fail: see applyAnew.
func (s *Session) lockWith(from func() change.Draft) change.Draft {
	var updates change.Memo
	s.mu.Lock()
	for range maxRounds {
		ops, changes := s.ops, s.changes
		s.mu.Unlock()
		d := from()
		memo, failed := updates.Apply(ops, &d, &s.host.Rules)
		updates = memo
		s.mu.Lock()
		if s.changes == changes {
			s.unapplied = failed
			return d
		}
	}
	// Other goroutines change it without end. What they have set since must not be missing.
	d := from()
	_, s.unapplied = updates.Apply(s.ops, &d, &s.host.Rules)
	return d
}

// becomeLocked makes the handler see d, which was stored with these metadata.
func (c *saving) becomeLocked(d *change.Draft, meta *envelope.Meta) {
	s := c.s
	if meta.Generation != c.Draft.Meta().Generation {
		s.endLocked() // the write is in, and was followed by one that killed this token
		return
	}
	c.created = !c.Stored
	c.due = c.rotated || c.created
	s.isNew = s.isNew || c.created // of a Login whose session has ended meanwhile
	s.draft = *d
	s.toLocked(stored)
	s.generation = meta.Generation
	if c.signsIn() {
		s.forgetPastLocked()
	}
	secret, fresh := c.secret, c.created
	for i := range c.Ops {
		switch o := &c.Ops[i]; {
		case o.Kind.Kills():
			secret, c.due, fresh = o.Secret, true, true
		case o.Kind == change.Lifetime && !fresh:
			secret, c.due = o.Secret, true
		}
	}
	if c.withheld = c.due && s.withheldLocked(); c.withheld {
		c.due, s.sealed = false, nil
	}
	if c.due {
		s.due, s.secret = dueSet, secret
	}
	if fresh {
		s.presented = meta.Secret
	}
}

// reportDone reports what this commit did, other than changing values.
func (c *saving) reportDone() {
	rec := &c.Draft.Rec
	if c.created {
		c.h.Report(c.Context, Event{Kind: Created, ID: rec.ID, Subject: c.Draft.Subject()})
	}
	if c.withheld {
		c.h.Report(c.Context, Event{Kind: Unannounced, ID: rec.ID})
	}
	for i := range c.Ops {
		switch c.Ops[i].Kind {
		case change.Login:
			c.h.Report(c.Context, Event{Kind: Login, ID: rec.ID, Subject: c.Ops[i].Subject})
		case change.Reauthenticate:
			c.h.Report(c.Context, Event{Kind: Reauthenticated, ID: rec.ID, Subject: c.Draft.Subject()})
		case change.Renew:
			c.h.Report(c.Context, Event{Kind: Renewed, ID: rec.ID, Subject: c.Draft.Subject()})
		}
	}
	if c.rotated {
		c.h.Report(c.Context, Event{Kind: Rotated, ID: rec.ID, Subject: c.Draft.Subject()})
	}
	if c.due && c.s.request != nil {
		c.s.request.TokenDue(c.Context, rec.ID)
	}
}
