package commit

import (
	"context"
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
	// MaxAttempts bounds the compare-and-swaps of one commit. Each that fails
	// means that another process succeeded.
	MaxAttempts = 100

	// maxRepeats bounds how often a write is sent again that the store met
	// with an error and, by what it holds, has not done.
	maxRepeats = 2
)

// follow applies the operations to the record that the writer before in this
// process has handed on. That may be older than the one the request loaded, so
// a failure has to be confirmed by the store.
func (c *Commit) follow(latest store.Record) error {
	meta, err := envelope.DecodeMeta(latest.Data)
	if err != nil || meta.Generation < c.Generation {
		return nil
	}
	if c.rebase(latest) == nil {
		return nil
	}
	return c.refresh(latest.ID)
}

// refresh applies the operations to what the store has now.
func (c *Commit) refresh(id store.ID) error {
	newer, err := c.Engine.Load(c.Context, id, c.Now)
	switch {
	case err == nil:
		return c.rebase(newer)
	case errors.Is(err, store.ErrNotFound):
		return c.restart(nil)
	default:
		return Failed("load", err)
	}
}

// swap compares and swaps until it succeeds, or nobody can tell.
func (c *Commit) swap() (store.Record, error) {
	rec, err := c.Next()
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
		refused := Refused(err)
		if refused {
			if err := Pause(c.Context, attempt); err != nil {
				return rec, c.fail(err)
			}
		}
		// Whatever the store said, it may have written: an answer gets lost,
		// and a client that sends twice is told of a conflict with itself.
		newer, loadErr := c.Engine.Load(c.Context, rec.ID, c.Now)
		gone := errors.Is(loadErr, store.ErrNotFound)
		switch {
		case loadErr == nil && holds(newer, c.first):
			return newer, nil
		case !refused && repeats < maxRepeats && c.unchanged(newer, gone):
			repeats++ // should both arrive, the second is refused for its version
			continue
		case gone && c.Stored:
			err = c.restart(nil)
		case refused && loadErr != nil && !gone:
			return rec, c.fail(loadErr)
		case loadErr != nil, !c.Stored, !refused && c.unchanged(newer, gone):
			return rec, c.fail(err)
		default:
			err = c.rebase(newer)
		}
		switch {
		case err != nil:
			return rec, err
		case !c.Changed:
			return RecordOf(&c.Draft.Rec), nil
		case attempt == MaxAttempts:
			return rec, fmt.Errorf("%w, %d times in a row", change.ErrConflict, attempt)
		}
		repeats = 0
		if rec, err = c.Next(); err != nil {
			return rec, err
		}
	}
}

// fail is for a write of which nobody knows whether it happened.
func (c *Commit) fail(err error) error {
	c.InDoubt = true
	return Failed("save", err)
}

// unchanged tells whether the store is as it was before the attempt.
func (c *Commit) unchanged(newer store.Record, gone bool) bool {
	if c.Stored {
		return !gone && newer.Version == c.Draft.Rec.Version
	}
	return gone
}

func (c *Commit) put(rec store.Record) error {
	if c.Stored {
		return c.Engine.store.Save(c.Context, rec, c.Draft.Rec.Version)
	}
	return c.Engine.store.Create(c.Context, rec)
}

// Pause lets other processes finish, for longer the more often they were first, or
// until ctx is done.
func Pause(ctx context.Context, attempt int) error {
	if attempt < 3 {
		return ctx.Err()
	}
	longest := min(time.Duration(attempt)*time.Millisecond, 20*time.Millisecond)
	t := time.NewTimer(time.Duration(time.Now().UnixNano()) % longest) // the clock's last digits will do for chance
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rebase applies the operations to another record of the session.
func (c *Commit) rebase(newer store.Record) error {
	d, err := change.New(SavedOf(&newer))
	if err != nil {
		err = c.Hooks.Unreadable(newer, err)
	}
	switch {
	case errors.Is(err, envelope.ErrCorrupt):
		return c.restart(nil)
	case err != nil:
		return err
	}
	if d.Meta().Generation != c.Generation {
		// A higher one: every token that this request can stand for was
		// killed. A lower one: the store has lost the login of this request.
		return c.restart(&d)
	}
	newest := d
	c.Newest = &newest
	for i := range c.Ops {
		if err := c.Ops[i].Apply(&d, c.Engine.rules); err != nil {
			return err
		}
	}
	c.Draft, c.Changed = d, len(c.Ops) > 0
	c.Hooks.Housekeep()
	return nil
}

// restart is called when the session has ended. It returns ErrEnded. Only a sign-in goes on,
// in a new session. If the same subject signed in with the same token a moment ago, as after
// a double click, the new session gets the values that the other one, newer, kept.
func (c *Commit) restart(newer *change.Draft) error {
	login := func(o change.Op) bool { return o.Kind == change.Login }
	i := slices.IndexFunc(c.Ops, login)
	stale := newer != nil && newer.Meta().Standing(c.Presented, c.Now) == envelope.Stale
	inherits := i >= 0 && stale && newer.Subject() == c.Ops[i].Subject
	if stale {
		c.Killed = newer.Rec.ID
	}
	if i < 0 {
		return change.ErrEnded
	}
	d := change.Begin(sid.NewID(), envelope.MillisOf(c.Now))
	if inherits {
		d.Inherit(newer, c.Ops[i].Subject)
	}
	for at := range c.Ops {
		if kind := c.Ops[at].Kind; kind == change.Pop || kind == change.Reauthenticate && at < i {
			continue // what was to be taken or proved again is gone with the old session
		}
		if err := c.Ops[at].Apply(&d, c.Engine.rules); err != nil {
			return err
		}
	}
	c.Draft, c.Stored, c.Generation, c.Presented, c.Changed = d, false, 0, sid.Hash{}, true
	return c.Hooks.Another()
}
