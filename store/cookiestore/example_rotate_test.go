package cookiestore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/cookiestore"
)

// A new key in front of the old one opens what the old one sealed, and asks to seal it
// again. When the old key is removed, what it sealed has ended.
func ExampleKeyring_Open() {
	ctx := context.Background()
	oldKey, newKey := cookiestore.GenerateKey(), cookiestore.GenerateKey()
	ring := func(keys ...cookiestore.Key) *cookiestore.Keyring {
		r, err := cookiestore.New(keys...)
		if err != nil {
			log.Fatal(err)
		}
		return r
	}

	rec := store.Record{ID: store.ID{15: 1}, Expires: time.Now().Add(time.Hour), Data: []byte("a cart")}
	token, err := ring(oldKey).Seal(ctx, "shop", rec)
	if err != nil {
		log.Fatal(err)
	}

	got, reseal, err := ring(newKey, oldKey).Open(ctx, "shop", token)
	fmt.Printf("%s, to be sealed again: %t, %v\n", got.Data, reseal, err)

	_, _, err = ring(newKey).Open(ctx, "shop", token)
	fmt.Println("ended:", errors.Is(err, store.ErrNotFound))
	// Output:
	// a cart, to be sealed again: true, <nil>
	// ended: true
}
