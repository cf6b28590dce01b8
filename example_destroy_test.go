package session_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A sign-out that Manager.Handler does not wrap needs no Session.
func ExampleManager_Destroy() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	inside := http.NewServeMux()
	inside.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		// ... after the password was checked:
		if err := session.FromContext(r.Context()).Login("user-42"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	inside.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q", session.FromContext(r.Context()).Subject())
	})
	mux := http.NewServeMux()
	mux.Handle("/", sessions.Handler(inside))
	mux.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) {
		if err := sessions.Destroy(w, r); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	visit(mux, "/login", "/", "/logout", "/")
	// Output:
	// /login 200:
	// / 200: "user-42"
	// /logout 200:
	// / 200: ""
}
