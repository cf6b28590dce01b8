package session_test

import (
	"fmt"
	"log"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// Config tells the settings that a program runs with, defaults included.
func ExampleManager_Config() {
	sessions, err := session.NewManager(memstore.New(), session.Config{App: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	cfg := sessions.Config()
	fmt.Println("cookie:", cfg.Cookie.Name)
	fmt.Println("a session ends after", cfg.Lifetime, "or", cfg.IdleTimeout, "without a request")
	// Output:
	// cookie: __Host-shop
	// a session ends after 24h0m0s or 1h0m0s without a request
}
