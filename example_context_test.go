package session_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A job in the background calls code that takes the session from the context. NewContext
// puts it there.
func ExampleNewContext() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	// greet is code that handlers and jobs share.
	greet := func(ctx context.Context) string {
		n, _ := visits.Get(session.FromContext(ctx))
		return fmt.Sprint("visits: ", n)
	}

	var id session.ID
	visit(sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		if err := visits.Set(s, 3); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		id = s.ID()
		fmt.Fprint(w, greet(r.Context()))
	})), "/")

	ctx := context.Background()
	err = sessions.View(ctx, id, func(s *session.Session) error {
		fmt.Println("in the job,", greet(session.NewContext(ctx, s)))
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// / 200: visits: 3
	// in the job, visits: 3
}
