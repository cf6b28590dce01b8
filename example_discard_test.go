package session_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A form has several fields, and one of them is bad. Discard drops what the handler has
// set so far.
func ExampleSession_Discard() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/settings", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		for name, values := range r.URL.Query() {
			if err := s.Set(name, values[0]); err != nil {
				http.Error(w, "try again", session.ErrorStatus(err))
				return
			}
		}
		if s.Get("language") == "klingon" {
			s.Discard()
			http.Error(w, "we do not speak that", http.StatusBadRequest)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		fmt.Fprint(w, s.Get("theme"), ", ", s.Get("language"))
	})
	visit(sessions.Handler(mux), "/settings?theme=light&language=fr", "/settings?theme=dark&language=klingon", "/")
	// Output:
	// /settings?theme=light&language=fr 200:
	// /settings?theme=dark&language=klingon 400: we do not speak that
	// / 200: light, fr
}
