package session_test

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A sign-in form has a box "remember me". Who ticks it stays signed in for a
// month, also when the browser was closed; for all others the sign-in ends with
// the browser, or an hour after the last request. Config.MaxLifetime allows the
// month.
func ExampleSession_SetLifetime() {
	const month = 30 * 24 * time.Hour
	sessions, err := session.NewManager(memstore.New(), session.Config{MaxLifetime: month})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		// ... after the password was checked:
		s := session.FromContext(r.Context())
		err := s.Login("user-42")
		if err == nil && r.FormValue("remember") != "" {
			err = s.SetLifetime(session.Lifetime{Absolute: month, Persistent: true}) // after Login, which ends it
		}
		if err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/account", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		own, ok := s.Lifetime()
		fmt.Fprintf(w, "remembered: %t, for %.0f hours, or %.0f without a request",
			ok && own.Persistent, time.Until(s.Deadline()).Hours(), time.Until(s.Expires()).Hours())
	})
	visit(sessions.Handler(mux), "/login", "/account", "/login?remember=on", "/account")
	// Output:
	// /login 200:
	// /account 200: remembered: false, for 24 hours, or 1 without a request
	// /login?remember=on 200:
	// /account 200: remembered: true, for 720 hours, or 720 without a request
}
