package session_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A page waits for a payment. The payment service tells another handler, which changes
// the session by its ID. Reload shows the change.
func ExampleSession_Reload() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()
	paid := session.NewKey[bool]("paid")

	paymentArrives := func(ctx context.Context, id session.ID) error { // a webhook in a real program
		return sessions.Edit(ctx, id, func(s *session.Session) error { return paid.Set(s, true) })
	}
	wait := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		err := paid.Set(s, false)
		if err == nil {
			err = s.Save(r.Context()) // the webhook must find it
		}
		if err == nil {
			err = paymentArrives(r.Context(), s.ID())
		}
		before, _ := paid.Get(s)
		if err == nil {
			err = s.Reload(r.Context())
		}
		if err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		after, _ := paid.Get(s)
		fmt.Fprintf(w, "paid: %t, and after Reload: %t", before, after)
	})
	visit(sessions.Handler(wait), "/")
	// Output:
	// / 200: paid: false, and after Reload: true
}
