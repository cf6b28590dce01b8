package session_test

import (
	"fmt"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// Settings that contradict each other are errors, and each is named.
func ExampleNewManager_contradiction() {
	_, err := session.NewManager(memstore.New(), session.Config{
		Cookie: session.Cookie{Name: "__Host-id", Domain: "example.com"},
	})
	fmt.Println(err)
	// Output:
	// session: Config.Cookie.Domain is "example.com": the prefix __Host- of Name rules a Domain out
}
