package sqlstore_test

import (
	"context"
	"fmt"
	"log"

	"github.com/b4468f51/session/store/sqlstore"
)

// A nightly program deletes what has expired. The servers have a negative
// Config.GCInterval then.
func ExampleStore_GC() {
	var s *sqlstore.Store // from New
	n, err := s.GC(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("expired sessions deleted:", n)
}
