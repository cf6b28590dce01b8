package session_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A page for administrators looks into the session of a user. It changes nothing, and does
// not count as use of the session.
func ExampleManager_View() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	var id session.ID // an administrator finds it in Manager.List, or in a log
	visit(sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		if err := visits.Set(s, 7); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
		id = s.ID()
	})), "/")

	ctx := context.Background()
	err = sessions.View(ctx, id, func(s *session.Session) error {
		n, _ := visits.Get(s)
		fmt.Println("visits:", n)
		return nil
	})
	fmt.Println(err)

	err = sessions.View(ctx, session.ID{15: 1}, func(*session.Session) error { return nil })
	fmt.Println("unknown:", errors.Is(err, session.ErrEnded))
	// Output:
	// / 200:
	// visits: 7
	// <nil>
	// unknown: true
}
