package session_test

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A page shows when the session began and when it ends. IsNew tells whether
// this request has begun it.
func ExampleSession_IsNew() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		if s.IsNew() {
			if err := visits.Set(s, 1); err != nil { // only a session with a change is stored
				http.Error(w, "try again", session.ErrorStatus(err))
				return
			}
			fmt.Fprint(w, "welcome")
			return
		}
		fmt.Fprintf(w, "welcome back: began %.0f minutes ago, seen %.0f minutes ago, ends in %.0f hours",
			time.Since(s.Created()).Minutes(), time.Since(s.Seen()).Minutes(), time.Until(s.Deadline()).Hours())
	})
	visit(sessions.Handler(page), "/", "/")
	// Output:
	// / 200: welcome
	// / 200: welcome back: began 0 minutes ago, seen 0 minutes ago, ends in 24 hours
}
