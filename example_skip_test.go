package session_test

import (
	"fmt"
	"log"
	"net/http"
	"strings"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// Static files need no session, and a page that asks for news every minute must not
// keep its session alive.
func ExampleConfig_skip() {
	sessions, err := session.NewManager(memstore.New(), session.Config{
		Skip:    func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/static/") },
		Passive: func(r *http.Request) bool { return r.URL.Path == "/news" },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "a session: ", session.FromContext(r.Context()) != nil)
	})
	visit(sessions.Handler(mux), "/static/logo.svg", "/news")
	// Output:
	// /static/logo.svg 200: a session: false
	// /news 200: a session: true
}
