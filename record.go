package session

import (
	"time"

	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/store"
)

// savedOf returns what a request keeps of a record.
func savedOf(rec *store.Record) saved {
	return saved{
		id: rec.ID, version: rec.Version, subject: rec.Subject, data: rec.Data,
		created: envelope.MillisOf(rec.Created), seen: envelope.MillisOf(rec.Seen),
		expires: envelope.MillisOf(rec.Expires), deadline: envelope.MillisOf(rec.Deadline),
	}
}

// recordOf is the inverse of savedOf.
func recordOf(s *saved) store.Record {
	return store.Record{
		ID: s.id, Version: s.version, Subject: s.subject, Data: s.data,
		Created: s.created.Time(), Seen: s.seen.Time(),
		Expires: s.expires.Time(), Deadline: s.deadline.Time(),
	}
}

// milli returns t as a store keeps it.
func milli(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
