package redisstore

import (
	"sync"
	"time"

	"github.com/b4468f51/session/store"
)

// ownWrites knows what the Store wrote lately, so that nothing older comes out
// of the client's cache. Without it the cache would lag behind for a moment:
// the server's message that a record changed comes after the answer to who
// changed it. A nil *ownWrites knows nothing.
type ownWrites struct {
	ttl time.Duration // how old what comes out of the cache may be

	mu    sync.Mutex
	marks map[store.ID]mark
	next  time.Time // when to look for marks that are over
}

// A mark is how a record was written.
type mark struct {
	version uint64
	expires int64     // zero where no cached record will do
	done    time.Time // when the write had returned
	until   time.Time // from here on the cache has nothing from before
}

func newOwnWrites(ttl time.Duration) *ownWrites {
	return &ownWrites{ttl: ttl, marks: map[store.ID]mark{}}
}

// wrote is called after each write, whatever came of it. Another writer may
// have come in between, so a mark is no record: what differs from it is loaded
// from the server.
func (o *ownWrites) wrote(id store.ID, rec store.Record, began time.Time) {
	if o == nil {
		return
	}
	now := time.Now()
	m := mark{version: rec.Version, done: now, until: now.Add(o.ttl)}
	if !rec.Expires.IsZero() {
		m.expires = rec.Expires.UnixMilli()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if last, ok := o.marks[id]; ok && began.Before(last.done) {
		m.expires = 0 // which of the two came last, nobody knows
	}
	o.marks[id] = m
	if began.Before(o.next) {
		return
	}
	o.next = began.Add(o.ttl)
	for id, m := range o.marks {
		if began.After(m.until) {
			delete(o.marks, id)
		}
	}
}

// fresh tells whether what came out of the cache, the zero Record for nothing,
// is at least as new as what the Store wrote.
func (o *ownWrites) fresh(id store.ID, rec store.Record, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	m, ok := o.marks[id]
	if !ok || now.After(m.until) {
		return true
	}
	return m.expires != 0 && rec.Version == m.version && rec.Expires.UnixMilli() == m.expires
}
