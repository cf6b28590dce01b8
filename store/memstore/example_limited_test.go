package memstore_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

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
