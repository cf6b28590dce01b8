package memstore_test

import (
	"context"
	"fmt"
	"log"

	"github.com/b4468f51/session/store"
	_ "github.com/b4468f51/session/store/memstore"
)

// Imported for its side effect, the package is known to store.Open.
func Example_open() {
	s, err := store.Open("memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close(s)
	fmt.Println(store.Ping(context.Background(), s))

	// Output: <nil>
}
