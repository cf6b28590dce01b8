package session_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A user who changes the password gives the old one once more, and is signed out
// everywhere else.
func ExampleManager_RevokeOthers() {
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
	mux.HandleFunc("/password", func(w http.ResponseWriter, r *http.Request) {
		// ... after the old password was checked and the new one was stored:
		s := session.FromContext(r.Context())
		if err := s.Reauthenticate(0); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		n, err := sessions.RevokeOthers(r.Context(), s)
		if err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		fmt.Fprintf(w, "changed; %d other devices are signed out", n)
	})
	site := sessions.Handler(mux)
	visit(site, "/login") // the phone
	visit(site, "/login", "/password")
	// Output:
	// /login 200:
	// /login 200:
	// /password 200: changed; 1 other devices are signed out
}
