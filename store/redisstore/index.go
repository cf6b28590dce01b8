package redisstore

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/rueidis"

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
	id    string
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

// List returns the live records of a subject. It costs two round trips (more
// in Cluster, where each server is asked at once), and forgets the entries
// whose records are gone.
func (s *Store) List(ctx context.Context, subject string) ([]store.Record, error) {
	ctx, cancel, err := s.begin(ctx)
	if err != nil || subject == "" {
		return nil, err
	}
	defer cancel()
	entries, err := s.entries(ctx, subject)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	cmds := make(rueidis.Commands, len(entries))
	for i, e := range entries {
		cmds[i] = s.client.B().Get().Key(s.prefix + recordSpace + e.id).Build()
	}
	var found []store.Record
	var dead []string
	results := s.client.DoMulti(ctx, cmds...)
	now := time.Now()
	for i, result := range results {
		e := entries[i]
		id, err := store.ParseID(e.id)
		if err == nil {
			var r store.Record
			r, err = parseRecord(id, now, result)
			if err == nil && r.Subject == subject {
				found = append(found, r)
				continue
			}
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return nil, err
			}
		}
		if e.settled(now) {
			dead = append(dead, e.id, strconv.FormatFloat(e.score, 'f', 0, 64))
		}
	}
	if len(dead) > 0 {
		// What stays costs the next List a little more, and is no error.
		_ = s.run(ctx, forgetScript, s.subjectKey(subject), dead...).Error()
	}
	return found, nil
}

// entries reads the index of a subject.
func (s *Store) entries(ctx context.Context, subject string) ([]entry, error) {
	scores, err := s.client.Do(ctx, s.client.B().Zrange().Key(s.subjectKey(subject)).
		Min("0").Max("-1").Withscores().Build()).AsZScores()
	if err != nil {
		return nil, err
	}
	entries := make([]entry, len(scores))
	for i, z := range scores {
		entries[i] = entry{z.Member, z.Score}
	}
	return entries, nil
}
