package session

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

const (
	// maxAttempts bounds the compare-and-swaps of one commit. Each that fails
	// means that another process succeeded.
	maxAttempts = 100

	// maxRepeats bounds how often a write is sent again that the store met
	// with an error and, by what it holds, has not done.
	maxRepeats = 2
)

// write has the operations stored, each exactly once, and returns the record
// that has them in it.
func (c *commit) write() (store.Record, error) {
	id := c.d.Rec.ID
	if !c.stored {
		return c.swap() // nobody else knows of the session, so there is nobody to wait for
	}
	ln, err := c.m.lanes.enter(c.ctx, id)
	if err != nil {
		return store.Record{}, storeFailed("save: wait for other writers of the session", err)
	}
	defer func() { c.m.lanes.leave(id, ln) }()

	switch {
	case c.d.Rec.Deadline <= envelope.MillisOf(c.now):
		// Of a deadline that has passed since the request began, the store knows
		// whether it was moved.
		err = c.refresh(id)
	case ln.latest.ID == id && ln.latest.Version != c.d.Rec.Version:
		err = c.follow(ln.latest)
	}
	if err != nil || !c.changed { // unchanged: another request has rotated
		return recordOf(&c.d.Rec), err
	}
	rec, err := c.swap()
	if err == nil {
		ln.latest = rec
	}
	return rec, err
}

// follow applies the operations to the record that the writer before in this
// process has handed on. That may be older than the one the request loaded, so
// a failure has to be confirmed by the store.
func (c *commit) follow(latest store.Record) error {
	meta, err := envelope.DecodeMeta(latest.Data)
	if err != nil || meta.Generation < c.generation {
		return nil
	}
	if c.rebase(latest) == nil {
		return nil
	}
	return c.refresh(latest.ID)
}

// refresh applies the operations to what the store has now.
func (c *commit) refresh(id ID) error {
	newer, found, err := c.m.loadSession(c.ctx, id, c.now)
	if err != nil {
		return err
	}
	if !found {
		return c.restart(nil)
	}
	return c.rebase(newer)
}

// swap compares and swaps until it succeeds, or nobody can tell.
func (c *commit) swap() (store.Record, error) {
	rec, err := c.next()
	if err != nil {
		return rec, err
	}
	c.first = rec.Version
	repeats := 0
	for attempt := 1; ; attempt++ {
		err := c.put(rec)
		if err == nil {
			return rec, nil
		}
		if errors.Is(err, store.ErrUnconfirmed) {
			return rec, c.fail(err)
		}
		refused := errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrExists)
		if refused {
			if err := c.pause(attempt); err != nil {
				return rec, c.fail(err)
			}
		}
		// Whatever the store said, it may have written: an answer gets lost,
		// and a client that sends twice is told of a conflict with itself.
		newer, loadErr := c.m.loadRecord(c.ctx, rec.ID, c.now)
		gone := errors.Is(loadErr, store.ErrNotFound)
		switch {
		case loadErr == nil && holds(newer, c.first):
			return newer, nil
		case !refused && repeats < maxRepeats && c.unchanged(newer, gone):
			repeats++ // should both arrive, the second is refused for its version
			continue
		case gone && c.stored:
			err = c.restart(nil)
		case refused && loadErr != nil && !gone:
			return rec, c.fail(loadErr)
		case loadErr != nil, !c.stored, !refused && c.unchanged(newer, gone):
			return rec, c.fail(err)
		default:
			err = c.rebase(newer)
		}
		switch {
		case err != nil:
			return rec, err
		case !c.changed:
			return recordOf(&c.d.Rec), nil
		case attempt == maxAttempts:
			return rec, fmt.Errorf("%w, %d times in a row", ErrConflict, attempt)
		}
		repeats = 0
		if rec, err = c.next(); err != nil {
			return rec, err
		}
	}
}

// fail is for a write of which nobody knows whether it happened.
func (c *commit) fail(err error) error {
	c.inDoubt = true
	return storeFailed("save", err)
}

// unchanged tells whether the store is as it was before the attempt.
func (c *commit) unchanged(newer store.Record, gone bool) bool {
	if c.stored {
		return !gone && newer.Version == c.d.Rec.Version
	}
	return gone
}

func (c *commit) put(rec store.Record) error {
	if c.stored {
		return c.m.store.Save(c.ctx, rec, c.d.Rec.Version)
	}
	return c.m.store.Create(c.ctx, rec)
}

// pause lets other processes finish, for longer the more often they were first.
func (c *commit) pause(attempt int) error {
	if attempt < 3 {
		return c.ctx.Err()
	}
	longest := min(time.Duration(attempt)*time.Millisecond, 20*time.Millisecond)
	t := time.NewTimer(time.Duration(time.Now().UnixNano()) % longest) // the clock's last digits will do for chance
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

// rebase applies the operations to another record of the session.
func (c *commit) rebase(newer store.Record) error {
	d, err := change.New(savedOf(&newer))
	if err != nil {
		err = c.m.unreadable(c.ctx, &newer, err)
	}
	switch {
	case errors.Is(err, envelope.ErrCorrupt):
		return c.restart(nil)
	case err != nil:
		return err
	}
	if d.Meta().Generation != c.generation {
		// A higher one: every token that this request can stand for was
		// killed. A lower one: the store has lost the login of this request.
		return c.restart(&d)
	}
	newest := d
	c.newest = &newest
	for i := range c.ops {
		if err := c.ops[i].Apply(&d, &c.m.rules); err != nil {
			return err
		}
	}
	c.d, c.changed = d, len(c.ops) > 0
	c.housekeep()
	return nil
}

// restart is what becomes of a request whose session has ended: nothing, but
// for one that signs somebody in, which gets a session of its own. Where what
// ended it, in newer, was a sign-in of the same subject with the same token, as
// after a double click, it gets the values that that one kept.
func (c *commit) restart(newer *change.Draft) error {
	login := func(o change.Op) bool { return o.Kind == change.Login }
	i := slices.IndexFunc(c.ops, login)
	stale := newer != nil && newer.Meta().Standing(c.presented, c.now) == envelope.Stale
	inherits := i >= 0 && stale && newer.Subject() == c.ops[i].Subject
	if stale {
		c.killed = newer.Rec.ID
	}
	if i < 0 {
		return ErrEnded
	}
	d := change.Begin(sid.NewID(), envelope.MillisOf(c.now))
	if inherits {
		d.Inherit(newer, c.ops[i].Subject)
	}
	for i := range c.ops {
		if c.ops[i].Kind == change.Pop {
			continue // what was to be taken is gone with the old session
		}
		if err := c.ops[i].Apply(&d, &c.m.rules); err != nil {
			return err
		}
	}
	c.d, c.stored, c.generation, c.presented, c.changed = d, false, 0, sid.Hash{}, true
	c.rotated = false // in the session that has ended
	if c.m.cfg.RefuseLogin {
		if err := c.reserve(); err != nil {
			return err
		}
	}
	return c.endOthers()
}

// next returns the record to write.
func (c *commit) next() (store.Record, error) {
	d, now := &c.d, envelope.MillisOf(c.now)
	meta := *d.Meta()
	if !c.stored && meta.Secret == (sid.Hash{}) {
		meta.Secret, meta.Issued = c.secret.Hash(c.m.cfg.realm()), int64(now)
		if key := c.s.firstFormKey(); key != nil {
			meta.SetFormKey(key)
		}
	}
	deadline := d.Deadline()
	if !c.stored && deadline == 0 {
		deadline = now.Add(c.m.rules.LifetimeOf(&meta))
	}
	seen, expires := c.times(&meta, deadline)
	if expires <= now && (c.counts() || c.m.sealer != nil) { // else the store knows whether it was used since
		return store.Record{}, ErrEnded
	}
	meta.Lineage, meta.Edited = nil, 0
	switch {
	case c.m.sealer != nil:
		meta.Others = nil // nobody presents a secret
	case c.stored && now.Sub(written(d)) < lineageWindow:
		meta.Lineage = lineageOf(d, c.m.instance)
	}
	if !c.counts() && c.m.sealer == nil {
		meta.Edited = int64(now)
	}
	rec := recordOf(&d.Rec)
	rec.Data, rec.Subject = d.Encode(&meta), d.Subject()
	rec.Version, rec.Seen, rec.Expires, rec.Deadline = c.m.newVersion(), seen.Time(), expires.Time(), deadline.Time()
	return rec, nil
}
