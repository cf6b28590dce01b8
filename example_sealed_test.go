package session_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/cookiestore"
	"github.com/b4468f51/session/store/memstore"
)

// Sessions without a store: the cookie holds the whole session, sealed. With NotBefore
// a user can still be signed out everywhere.
func ExampleNewSealed() {
	ring, err := cookiestore.New(cookiestore.GenerateKey()) // cookiestore.KeysFromEnv in production
	if err != nil {
		log.Fatal(err)
	}
	revoked := memstore.New() // shared by all machines in production
	defer revoked.Close()
	sessions, err := session.NewSealed(ring, session.Config{NotBefore: revoked})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		// ... after the password was checked:
		if err := session.FromContext(r.Context()).Login("user-42"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/revoke-all", func(w http.ResponseWriter, r *http.Request) {
		if _, err := sessions.RevokeAll(r.Context(), "user-42"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q", session.FromContext(r.Context()).Subject())
	})
	visit(sessions.Handler(mux), "/login", "/", "/revoke-all", "/")
	// Output:
	// /login 200:
	// / 200: "user-42"
	// /revoke-all 200:
	// / 200: ""
}
