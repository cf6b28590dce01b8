package memstore

import (
	"encoding/binary"
	"time"

	"github.com/b4468f51/session/store"
)

// A record begins at a position of the log and reaches to the end of its chunk,
// so that slicing it needs no length. It is laid out as
//
//	4 bytes  position of the next in its chain of IDs, or dead
//	byte     flags, and above them the number of the subject's prefix
//	4 bytes  position of the next in its chain of subjects   if hasSubject
//	4 bytes  position of the one before it there, or 0       if crowded
//	16       ID
//	8        version
//	uvarint  length of the subject without its prefix, and the subject  if hasSubject
//	2 × 4    seen and expires: milliseconds since created, plus bias
//	2 × 8    ... or Unix milliseconds                        if wide
//	varint   created: milliseconds since the store's epoch
//	varint   deadline: since created, in milliseconds, or in seconds if wholeSeconds
//	uvarint  length of the data, and the data
//
// with integers in little endian. Links, seen and expires are read and written
// under the shard's lock; the rest never changes, and is read without it too.
type record []byte

// Where a record's links are, the same in every record that has them.
const (
	idLink      = 0
	flagsAt     = 4
	subjectLink = 5
	subjectBack = 9
)

const (
	hasSubject   = 1 << iota // a prefix without anything after it is a subject too
	crowded                  // in its chain of subjects it knows the one before it
	wide                     // seen and expires do not fit in 4 bytes each
	wholeSeconds             // the deadline is so many seconds after created

	prefixShift = 4 // the upper half: 0 for none
)

// dead stands for the link of a record that was removed. No record begins at
// the last byte of a chunk.
const dead = 1<<32 - 1

// bias is how long before created, in milliseconds, seen and expires may be
// without making the record wide: 6 days. It leaves 43 days after created.
const bias = 1 << 29

// maxHeader is at least the size of a record without its subject and data.
const maxHeader = 5 + 8 + 16 + 8 + binary.MaxVarintLen32 + 16 + 2*binary.MaxVarintLen64 + binary.MaxVarintLen32

func (r record) link(at int) uint32         { return binary.LittleEndian.Uint32(r[at:]) }
func (r record) setLink(at int, pos uint32) { binary.LittleEndian.PutUint32(r[at:], pos) }
func (r record) is(flag byte) bool          { return r[flagsAt]&flag != 0 }
func (r record) dead() bool                 { return r.link(idLink) == dead }

// idAt is where the ID is: behind the links.
func (r record) idAt() int {
	return subjectLink + 4*int(r[flagsAt]&hasSubject) + 2*int(r[flagsAt]&crowded)
}

func (r record) id() []byte {
	at := r.idAt()
	return r[at : at+16]
}

// A subject as it is kept: without the prefix that it shares with others.
type subject[T string | []byte] struct {
	prefix byte
	rest   T
}

// subject returns the subject of a record that has one.
func (r record) subject() subject[[]byte] {
	at := r.idAt() + 16 + 8
	n, size := binary.Uvarint(r[at:])
	at += size
	return subject[[]byte]{r[flagsAt] >> prefixShift, r[at : at+int(n)]}
}

// fields is what a record holds. Its slices are parts of the record.
type fields struct {
	version  uint64
	subject  subject[[]byte]
	data     []byte // without room to append
	created  int64  // like the others Unix milliseconds
	seen     int64
	expires  int64
	deadline int64
	timesAt  int // where seen is, and expires after it
	size     int // of the record
}

// fields reads a record. The epoch is the store's.
func (r record) fields(epoch int64) (f fields) {
	at := r.idAt() + 16
	f.version = binary.LittleEndian.Uint64(r[at:])
	at += 8
	if r.is(hasSubject) {
		f.subject = r.subject()
		at += uvarintLen(len(f.subject.rest)) + len(f.subject.rest)
	}
	f.timesAt = at
	if r.is(wide) {
		at += 16
	} else {
		at += 8
	}
	created, n := binary.Varint(r[at:])
	at += n
	f.created = epoch + created
	lasts, n := binary.Varint(r[at:])
	at += n
	if r.is(wholeSeconds) {
		lasts *= 1000
	}
	f.deadline = f.created + lasts
	if r.is(wide) {
		f.seen = int64(binary.LittleEndian.Uint64(r[f.timesAt:]))
		f.expires = int64(binary.LittleEndian.Uint64(r[f.timesAt+8:]))
	} else {
		f.seen = f.created - bias + int64(binary.LittleEndian.Uint32(r[f.timesAt:]))
		f.expires = f.created - bias + int64(binary.LittleEndian.Uint32(r[f.timesAt+4:]))
	}
	length, n := binary.Uvarint(r[at:])
	at += n
	f.size = at + int(length)
	f.data = r[at:f.size:f.size]
	return f
}

// setTimes moves seen and expires, and tells whether they fit in the room that
// the record has for them.
func (r record) setTimes(f *fields, seen, expires int64) bool {
	switch {
	case r.is(wide):
		binary.LittleEndian.PutUint64(r[f.timesAt:], uint64(seen))
		binary.LittleEndian.PutUint64(r[f.timesAt+8:], uint64(expires))
	case near(f.created, seen) && near(f.created, expires):
		binary.LittleEndian.PutUint32(r[f.timesAt:], uint32(seen-f.created+bias))
		binary.LittleEndian.PutUint32(r[f.timesAt+4:], uint32(expires-f.created+bias))
	default:
		return false
	}
	return true
}

// near tells whether a time can be told in 4 bytes.
func near(created, t int64) bool {
	return uint64(t-created+bias) < 1<<32
}

// record returns the fields as the record that callers know, which shares the
// data.
func (f *fields) record(id store.ID, subject string) store.Record {
	return store.Record{
		ID:       id,
		Version:  f.version,
		Subject:  subject,
		Data:     f.data,
		Created:  time.UnixMilli(f.created).UTC(),
		Seen:     time.UnixMilli(f.seen).UTC(),
		Expires:  time.UnixMilli(f.expires).UTC(),
		Deadline: time.UnixMilli(f.deadline).UTC(),
	}
}

// live tells whether the record has yet to expire.
func (f *fields) live(now int64) bool { return now < f.expires }

func uvarintLen(n int) int {
	size := 1
	for n >= 0x80 {
		n >>= 7
		size++
	}
	return size
}
