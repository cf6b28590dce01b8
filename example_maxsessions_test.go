package session_test

import (
	"errors"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A licence is for two devices of each user. On the third, the sign-in
// page says what to do.
func ExampleConfig_maxSessions() {
	sessions, err := session.NewManager(memstore.New(), session.Config{MaxSessions: 2, RefuseLogin: true})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	login := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// ... after the password was checked:
		s := session.FromContext(r.Context())
		err := s.Login("user-42")
		if err == nil {
			err = s.Save(r.Context()) // to see whether there are too many
		}
		switch {
		case errors.Is(err, session.ErrTooManySessions):
			http.Error(w, "sign out on another device first", session.ErrorStatus(err))
		case err != nil:
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	for range 3 {
		visit(sessions.Handler(login), "/login")
	}
	// Output:
	// /login 200:
	// /login 200:
	// /login 403: sign out on another device first
}
