package redisstore

import (
	"context"
	"time"

	"github.com/b4468f51/session/store"
)

// Touch moves when a record was seen and when it expires, and sends no data.
// It is one round trip, and another one after it where the record has a
// subject: the index is told again, should it have lost the entry. See
// TouchRecord.
func (s *Store) Touch(ctx context.Context, id store.ID, old uint64, seen, expires time.Time) error {
	ctx, cancel, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	now := time.Now()
	defer s.own.wrote(id, store.Record{Version: old, Expires: expires}, now)
	answer, err := s.run(ctx, touchScript, s.recordKey(id), touchArgs(now, old, seen, expires, "1")...).AsStrSlice()
	if err != nil {
		return err
	}
	if len(answer) != 2 || answer[0] == "" || len(answer[1]) != 8 {
		return nil
	}
	end := sessionEnd(expires, timeAt([]byte(answer[1]), 0))
	return s.run(ctx, addScript, s.subjectKey(answer[0]), addArgs(now, id, end)...).Error()
}

// TouchRecord is Touch in one round trip: it knows the subject, so that the
// record and the index, which in Cluster may lie on different servers, are told
// at the same time.
func (s *Store) TouchRecord(ctx context.Context, rec store.Record, seen, expires time.Time) error {
	if rec.Subject == "" {
		return s.Touch(ctx, rec.ID, rec.Version, seen, expires)
	}
	ctx, cancel, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	now := time.Now()
	defer s.own.wrote(rec.ID, store.Record{Version: rec.Version, Expires: expires}, now)
	for _, result := range s.client.DoMulti(ctx,
		s.call(touchScript, s.recordKey(rec.ID), touchArgs(now, rec.Version, seen, expires, "0")),
		s.call(addScript, s.subjectKey(rec.Subject), addArgs(now, rec.ID, sessionEnd(expires, rec.Deadline))),
	) {
		if result.Error() != nil { // the server may not know a script, or the connection broke
			return s.Touch(ctx, rec.ID, rec.Version, seen, expires)
		}
	}
	return nil
}

func touchArgs(now time.Time, old uint64, seen, expires time.Time, answer string) []string {
	return []string{
		millis(now), lifetime(now, expires), number(old),
		number(uint64(seen.UnixMilli())) + number(uint64(expires.UnixMilli())),
		answer,
	}
}
