package session_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// An administrator ends any session by its ID, as a log or a list shows it. The next
// request of its client is anonymous.
func ExampleManager_Revoke() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	var logged string
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		if err := s.Login("user-42"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
		logged = s.ID().String()
	})
	mux.HandleFunc("/revoke", func(w http.ResponseWriter, r *http.Request) { // for administrators only
		id, err := session.ParseID(logged) // from a form
		if err != nil {
			http.Error(w, "that is no ID", http.StatusBadRequest)
			return
		}
		if err := sessions.Revoke(r.Context(), id); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q", session.FromContext(r.Context()).Subject())
	})
	visit(sessions.Handler(mux), "/login", "/", "/revoke", "/")
	// Output:
	// /login 200:
	// / 200: "user-42"
	// /revoke 200:
	// / 200: ""
}
