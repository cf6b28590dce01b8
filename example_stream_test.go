package session_test

import (
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A stream runs for hours. Touch keeps its session alive, and ends the stream after a
// sign-out on another page.
func ExampleSession_Touch() {
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
	mux.HandleFunc("/news", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		for n := 1; ; n++ {
			if err := s.Touch(r.Context()); err != nil { // once a minute in a real program
				fmt.Fprint(w, "goodbye: ", errors.Is(err, session.ErrEnded))
				return
			}
			fmt.Fprintf(w, "news %d; ", n)
			http.NewResponseController(w).Flush()
			if n == 2 { // the user signs out everywhere meanwhile
				if _, err := sessions.RevokeAll(r.Context(), s.Subject()); err != nil {
					log.Print(err)
				}
			}
		}
	})
	visit(sessions.Handler(mux), "/login", "/news")
	// Output:
	// /login 200:
	// /news 200: news 1; news 2; goodbye: true
}
