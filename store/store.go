// Package store is the contract between a session manager and the place where
// sessions are kept.
//
// A [Store] keeps opaque [Record] values under an [ID] and swaps one version of
// a record for another; it never looks inside. Tokens, hashing, encoding,
// merging, lifetimes and cookies are the manager's. What a store can do beyond
// the five operations (listing, garbage collection, health checks) is an
// optional interface of one method, beside a function that uses it or refuses.
//
// Package storetest checks an implementation against every rule written here.
package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"
)

// MaxData is the largest Record.Data, in bytes, that every store must accept.
const MaxData = 1 << 20

// Errors that the methods of a Store return. They may be wrapped.
var (
	// ErrNotFound is returned by Load when there is no record of that ID, or
	// the one there is has expired.
	ErrNotFound = errors.New("store: no such record")

	// ErrExists is returned by Create when the ID is taken.
	ErrExists = errors.New("store: a record of this ID exists")

	// ErrConflict is returned by Save when the record is gone, has expired, or
	// has another version than the one to be replaced.
	ErrConflict = errors.New("store: the record is gone or has another version")

	// ErrUnconfirmed is wrapped by what Create, Save and Delete return where a
	// Load afterwards settles nothing: the write may be there to be read, and
	// still not as safe as the store was asked to make it, like one that too
	// few replicas have acknowledged. A later Create, Save or Delete of the
	// same record that succeeds vouches for it. A store that reads only what is
	// safe never returns it.
	ErrUnconfirmed = errors.New("store: whether the write will last is not known")
)

// A Record is one session as a store sees it.
//
// All times are UTC and whole milliseconds. A store may compare and index
// them, and must return them as they were given.
type Record struct {
	// ID is the key. It is public: it may be listed, logged and shown.
	ID ID

	// Version is chosen by the manager, another for each Create and Save. A
	// store compares it for equality and nothing else. It uses all 64 bits.
	Version uint64

	// Subject is whom the session belongs to, empty while anonymous: valid
	// UTF-8 without NUL, at most 512 bytes. It is compared byte by byte, and
	// may change at Save.
	Subject string

	// Created is when the session began, and never changes. The manager's own
	// records, which are no sessions and have no Subject, have the zero Time: a
	// store that keeps room from anonymous sessions gives it to these.
	Created time.Time

	Seen     time.Time // when it was last used, as far as was written
	Expires  time.Time // from here on the record is never returned
	Deadline time.Time // the manager never moves Expires past this; a store need not check

	// Data is the manager's, up to MaxData bytes of any value. A slice that
	// Load or List returned is read-only for ever, to the caller and to the
	// store: nobody writes or appends to it, Save puts another in its place.
	// A slice that was given to Create
	// or Save still belongs to the caller once the call returns, so a store in
	// memory copies it.
	Data []byte
}

// A Store keeps records. Its methods may be called by many goroutines at once,
// and by many processes where the store is shared.
//
// Each operation happens entirely or not at all. None of them is an upsert: a
// record that was deleted does not come back by Save or Touch. A context that
// is already done is an error, and nothing was written; one that ends while
// the call runs is an error whose outcome is unknown to the caller. Neither is
// ever one of ErrNotFound, ErrExists and ErrConflict: an uncertain outcome must
// not look like a definite one.
//
// A record counts as expired when the clock of the process that asks has
// reached Expires, unless the store's documentation names another clock.
// Expires may be moved in either direction, and Seen forward alone. A record
// that is given with an Expires in the past is accepted, and need not be kept.
//
// A store that has to be closed is an [io.Closer]. To close it again is no
// error; other methods return an error from then on.
type Store interface {
	// Load returns the record of an ID, or ErrNotFound where it is missing
	// or expired.
	Load(ctx context.Context, id ID) (Record, error)

	// Create adds a record, or returns ErrExists where the ID is taken. A
	// record that has expired takes no ID, collected or not.
	Create(ctx context.Context, rec Record) error

	// Save replaces the record of rec.ID by rec if its version is old: a
	// compare-and-swap. It returns ErrConflict, and changes nothing, where the
	// record is gone, has expired, or has another version. Created is
	// not written again. Where the record was seen later than rec.Seen, Seen
	// and Expires stay as they are, and the rest is replaced: a use that was
	// written meanwhile is not undone.
	Save(ctx context.Context, rec Record, old uint64) error

	// Touch moves Seen and Expires, and nothing else, if the record is live,
	// has this version, and was not seen later than seen. The version stays.
	// Otherwise nothing happens, and that is no error: whoever wrote the other
	// version or the later use moved them too, or the next use will.
	Touch(ctx context.Context, id ID, version uint64, seen, expires time.Time) error

	// Delete removes a record. That there is none is no error.
	Delete(ctx context.Context, id ID) error
}

// A RecordToucher is a Store that touches with fewer round trips if it is told of
// the record what the caller knows.
type RecordToucher interface {
	Store

	// TouchRecord is Touch of rec.ID and rec.Version, where rec is what the
	// caller has loaded, by now perhaps another. Its Data is not used.
	TouchRecord(ctx context.Context, rec Record, seen, expires time.Time) error
}

// Touch touches a record that the caller has loaded, by TouchRecord where s has
// it. See the example of [Store].
func Touch(ctx context.Context, s Store, rec Record, seen, expires time.Time) error {
	if t, ok := s.(RecordToucher); ok {
		return t.TouchRecord(ctx, rec, seen, expires)
	}
	return s.Touch(ctx, rec.ID, rec.Version, seen, expires)
}

// A Collector is a Store whose expired records stay until they are collected.
// A store whose server forgets them by itself has no need of it.
type Collector interface {
	Store

	// GC deletes records that expired at least GCDelay ago and returns how
	// many. It works in bounded batches, holds up no other operation for
	// longer than one batch, is safe beside other collectors, and never
	// deletes a live record. When ctx ends it stops between two batches, with
	// the context's error and the count so far.
	GC(ctx context.Context) (int, error)
}

// GCDelay is how long past Expires a record is kept from garbage collection,
// so that machines whose clocks differ a little do not collect what another
// still sees as live and is about to touch.
const GCDelay = 5 * time.Minute

// GC collects what expired, as [Collector] says. It fails with an error that
// wraps [errors.ErrUnsupported] where s is no Collector. See the wrap example of
// [Store].
func GC(ctx context.Context, s Store) (int, error) {
	c, ok := s.(Collector)
	if !ok {
		return 0, fmt.Errorf("store: %T has no garbage collection of its own to run: %w", s, errors.ErrUnsupported)
	}
	return c.GC(ctx)
}

// A Pinger is a Store that can tell whether it is reachable.
type Pinger interface {
	Store

	// Ping returns nil if the store answers, at the cost of a round trip.
	Ping(ctx context.Context) error
}

// Ping tells whether s answers. It fails with an error that wraps
// [errors.ErrUnsupported] where s is no [Pinger]. See the wrap example of [Store].
func Ping(ctx context.Context, s Store) error {
	p, ok := s.(Pinger)
	if !ok {
		return fmt.Errorf("store: %T cannot be pinged: %w", s, errors.ErrUnsupported)
	}
	return p.Ping(ctx)
}

// A Sharer is a Store that can tell whether other programs can reach it over the
// network, as those of a database server can.
type Sharer interface {
	Store

	// Shared tells whether it is so, without a look at the server, and always
	// says the same.
	Shared() bool
}

// Shared tells whether other programs can reach s over the network. Two of them
// that use it in the same way read and end each other's sessions, so a manager
// takes a name of the application then. A store that is no [Sharer] counts as
// one of this program alone; a store that wraps another should forward the
// answer: func (w *Wrapper) Shared() bool { return store.Shared(w.Store) }.
func Shared(s Store) bool {
	sh, ok := s.(Sharer)
	return ok && sh.Shared()
}

// Close closes s where it is an [io.Closer], and is nil otherwise.
func Close(s Store) error {
	if c, ok := s.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// An ID names a record: 16 random bytes. It is public, and no secret.
type ID [16]byte

// String returns the ID as 22 characters of unpadded base64url.
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// IsZero tells whether id is the zero ID, which no session has.
func (id ID) IsZero() bool { return id == ID{} }

// ParseID is the inverse of [ID.String]. It accepts that one spelling only.
func ParseID(s string) (ID, error) {
	var id ID
	// The decoder skips line breaks, so the length has to be checked as well.
	if len(s) == 22 {
		n, err := base64.RawURLEncoding.Strict().Decode(id[:], []byte(s))
		if err == nil && n == len(id) {
			return id, nil
		}
	}
	return ID{}, fmt.Errorf("store: not an ID: %d bytes where 22 characters of base64url are wanted", len(s))
}

// MarshalText returns what [ID.String] does.
func (id ID) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, id[:]), nil
}

// UnmarshalText reads what [ID.MarshalText] wrote, as [ParseID] does.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err == nil {
		*id = parsed
	}
	return err
}
