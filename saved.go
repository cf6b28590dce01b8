package session

import (
	"time"

	"github.com/b4468f51/session/store"
)

// saved is a record as a session keeps it for its request: every request does,
// and so the times take a third of the room.
type saved struct {
	id      ID
	version uint64
	subject string
	data    []byte

	created, seen, expires, deadline millis
}

func (s *saved) set(rec *store.Record) {
	*s = saved{
		id: rec.ID, version: rec.Version, subject: rec.Subject, data: rec.Data,
		created: millisOf(rec.Created), seen: millisOf(rec.Seen),
		expires: millisOf(rec.Expires), deadline: millisOf(rec.Deadline),
	}
}

func (s *saved) record() store.Record {
	return store.Record{
		ID: s.id, Version: s.version, Subject: s.subject, Data: s.data,
		Created: s.created.time(), Seen: s.seen.time(),
		Expires: s.expires.time(), Deadline: s.deadline.time(),
	}
}

// millis is a time as stores keep it: Unix milliseconds, and 0 for none.
type millis int64

func millisOf(t time.Time) millis {
	if t.IsZero() {
		return 0
	}
	return millis(t.UnixMilli())
}

// time returns t in UTC, and the zero Time for none.
func (t millis) time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(t)).UTC()
}

func (t millis) add(d time.Duration) millis { return t + millis(d.Milliseconds()) }

// epoch is any time. Time since it is monotonic, and to ask for it costs half of
// what time.Now does, which has the wall clock to ask too.
var epoch = time.Now()

func (t millis) sub(u millis) time.Duration { return time.Duration(t-u) * time.Millisecond }
