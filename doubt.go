package session

import (
	"errors"
	"slices"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// A doubt is about the writes of a session since its last success of which it is
// not settled whether they are in the store to stay: the answer was lost, or was
// store.ErrUnconfirmed. Their operations stay pending until a write succeeds.
type doubt struct {
	counts      []uint32        // in the versions of the writes, the first one first
	since       envelope.Millis // when the commit of the first one began
	over        uint64          // what the last one was to replace: a record of this version has lost nothing
	unconfirmed bool            // of one of them the store said ErrUnconfirmed
}

// errOutcome is what is said of a write of which nobody can tell any more
// whether it happened.
var errOutcome = errors.New("the store did not say what became of the write before, and others have followed")

// fail leaves it in doubt whether rec was written.
func (c *commit) fail(rec store.Record, err error) error {
	c.doubt(rec.Version, errors.Is(err, store.ErrUnconfirmed))
	return storeFailed("save", err)
}

// doubt adds a write to those in doubt. An operation keeps the first version that
// it may have been written with: that one can still arrive.
func (c *commit) doubt(version uint64, unconfirmed bool) {
	count := uint32(version)
	d := doubt{since: envelope.MillisOf(c.now)}
	if c.inDoubt != nil {
		d = *c.inDoubt
	}
	d.counts = append(slices.Clip(d.counts), count)
	d.over = c.d.Rec.Version
	d.unconfirmed = d.unconfirmed || unconfirmed
	c.inDoubt = &d
	for i := range c.ops {
		if c.ops[i].InDoubt == 0 {
			c.ops[i].InDoubt = count
		}
	}
}

// resolve asks the store what there is now: what became of the writes in doubt, and
// of the session since it was loaded.
func (c *commit) resolve(id ID) error {
	newer, err := c.m.loadRecord(c.ctx, id, c.now)
	switch {
	case errors.Is(err, store.ErrNotFound) && c.stored:
		return c.restart(nil)
	case errors.Is(err, store.ErrNotFound):
		return nil // the creation did not happen, or did not last
	case err != nil:
		return storeFailed("load", err)
	}
	c.stored = true
	return c.rebase(newer)
}

// recognize takes from the operations those that a record has in it, by writes
// in doubt. It is false where nobody can tell: another write of this manager has
// followed, which puts its own version in the place, or so much time has passed
// that the lineage may have lost it.
func (c *commit) recognize(rec store.Record) bool {
	if c.inDoubt == nil {
		return true
	}
	c.generation -= kills(c.landed)
	c.landed, c.ops, c.confirm = nil, c.all, false // the store may have lost what it had
	last := uint32(lastVersion(rec, c.m.instance))
	switch {
	case last == 0:
		return rec.Version == c.inDoubt.over || envelope.MillisOf(c.now).Sub(c.inDoubt.since) < lineageWindow
	case !atLeast(last, c.inDoubt.counts[0]):
		return true
	case !slices.Contains(c.inDoubt.counts, last):
		return false
	}
	n := 0
	for n < len(c.ops) && c.ops[n].InDoubt != 0 && atLeast(last, c.ops[n].InDoubt) {
		n++
	}
	c.landed, c.ops, c.confirm = c.all[:n:n], c.all[n:], c.inDoubt.unconfirmed
	c.generation += kills(c.landed)
	return true
}

// kills returns by how much those of the operations that are in doubt raise the
// generation: once for each secret.
func kills(ops []change.Op) (n uint64) {
	var last sid.Hash
	for i := range ops {
		if o := &ops[i]; o.InDoubt != 0 && o.Kind.Kills() && !o.Hash.Verify(last) {
			n, last = n+1, o.Hash
		}
	}
	return n
}

// atLeast compares counts, which may wrap around.
func atLeast(count, other uint32) bool { return int32(count-other) >= 0 }
