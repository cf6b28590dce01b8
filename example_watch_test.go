package session_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A stream goes on for hours. It closes when its user signs out everywhere, and shows what other
// requests change.
func ExampleSession_Watch() {
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
		watch, err := s.Watch(r.Context())
		if err != nil {
			http.Error(w, "sign in", http.StatusUnauthorized)
			return
		}
		defer watch.Stop()
		go elsewhere(sessions, s.ID(), s.Subject())
		for {
			select {
			case <-watch.Changed():
				if s.Reload(watch) == nil {
					fmt.Fprintf(w, "the theme is %v; ", s.Get("theme"))
					changeSeen <- true
				}
			case <-watch.Done():
				fmt.Fprintf(w, "goodbye: %v", context.Cause(watch) == session.ErrEnded)
				return
			}
		}
	})
	visit(sessions.Handler(mux), "/login", "/news")
	// Output:
	// /login 200:
	// /news 200: the theme is dark; goodbye: true
}

var changeSeen = make(chan bool)

// elsewhere changes the session, and then signs its user out, as other requests do.
func elsewhere(sessions *session.Manager, id session.ID, subject string) {
	err := sessions.Edit(context.Background(), id, func(s *session.Session) error { return s.Set("theme", "dark") })
	if err != nil {
		log.Print(err)
	}
	<-changeSeen
	if _, err := sessions.RevokeAll(context.Background(), subject); err != nil {
		log.Print(err)
	}
}
