package session_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// A separate program collects garbage, once a night. The servers have a negative
// GCInterval too, and do not collect.
func ExampleManager_GC() {
	ctx := context.Background()
	s := memstore.New()
	defer s.Close()
	past := time.Now().Add(-time.Hour)
	if err := s.Create(ctx, store.Record{ID: store.ID{15: 1}, Created: past, Expires: past}); err != nil {
		log.Fatal(err)
	}

	sessions, err := session.NewManager(s, session.Config{GCInterval: -1})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()
	n, err := sessions.GC(ctx)
	fmt.Println(n, "expired session deleted", err)
	// Output: 1 expired session deleted <nil>
}
