package store_test

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/b4468f51/session/store"
)

// An ID is the same in a log, a link and JSON.
func ExampleParseID() {
	id := store.ID{15: 1}
	text := id.String()
	fmt.Println(text, id.IsZero())
	same, err := store.ParseID(text)
	fmt.Println(same == id, err)

	b, err := json.Marshal(map[string]store.ID{"session": id})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(b))

	// Output:
	// AAAAAAAAAAAAAAAAAAAAAQ false
	// true <nil>
	// {"session":"AAAAAAAAAAAAAAAAAAAAAQ"}
}
