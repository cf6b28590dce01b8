package memstore_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// Use of a record moves when it expires, and changes nothing else.
func ExampleStore_Touch() {
	ctx := context.Background()
	s := memstore.New()
	defer s.Close()

	now := time.Now().UTC().Truncate(time.Millisecond)
	rec := store.Record{ID: store.ID{15: 1}, Version: 1, Created: now, Seen: now, Expires: now.Add(time.Hour)}
	if err := s.Create(ctx, rec); err != nil {
		log.Fatal(err)
	}
	if err := s.Touch(ctx, rec.ID, rec.Version, now.Add(time.Minute), now.Add(2*time.Hour)); err != nil {
		log.Fatal(err)
	}
	got, err := s.Load(ctx, rec.ID)
	fmt.Println("version", got.Version, "expires after", got.Expires.Sub(now), err)

	// Output: version 1 expires after 2h0m0s <nil>
}
