package memstore_test

import (
	"context"
	"fmt"

	"github.com/b4468f51/session/store/memstore"
)

// The store answers until it is closed.
func ExampleStore_Ping() {
	ctx := context.Background()
	s := memstore.New()
	fmt.Println(s.Ping(ctx) == nil)
	s.Close()
	fmt.Println(s.Ping(ctx) == nil)

	// Output:
	// true
	// false
}
