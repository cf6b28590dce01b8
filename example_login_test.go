package session_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// Login binds the session to a subject under a new token, and Destroy ends it.
func ExampleSession_Login() {
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
	mux.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) {
		if err := session.FromContext(r.Context()).Destroy(r.Context()); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q", session.FromContext(r.Context()).Subject())
	})
	visit(sessions.Handler(mux), "/", "/login", "/", "/logout", "/")
	// Output:
	// / 200: ""
	// /login 200:
	// / 200: "user-42"
	// /logout 200:
	// / 200: ""
}

// What a subject has open, and how to end it all.
func ExampleManager_List() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	login := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := session.FromContext(r.Context()).Login("user-42"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	visit(sessions.Handler(login), "/laptop")
	visit(sessions.Handler(login), "/phone")

	ctx := context.Background()
	for info, err := range sessions.List(ctx, "user-42") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(info.Subject, "is signed in for", time.Until(info.Deadline).Round(time.Hour))
	}
	n, err := sessions.RevokeAll(ctx, "user-42")
	fmt.Println(n, "revoked", err)
	// Output:
	// /laptop 200:
	// /phone 200:
	// user-42 is signed in for 24h0m0s
	// user-42 is signed in for 24h0m0s
	// 2 revoked <nil>
}

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
