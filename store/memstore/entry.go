package memstore

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/b4468f51/session/store"
)

// An entry is a record that is about to be written. Its subject and data are
// the caller's, and copied when they are.
type entry struct {
	id       store.ID
	version  uint64
	subject  subject[string]
	data     []byte
	created  int64 // like the others Unix milliseconds
	seen     int64
	expires  int64
	deadline int64

	// own is the chunk that a large record has for itself, with the data at its
	// end. It is made before the shard is locked, since that takes its time.
	own []byte
}

func newEntry(r *store.Record, p *prefixes) entry {
	e := entry{
		id:       r.ID,
		version:  r.Version,
		subject:  p.add(r.Subject),
		data:     r.Data,
		created:  r.Created.UnixMilli(),
		seen:     r.Seen.UnixMilli(),
		expires:  r.Expires.UnixMilli(),
		deadline: r.Deadline.UnixMilli(),
	}
	e.makeOwn()
	return e
}

// makeOwn makes the chunk of a record that might be too large for a common one.
func (e *entry) makeOwn() {
	if n := maxHeader + len(e.subject.rest) + len(e.data); n > largest {
		e.own = slices.Grow([]byte(nil), n)[:n] // its capacity tells what it really takes
		copy(e.own[n-len(e.data):], e.data)
	}
}

func (e *entry) anonymous() bool { return e.subject == subject[string]{} }

// visitor tells whether it is an anonymous session, and no record of the manager's.
func (e *entry) visitor() bool { return e.anonymous() && e.created != noTime }

var noTime = time.Time{}.UnixMilli()

// appendHeader appends the record without its data. The links are left open.
func (e *entry) appendHeader(b []byte, epoch int64, inCrowd bool) []byte {
	flags := e.subject.prefix << prefixShift
	links := 0
	if !e.anonymous() {
		flags |= hasSubject
		links = 4
		if inCrowd {
			flags |= crowded
			links = 8
		}
	}
	isWide := !near(e.created, e.seen) || !near(e.created, e.expires)
	if isWide {
		flags |= wide
	}
	lasts := e.deadline - e.created
	if lasts%1000 == 0 {
		flags |= wholeSeconds
		lasts /= 1000
	}

	var none [8]byte
	b = append(b, none[:4]...)
	b = append(b, flags)
	b = append(b, none[:links]...)
	b = append(b, e.id[:]...)
	b = binary.LittleEndian.AppendUint64(b, e.version)
	if !e.anonymous() {
		b = binary.AppendUvarint(b, uint64(len(e.subject.rest)))
		b = append(b, e.subject.rest...)
	}
	if isWide {
		b = binary.LittleEndian.AppendUint64(b, uint64(e.seen))
		b = binary.LittleEndian.AppendUint64(b, uint64(e.expires))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(e.seen-e.created+bias))
		b = binary.LittleEndian.AppendUint32(b, uint32(e.expires-e.created+bias))
	}
	b = binary.AppendVarint(b, e.created-epoch)
	b = binary.AppendVarint(b, lasts)
	return binary.AppendUvarint(b, uint64(len(e.data)))
}
