package store_test

import (
	"fmt"
	"log"
	"slices"

	"github.com/b4468f51/session/store"
	_ "github.com/b4468f51/session/store/memstore" // known as "memory"
)

// A program opens the store that its configuration names. Its package must be imported.
func ExampleOpen() {
	s, err := store.Open("memory:")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close(s)

	_, err = store.Open("forgotten://user:password@host")
	fmt.Println(err)
	// Output: session: unknown store "forgotten" (forgotten import?)
}

// A program tells which stores it was built with.
func ExampleNames() {
	fmt.Println(slices.Contains(store.Names(), "memory"))
	// Output: true
}
