package sqlstore_test

import (
	"context"
	"fmt"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/sqlstore"
)

// Who of these is still there? One statement tells.
func ExampleStore_LoadAll() {
	var s *sqlstore.Store // from New
	live := func(ctx context.Context, ids []store.ID) error {
		records, err := s.LoadAll(ctx, ids)
		for _, rec := range records {
			fmt.Println(rec.ID, "until", rec.Expires)
		}
		return err
	}
	_ = live
}
