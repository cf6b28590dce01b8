package sqlstore_test

import (
	"context"
	"fmt"
	"log"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/sqlstore"
)

// A support tool shows the sessions of a user, and ends all of them.
func ExampleStore_DeleteSubject() {
	var s *sqlstore.Store // from New
	ctx := context.Background()
	for rec, err := range s.List(ctx, "user-42") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rec.ID, "was last used at", rec.Seen)
	}
	for id, err := range s.DeleteSubject(ctx, "user-42", store.ID{}) { // spares none
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(id, "has ended")
	}
}
