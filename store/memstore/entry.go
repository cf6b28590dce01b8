package memstore

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/b4468f51/session/store"
)

// An entry is a record as it is kept: times are Unix milliseconds, a third of
// the size of a time.Time. Its data is never written to, only replaced, since
// callers share it.
type entry struct {
	id       store.ID
	version  uint64
	subject  string
	data     []byte
	created  int64
	seen     int64
	expires  int64
	deadline int64

	due        int64 // when GC looks at it: never after expires
	queueIndex int32 // in the shard's queue
	indexIndex int32 // in the shard's index, under the subject
}

// newEntry returns an entry with copies of what the record's caller owns. The
// subject is copied too: it may be a piece of a longer string.
func newEntry(r store.Record) *entry {
	return &entry{
		id:       r.ID,
		version:  r.Version,
		subject:  strings.Clone(r.Subject),
		data:     slices.Clip(bytes.Clone(r.Data)), // no append of two callers meets in spare room
		created:  r.Created.UnixMilli(),
		seen:     r.Seen.UnixMilli(),
		expires:  r.Expires.UnixMilli(),
		deadline: r.Deadline.UnixMilli(),
	}
}

// record returns the entry as a record, which shares the data.
func (e *entry) record() store.Record {
	return store.Record{
		ID:       e.id,
		Version:  e.version,
		Subject:  e.subject,
		Data:     e.data,
		Created:  time.UnixMilli(e.created).UTC(),
		Seen:     time.UnixMilli(e.seen).UTC(),
		Expires:  time.UnixMilli(e.expires).UTC(),
		Deadline: time.UnixMilli(e.deadline).UTC(),
	}
}

// live tells whether the entry has yet to expire.
func (e *entry) live(now int64) bool { return now < e.expires }
