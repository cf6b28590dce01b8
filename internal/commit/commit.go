// Package commit writes the operations of a request to a store: it loads,
// compares and swaps, merges with what others have written, and tries again. It is
// given a store, a reading of the clock, and hooks for what its caller has to say.
// It knows no HTTP, no cookie, no configuration, and nobody who signs in.
//
// What holds of every commit, by number; a test of that number fails where it does
// not:
//
//  1. Operations are never undone by those of others: where another writer was first,
//     they are applied to what that one has stored.
//  2. Operations are written once. If a write gets an error or no answer, the engine loads the
//     record and looks for its own write. If it is there, the commit has succeeded, even if
//     others have written since: up to 32 engines within a minute, see lineage.go.
//  3. If nobody knows whether a write happened, the commit fails, and is in doubt.
//     store.ErrUnconfirmed counts as this, even if a load shows the write.
//  4. A session that is gone is never created again. A commit that finds it gone, or of
//     another generation, returns change.ErrEnded. A sign-in gets a new session instead.
//  5. A commit that does not count as use carries the times of the record it replaces.
//     A touch moves times without a new version, so the stored times may be later:
//     the store keeps the later ones.
//  6. Writers of one session in this process take turns. Writers of different sessions do
//     not wait for each other, and neither does a commit that creates a session. No wait is
//     longer than the context allows.
//  7. A writer gets the last record from the writer before it, without a load. If its
//     operations fail on that record, it loads and tries again.
//  8. A commit changes its own draft, and never the one that the session shows.
//  9. Every commit ends: after so many attempts if others are first, and after so many
//     repetitions if the store fails.
//  10. An expired record, or one of another ID, is not found, whatever a store returns.
//  11. Between two compare-and-swaps run, in this order: a pause, a load, the operations (and
//     with them functions of the application: those of Update), and Hooks.Housekeep. If the
//     session has ended, Hooks.Another runs instead, for a sign-in. No lock is held but the
//     session's turn.
package commit

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// An Engine runs the commits of one process. Its versions differ from those of every other
// Engine. It may be used by several goroutines at once.
type Engine struct {
	store    store.Store
	rules    *change.Rules
	lanes    lanes
	instance uint32
	writes   atomic.Uint32
}

// New returns an Engine over a store, nil where sessions are kept in their cookies.
// The rules are not to be changed any more.
func New(s store.Store, rules *change.Rules) *Engine {
	return &Engine{store: s, rules: rules, instance: newInstance()}
}

// A Commit writes the operations of one request. Its caller sets the first fields,
// and reads the others when Write has returned.
type Commit struct {
	Engine  *Engine
	Hooks   Hooks
	Context context.Context // ends with the time that a commit may take
	Now     time.Time       // UTC, whole milliseconds

	Ops        []change.Op
	Draft      change.Draft // has Ops applied to it
	Stored     bool         // Draft was made of a record that is in the store
	Generation uint64       // of that record: if the stored one differs, this request's token was killed
	Presented  sid.Hash     // of the secret that the request came with
	Use        bool         // the request counts as use of the session
	Changed    bool         // there is something to write: Ops, or what Hooks.Housekeep has changed

	InDoubt bool          // nobody knows whether something was written
	Killed  store.ID      // the session that Presented belonged to before it was killed; set by a sign-in
	Newest  *change.Draft // what others had stored, where it was loaded; without Ops
	first   uint64        // the version of the first attempt
}

// Hooks are what the caller of a commit has to say in its course.
type Hooks interface {
	// FirstSecret returns the secret of a session that is stored for the first time, and
	// what was bound to its client before, nil for nothing.
	FirstSecret() (secret sid.Hash, bound []byte)

	// Housekeep confirms the secret that the request has presented, or adds a new one, in
	// Commit.Draft, and sets Commit.Changed where that has to be written. It is called again
	// for each record that the operations are applied to.
	Housekeep()

	// Another is called when the session has ended and a sign-in begins another one,
	// in Commit.Draft, before it is written. An error ends the commit.
	Another() error

	// Unreadable is told of a record that does not decode, and returns the error to
	// go on with, which wraps err.
	Unreadable(rec store.Record, err error) error
}

// A StoreError is an error of the store, with the operation that met it.
type StoreError struct {
	Op  string
	Err error
}

// Failed returns the error of an operation of the store.
func Failed(op string, err error) error { return &StoreError{op, err} }

// Error names the operation first.
func (e *StoreError) Error() string { return "session: " + e.Op + ": " + e.Err.Error() }

// Unwrap returns what the store said.
func (e *StoreError) Unwrap() error { return e.Err }

// Load loads a record. It returns ErrNotFound for an expired record, and for one of another
// ID, which no store should return.
func (e *Engine) Load(ctx context.Context, id store.ID, now time.Time) (store.Record, error) {
	rec, err := e.store.Load(ctx, id)
	if err == nil && (rec.ID != id || !Alive(&rec, now)) {
		return store.Record{}, store.ErrNotFound
	}
	return rec, err
}

// Alive tells whether a record is of a session that has not ended yet. A write
// that brings the deadline forward leaves a later Expires as it is stored: so the
// deadline is compared too, and Expires is made to tell the truth.
func Alive(rec *store.Record, now time.Time) bool {
	if rec.Deadline.Before(rec.Expires) {
		rec.Expires = rec.Deadline
	}
	return now.Before(rec.Expires)
}

// Write stores the operations, each exactly once, and returns the record with them. An error
// of the store is a *StoreError.
func (c *Commit) Write() (store.Record, error) {
	if !c.Stored {
		return c.swap() // nobody else knows of the session, so there is nobody to wait for
	}
	id := c.Draft.Rec.ID
	ln, err := c.Engine.lanes.enter(c.Context, id)
	if err != nil {
		return store.Record{}, Failed("save: wait for other writers of the session", err)
	}
	defer func() { c.Engine.lanes.leave(id, ln) }()

	switch {
	case c.Draft.Rec.Deadline <= envelope.MillisOf(c.Now):
		// Of a deadline that has passed since the request began, the store knows
		// whether it was moved.
		err = c.refresh(id)
	case ln.latest.ID == id && ln.latest.Version != c.Draft.Rec.Version:
		err = c.follow(ln.latest)
	}
	if err != nil || !c.Changed { // unchanged: another request has rotated
		return RecordOf(&c.Draft.Rec), err
	}
	rec, err := c.swap()
	if err == nil {
		ln.latest = rec
	}
	return rec, err
}

// Next returns the record to write.
func (c *Commit) Next() (store.Record, error) {
	meta, deadline := c.begun()
	seen, expires := c.times(meta.Lifetime, deadline)
	if expires <= envelope.MillisOf(c.Now) && c.counts() { // else the store knows whether it was used since
		return store.Record{}, change.ErrEnded
	}
	meta.Lineage, meta.Edited = nil, 0
	if c.Stored && envelope.MillisOf(c.Now).Sub(written(&c.Draft)) < Window {
		meta.Lineage = lineageOf(&c.Draft, c.Engine.instance)
	}
	if !c.counts() {
		meta.Edited = int64(envelope.MillisOf(c.Now))
	}
	return c.record(&meta, seen, expires, deadline), nil
}

// NextAlone is Next for a session that nobody else writes, nor presents an older
// secret of: it is kept in its cookie.
func (c *Commit) NextAlone() (store.Record, error) {
	meta, deadline := c.begun()
	seen, expires := c.times(meta.Lifetime, deadline)
	if expires <= envelope.MillisOf(c.Now) {
		return store.Record{}, change.ErrEnded
	}
	meta.Lineage, meta.Edited, meta.Others = nil, 0, nil
	return c.record(&meta, seen, expires, deadline), nil
}

// begun returns the metadata and the deadline, of a new session its first ones.
func (c *Commit) begun() (meta envelope.Meta, deadline envelope.Millis) {
	meta, deadline = *c.Draft.Meta(), c.Draft.Deadline()
	if c.Stored {
		return meta, deadline
	}
	if meta.Secret == (sid.Hash{}) {
		secret, bound := c.Hooks.FirstSecret()
		meta.Secret, meta.Issued = secret, int64(envelope.MillisOf(c.Now))
		if bound != nil {
			meta.SetBindKey(bound)
		}
	}
	if deadline == 0 {
		deadline = envelope.MillisOf(c.Now).Add(c.Engine.rules.LifetimeOf(&meta))
	}
	return meta, deadline
}

// counts tells whether the commit counts as use of its session.
func (c *Commit) counts() bool { return c.Use || !c.Stored }

// times returns the Seen and Expires of the record.
func (c *Commit) times(own envelope.Lifetime, deadline envelope.Millis) (seen, expires envelope.Millis) {
	return c.Engine.rules.Times(&c.Draft.Rec, c.counts(), own, envelope.MillisOf(c.Now), deadline)
}

func (c *Commit) record(meta *envelope.Meta, seen, expires, deadline envelope.Millis) store.Record {
	rec := RecordOf(&c.Draft.Rec)
	rec.Data, rec.Subject = c.Draft.Encode(meta), c.Draft.Subject()
	rec.Version, rec.Seen, rec.Expires, rec.Deadline = c.Engine.NewVersion(), seen.Time(), expires.Time(), deadline.Time()
	return rec
}

// Refused tells whether a store says that another writer was first.
func Refused(err error) bool {
	return errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrExists)
}
