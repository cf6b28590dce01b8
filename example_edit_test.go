package session_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A job that goes on when the handler has returned changes the session by ID.
func ExampleManager_Edit() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()
	done := make(chan error, 1)
	var progress = session.NewKey[int]("progress")

	mux := http.NewServeMux()
	mux.HandleFunc("/start", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		if err := progress.Set(s, 0); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		id := s.ID()
		if err := s.Save(r.Context()); err != nil { // the job must find it
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		go func() {
			done <- sessions.Edit(context.Background(), id, func(s *session.Session) error {
				return progress.Set(s, 100)
			})
		}()
	})
	visit(sessions.Handler(mux), "/start")
	fmt.Println("edited:", <-done)
	// Output:
	// /start 200:
	// edited: <nil>
}
