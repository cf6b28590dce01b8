package store_test

import (
	"context"
	"fmt"
	"log"

	"github.com/b4468f51/session/store"
)

// In the package of a store, init makes it known under the scheme of its URLs.
// Who imports the package, if only for that, opens the store by URL.
func init() {
	store.Register("example", func(url string) (store.Store, error) {
		return plain{}, nil // connect to what the URL names
	})
}

func ExampleRegister() {
	s, err := store.Open("example://host")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close(s)
	_, err = s.Load(context.Background(), store.ID{15: 1})
	fmt.Println(err)

	// Output: store: no such record
}
