package sqlstore_test

import (
	"context"
	"fmt"
	"log"

	"github.com/b4468f51/session/store/sqlstore"
)

// A separate program deletes what has expired, once a night. The servers have a negative
// Config.GCInterval, and do not collect.
func ExampleStore_GC() {
	var s *sqlstore.Store // from New
	n, err := s.GC(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("expired sessions deleted:", n)
}
