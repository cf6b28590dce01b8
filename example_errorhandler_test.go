package session_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// An API answers errors in JSON. The text of the error is for logs alone.
func ExampleConfig_errorHandler() {
	s := memstore.New()
	sessions, err := session.NewManager(s, session.Config{
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			status := session.ErrorStatus(err)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			if err := json.NewEncoder(w).Encode(map[string]string{"error": http.StatusText(status)}); err != nil {
				log.Print(err)
			}
		},
		Observer: func(context.Context, session.Event) {}, // quiet, for this example
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	site := sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := visits.Set(session.FromContext(r.Context()), 1); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		fmt.Fprint(w, "saved") // the client does not see it if the commit fails
	}))
	s.Close() // the store fails
	visit(site, "/")
	// Output:
	// / 503: {"error":"Service Unavailable"}
}
