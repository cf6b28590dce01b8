package session_test

import (
	"fmt"
	"log"

	"github.com/b4468f51/session"
)

// Open takes the store by URL, so that a setting moves an application from
// memory to a database. The store's package has to be imported.
func ExampleOpen() {
	sessions, err := session.Open("memory:", session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	_, err = session.Open("redis://localhost", session.Config{})
	fmt.Println(err)
	// Output:
	// session: unknown store "redis" (forgotten import?): import _ "github.com/b4468f51/session/store/redisstore"
}
