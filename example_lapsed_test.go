package session_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// The sign-in page tells users why they are there again, once.
func ExampleSession_Lapsed() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
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
	mux.HandleFunc("/signin", func(w http.ResponseWriter, r *http.Request) {
		if session.FromContext(r.Context()).Lapsed() {
			fmt.Fprint(w, "You have been signed out. ")
		}
		fmt.Fprint(w, "Please sign in.")
	})
	mux.HandleFunc("/admin", func(w http.ResponseWriter, r *http.Request) { // somebody else signs the user out
		if _, err := sessions.RevokeAll(r.Context(), "user-42"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	visit(sessions.Handler(mux), "/signin", "/login", "/admin", "/signin", "/signin")
	// Output:
	// /signin 200: Please sign in.
	// /login 200:
	// /admin 200:
	// /signin 200: You have been signed out. Please sign in.
	// /signin 200: Please sign in.
}
