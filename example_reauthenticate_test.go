package session_test

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A user gives a second factor, which is level 1 in this program.
func ExampleSession_Reauthenticate() {
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
	mux.HandleFunc("/second-factor", func(w http.ResponseWriter, r *http.Request) {
		// ... after the code was checked:
		if err := session.FromContext(r.Context()).Reauthenticate(1); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		fmt.Fprintf(w, "level %d, a moment ago: %t", s.Level(), time.Since(s.AuthenticatedAt()) < time.Minute)
	})
	visit(sessions.Handler(mux), "/", "/login", "/", "/second-factor", "/")
	// Output:
	// / 200: level 0, a moment ago: false
	// /login 200:
	// / 200: level 0, a moment ago: true
	// /second-factor 200:
	// / 200: level 1, a moment ago: true
}
