package memstore_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A store keeps records for a session manager. Used alone, it swaps one version
// of a record for another.
func Example() {
	ctx := context.Background()
	s := memstore.New()
	defer s.Close()

	now := time.Now().UTC().Truncate(time.Millisecond)
	rec := store.Record{
		ID:       store.ID{15: 1},
		Version:  1,
		Subject:  "user-42",
		Created:  now,
		Seen:     now,
		Expires:  now.Add(time.Hour),
		Deadline: now.Add(24 * time.Hour),
		Data:     []byte("an empty cart"),
	}
	if err := s.Create(ctx, rec); err != nil {
		log.Fatal(err)
	}

	rec.Version, rec.Data = 2, []byte("one item")
	fmt.Println(s.Save(ctx, rec, 1))
	rec.Version, rec.Data = 3, []byte("another item")
	fmt.Println(s.Save(ctx, rec, 1)) // version 1 is not there any more

	for r, err := range s.List(ctx, "user-42") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", r.ID, r.Data)
	}

	// Output:
	// <nil>
	// store: the record is gone or has another version
	// AAAAAAAAAAAAAAAAAAAAAQ: one item
}
