package memstore_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// One record is deleted by its ID, and those of a subject together.
func ExampleStore_DeleteSubject() {
	ctx := context.Background()
	s := memstore.New()
	defer s.Close()
	for n := range byte(3) {
		rec := store.Record{ID: store.ID{15: n + 1}, Subject: "user-42", Expires: time.Now().Add(time.Hour)}
		if err := s.Create(ctx, rec); err != nil {
			log.Fatal(err)
		}
	}

	fmt.Println(s.Delete(ctx, store.ID{15: 1}))
	n := 0
	for _, err := range s.DeleteSubject(ctx, "user-42", store.ID{}) { // spares none
		if err != nil {
			log.Fatal(err)
		}
		n++
	}
	fmt.Println(n, "more deleted")

	// Output:
	// <nil>
	// 2 more deleted
}
