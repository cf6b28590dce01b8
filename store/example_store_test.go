package store_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A Store keeps records. Two programs write one record: the second finds that the version
// it wants to replace is gone, and loads the record again.
func ExampleStore() {
	ctx := context.Background()
	var s store.Store = memstore.New()
	defer store.Close(s)

	now := time.Now().UTC().Truncate(time.Millisecond)
	rec := store.Record{
		ID:       store.ID{15: 1},
		Version:  1,
		Created:  now,
		Seen:     now,
		Expires:  now.Add(time.Hour),
		Deadline: now.Add(24 * time.Hour),
		Data:     []byte("an empty cart"),
	}
	if err := s.Create(ctx, rec); err != nil {
		log.Fatal(err)
	}

	one, two := rec, rec
	one.Version, one.Data = 2, []byte("a book")
	two.Version, two.Data = 3, []byte("a pen")
	fmt.Println("one:", s.Save(ctx, one, 1))
	fmt.Println("two:", s.Save(ctx, two, 1))

	got, err := s.Load(ctx, rec.ID)
	fmt.Printf("version %d: %s, %v\n", got.Version, got.Data, err)

	// Use of a session moves its times and leaves its version.
	later := now.Add(time.Minute)
	if err := store.Touch(ctx, s, got, later, later.Add(time.Hour)); err != nil {
		log.Fatal(err)
	}
	got, err = s.Load(ctx, rec.ID)
	fmt.Println("version", got.Version, "seen after", got.Seen.Sub(now), err)

	fmt.Println(s.Delete(ctx, rec.ID))
	_, err = s.Load(ctx, rec.ID)
	fmt.Println(err)

	// Output:
	// one: <nil>
	// two: store: the record is gone or has another version
	// version 2: a book, <nil>
	// version 2 seen after 1m0s <nil>
	// <nil>
	// store: no such record
}
