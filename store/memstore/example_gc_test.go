package memstore_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A program that uses the store without a manager collects what has expired, now and
// then. A record is kept for store.GCDelay after it has expired.
func ExampleStore_GC() {
	ctx := context.Background()
	s := memstore.New()
	defer s.Close()

	now := time.Now()
	for n, expires := range []time.Time{now.Add(-time.Hour), now.Add(-time.Second), now.Add(time.Hour)} {
		if err := s.Create(ctx, store.Record{ID: store.ID{15: byte(n + 1)}, Expires: expires}); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(s.GC(ctx))

	// Output: 1 <nil>
}
