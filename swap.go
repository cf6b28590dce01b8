package session

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

const (
	// maxAttempts bounds the compare-and-swaps of one commit. Each that fails
	// means that another process succeeded.
	maxAttempts = 100

	// maxLineage and lineageWindow bound what a record tells of the versions
	// before it. By these a write recognises itself when its answer was lost
	// or its client sent it twice, although others have written since.
	maxLineage    = 16
	lineageWindow = time.Minute
)

// write has the operations stored, each exactly once, and returns the record
// that has them in it.
func (c *commit) write() (store.Record, error) {
	id := c.d.rec.ID
	ln, err := c.m.lanes.enter(c.ctx, id)
	if err != nil {
		return store.Record{}, c.m.storeError("save: wait for other writers of the session", err)
	}
	defer func() { c.m.lanes.leave(id, ln) }()

	if c.inDoubt.version != 0 {
		newer, err := c.m.loadRecord(c.ctx, id, c.now)
		switch {
		case errors.Is(err, store.ErrNotFound) && c.stored:
			err = c.restart(nil)
		case errors.Is(err, store.ErrNotFound):
			err = nil // the creation did not happen
		case err != nil:
			err = c.m.storeError("load", err)
		default:
			if !c.stored || holds(newer, c.inDoubt.version) {
				c.ops = slices.DeleteFunc(slices.Clone(c.ops), func(o op) bool { return o.inDoubt })
				c.generation = c.inDoubt.generation
			}
			c.stored = true
			err = c.rebase(newer)
		}
		if err != nil {
			return store.Record{}, err
		}
		c.inDoubt = doubt{}
	} else if c.stored && ln.latest.ID == id && ln.latest.Version != c.d.rec.Version {
		// Either the record that was handed on or the one that the request
		// loaded may be the newer one. The store will tell, but one that is
		// of an older generation does not end this request.
		if e, err := decodeEnvelope(ln.latest.Data); err == nil && e.meta.generation >= c.generation {
			if err := c.rebase(ln.latest); err != nil {
				return store.Record{}, err
			}
		}
	}
	if !c.changed {
		return c.d.rec, nil // another request has rotated
	}
	rec, err := c.swap()
	if err == nil {
		ln.latest = rec
	}
	return rec, err
}

// swap compares and swaps until it succeeds.
func (c *commit) swap() (store.Record, error) {
	rec, err := c.next()
	if err != nil {
		return rec, err
	}
	repeated := false // as it was: should both arrive, the second is refused
	for attempt := 1; ; attempt++ {
		if err = c.put(rec); err == nil {
			return rec, nil
		}
		refused := errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrExists)
		if refused {
			if err := c.pause(rec.Version, attempt); err != nil {
				return rec, c.m.storeError("save", err)
			}
		}
		// Whatever the store said, it may have written: an answer gets lost,
		// and a client that sends twice is told of a conflict with itself.
		newer, loadErr := c.m.loadRecord(c.ctx, rec.ID, c.now)
		switch {
		case errors.Is(loadErr, store.ErrNotFound) && c.stored:
			if err := c.restart(nil); err != nil {
				return rec, err
			}
		case errors.Is(loadErr, store.ErrNotFound) && !refused && !repeated:
			repeated = true
			continue
		case loadErr != nil:
			c.inDoubt = doubt{rec.Version, c.d.meta.generation}
			if refused && !errors.Is(loadErr, store.ErrNotFound) {
				err = loadErr
			}
			return rec, c.m.storeError("save", err)
		case holds(newer, rec.Version):
			return newer, nil
		case !c.stored:
			return rec, c.m.storeError("create", err)
		case !refused && newer.Version == c.d.rec.Version:
			if repeated {
				c.inDoubt = doubt{rec.Version, c.d.meta.generation}
				return rec, c.m.storeError("save", err)
			}
			repeated = true
			continue
		default:
			if err := c.rebase(newer); err != nil {
				return rec, err
			}
			if !c.changed {
				return c.d.rec, nil
			}
		}
		if attempt == maxAttempts {
			return rec, fmt.Errorf("%w, %d times in a row", ErrConflict, attempt)
		}
		if rec, err = c.next(); err != nil {
			return rec, err
		}
	}
}

func (c *commit) put(rec store.Record) error {
	if c.stored {
		return c.m.store.Save(c.ctx, rec, c.d.rec.Version)
	}
	return c.m.store.Create(c.ctx, rec)
}

// pause lets other processes finish, for longer the more often they were first.
func (c *commit) pause(random uint64, attempt int) error {
	if attempt < 3 {
		return c.ctx.Err()
	}
	longest := min(time.Duration(attempt)*time.Millisecond, 20*time.Millisecond)
	t := time.NewTimer(time.Duration(random % uint64(longest)))
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
	d, err := newDraft(newer)
	if err != nil {
		return corrupt(newer.ID, err)
	}
	if d.meta.generation != c.generation {
		// A higher one: every token that this request can stand for was
		// killed. A lower one: the store has lost the login of this request.
		return c.restart(&d)
	}
	for i := range c.ops {
		if err := c.ops[i].apply(&d, c.m); err != nil {
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
func (c *commit) restart(newer *draft) error {
	i := slices.IndexFunc(c.ops, func(o op) bool { return o.kind == opLogin })
	if i < 0 {
		return ErrEnded
	}
	d := draft{rec: store.Record{ID: sid.NewID(), Created: c.now}}
	if newer != nil && newer.meta.standing(c.presented, c.now) == standingStale {
		d.inherit(newer, c.ops[i].subject)
	}
	for i := range c.ops {
		if c.ops[i].kind == opPop {
			continue // what was to be taken is gone with the old session
		}
		if err := c.ops[i].apply(&d, c.m); err != nil {
			return err
		}
	}
	c.d, c.stored, c.generation, c.presented, c.inDoubt, c.changed = d, false, 0, sid.Hash{}, doubt{}, true
	return nil
}

// next returns the record to write.
func (c *commit) next() (store.Record, error) {
	d := &c.d
	if !c.stored {
		if d.rec.Deadline.IsZero() {
			d.rec.Deadline = c.now.Add(c.m.cfg.Lifetime)
		}
		if d.meta.secret == (sid.Hash{}) {
			d.meta.secret, d.meta.issued = c.secret.Hash(c.m.cfg.Realm), c.now.UnixMilli()
		}
	}
	seen, expires := c.now, c.m.expires(c.now, d.rec.Deadline)
	if c.background {
		seen, expires = d.rec.Seen, d.rec.Expires
	}
	if !expires.After(c.now) {
		return store.Record{}, ErrEnded
	}
	var lineage []byte
	if c.stored && (c.background || c.now.Sub(d.rec.Seen) < lineageWindow) {
		lineage = append(make([]byte, 0, len(d.meta.lineage)+8), d.meta.lineage...)
		lineage = binary.LittleEndian.AppendUint64(lineage, d.rec.Version)
		lineage = lineage[max(0, len(lineage)-8*maxLineage):]
	}
	out := *d
	out.meta.lineage = lineage
	return out.encode(newVersion(), seen, expires), nil
}

// newVersion returns a random version, so that none comes twice even where a
// store fails over to an older state.
func newVersion() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:]) | 1 // 0 is no version
}

// holds tells whether a write of this version is part of a record.
func holds(rec store.Record, version uint64) bool {
	if rec.Version == version {
		return true
	}
	e, err := decodeEnvelope(rec.Data)
	if err != nil {
		return false
	}
	for l := e.meta.lineage; len(l) >= 8; l = l[8:] {
		if binary.LittleEndian.Uint64(l) == version {
			return true
		}
	}
	return false
}
