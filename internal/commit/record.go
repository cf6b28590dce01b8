package commit

import (
	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/store"
)

// SavedOf returns what a request keeps of a record.
func SavedOf(rec *store.Record) change.Record {
	return change.Record{
		ID: rec.ID, Version: rec.Version, Subject: rec.Subject, Data: rec.Data,
		Created: envelope.MillisOf(rec.Created), Seen: envelope.MillisOf(rec.Seen),
		Expires: envelope.MillisOf(rec.Expires), Deadline: envelope.MillisOf(rec.Deadline),
	}
}

// RecordOf is the inverse of SavedOf.
func RecordOf(s *change.Record) store.Record {
	return store.Record{
		ID: s.ID, Version: s.Version, Subject: s.Subject, Data: s.Data,
		Created: s.Created.Time(), Seen: s.Seen.Time(),
		Expires: s.Expires.Time(), Deadline: s.Deadline.Time(),
	}
}
