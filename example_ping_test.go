package session_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A health check answers 503 while the store does not answer. It stands outside of the
// middleware, and needs no session.
func ExampleManager_Ping() {
	s := memstore.New()
	sessions, err := session.NewManager(s, session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	healthz := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := sessions.Ping(r.Context()); err != nil {
			http.Error(w, "the session store does not answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, "ok")
	})
	visit(healthz, "/healthz")
	s.Close() // the store fails
	visit(healthz, "/healthz")
	// Output:
	// /healthz 200: ok
	// /healthz 503: the session store does not answer
}
