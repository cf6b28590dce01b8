package redisstore

import (
	"context"
	"strconv"
	"time"

	"github.com/b4468f51/session/store"
)

// The index of a subject is a sorted set of IDs. It holds every session of the
// subject, and may hold more: List loads the records, and looks.
//
// An entry is there before its record is, since the two may lie on different
// servers and no step spans both. So an entry without a record may be one that
// is about to have it. The score tells how long the entry has been there: it
// is the end of the session in seconds, times 2^20, plus the minute in which
// the entry was added last, modulo 2^20. That is an integer below 2^53, which
// a score holds exactly, and in the order of the ends.
const (
	minutes = 1 << 20
	maxEnd  = 1<<33 - 1 // the year 2242
)

// slack is how far the clocks of two machines may be apart, and how long an
// entry waits for its record.
const slack = store.GCDelay

// An entry is what the index has of a session.
type entry struct {
	id    store.ID
	score float64
}

// sessionEnd is when a session is over whatever happens, in seconds rounded up.
func sessionEnd(expires, deadline time.Time) int64 {
	ms := max(expires.UnixMilli(), deadline.UnixMilli())
	return min(max((ms+999)/1000, 0), maxEnd)
}

// minute is the part of a score that tells when it was given.
func minute(now time.Time) int64 { return (now.Unix()/60%minutes + minutes) % minutes }

// settled tells whether an entry was added so long ago that its record was
// written, if it ever was.
func (e entry) settled(now time.Time) bool {
	age := (minute(now) - int64(e.score)%minutes + minutes) % minutes
	// The half of the circle that lies ahead is that of clocks that are ahead.
	return age > int64(slack/time.Minute) && age < minutes/2
}

// index adds the entry of a record that is about to be written. Who has the record
// has the entry, after a failover too: so it waits as that does.
func (s *Store) index(ctx context.Context, now time.Time, rec store.Record, end int64) error {
	return s.runWait(ctx, addScript, s.subjectKey(rec.Subject), addArgs(now, rec.ID, end)...).Error()
}

func addArgs(now time.Time, id store.ID, end int64) []string {
	ttl := (end-now.Unix())*1000 + slack.Milliseconds()
	return []string{
		id.String(),
		strconv.FormatInt(end, 10),
		strconv.FormatInt(minute(now), 10),
		strconv.FormatInt(now.Add(-slack).Unix(), 10),
		strconv.FormatInt(ttl, 10),
	}
}
