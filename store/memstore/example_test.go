package memstore_test

import (
	"context"
	"encoding/binary"
	"errors"
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

// Imported for its side effect, the package is known to store.Open.
func Example_open() {
	s, err := store.Open("memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close(s)
	fmt.Println(store.Ping(context.Background(), s))

	// Output: <nil>
}

// A store with a limit refuses visitors before users, and says what to do.
func ExampleNewLimited() {
	ctx := context.Background()
	s := memstore.NewLimited(memstore.MinLimit)
	defer s.Close()

	now := time.Now()
	rec := store.Record{Created: now, Expires: now.Add(time.Hour), Data: make([]byte, 4096)}
	var err error
	for n := uint32(1); err == nil; n++ {
		binary.BigEndian.PutUint32(rec.ID[12:], n)
		err = s.Create(ctx, rec)
	}
	fmt.Println(errors.Is(err, memstore.ErrFull))

	rec.Subject = "user-42"
	fmt.Println(s.Create(ctx, rec))

	// Output:
	// true
	// <nil>
}
