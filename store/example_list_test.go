package store_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A subject has two records. All but the one to spare are deleted.
func ExampleDeleteSubject() {
	ctx := context.Background()
	s := memstore.New()
	defer s.Close()
	for n := range byte(2) {
		rec := store.Record{ID: store.ID{15: n + 1}, Subject: "user-42", Expires: time.Now().Add(time.Hour)}
		if err := s.Create(ctx, rec); err != nil {
			log.Fatal(err)
		}
	}

	for id, err := range store.DeleteSubject(ctx, s, "user-42", store.ID{15: 1}) {
		fmt.Println("deleted:", id, err)
	}
	for rec, err := range store.List(ctx, s, "user-42") {
		fmt.Println("left:", rec.ID, err)
	}

	// Output:
	// deleted: AAAAAAAAAAAAAAAAAAAAAg <nil>
	// left: AAAAAAAAAAAAAAAAAAAAAQ <nil>
}
