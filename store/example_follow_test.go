package store_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A program that shows records wants to know when they change. A store that cannot tell is asked
// now and then, for all records at once.
func ExampleFollow() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := memstore.New()
	defer s.Close()
	rec := store.Record{ID: store.ID{15: 1}, Expires: time.Now().Add(time.Hour)}
	if err := s.Create(ctx, rec); err != nil {
		log.Fatal(err)
	}

	err := store.Follow(ctx, s, func(id store.ID) {
		// ... load it again, with LoadAll
	})
	if errors.Is(err, errors.ErrUnsupported) {
		records, err := store.LoadAll(ctx, s, []store.ID{{15: 1}, {15: 2}})
		fmt.Println("there are", len(records), err)
	}
	// Output: there are 1 <nil>
}
