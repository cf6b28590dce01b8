package integration

import (
	crand "crypto/rand"
	"math/rand/v2"
	"time"

	"github.com/b4468f51/session/store"
)

// newRecord returns a live record of so much random data.
func newRecord(size int) store.Record {
	now := time.Now().UTC().Truncate(time.Millisecond)
	r := store.Record{
		Version:  rand.Uint64(),
		Subject:  "alice",
		Created:  now,
		Seen:     now,
		Expires:  now.Add(time.Hour),
		Deadline: now.Add(24 * time.Hour),
		Data:     make([]byte, size),
	}
	crand.Read(r.ID[:])
	crand.Read(r.Data)
	return r
}

// expired returns r, expired so long ago that it may be collected.
func expired(r store.Record) store.Record {
	r.Expires = time.Now().UTC().Truncate(time.Millisecond).Add(-store.GCDelay - time.Minute)
	return r
}
