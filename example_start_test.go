package session_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// Start is for a handler without a middleware: the session is stored, and its
// cookie set, when it returns.
func ExampleManager_Start() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := sessions.Start(w, r)
		if err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		err = visits.Update(s, func(n int) (int, error) { return n + 1, nil })
		if err == nil {
			err = s.Save(r.Context())
		}
		if err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		n, _ := visits.Get(s)
		fmt.Fprint(w, "visit ", n)
	})
	visit(handler, "/", "/")
	// Output:
	// / 200: visit 1
	// / 200: visit 2
}
