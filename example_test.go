package session_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
	"github.com/justinas/alice"
)

var visits = session.NewKey[int]("visits")

// The whole of it: a manager over a store, its middleware in a chain, and a
// handler that changes a typed value.
func Example() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		if err := visits.Update(s, func(n int) (int, error) { return n + 1, nil }); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		n, _ := visits.Get(s)
		fmt.Fprintf(w, "visit %d", n)
	})
	crossOrigin := http.NewCrossOriginProtection()
	handler := alice.New(crossOrigin.Handler, sessions.Handler).Then(mux)

	visit(handler, "/", "/", "/")
	// Output:
	// / 200: visit 1
	// / 200: visit 2
	// / 200: visit 3
}

// visit requests paths of a site, one after another, as one browser.
func visit(handler http.Handler, paths ...string) {
	server := httptest.NewTLSServer(handler) // the cookie is Secure
	defer server.Close()
	browser := server.Client()
	browser.Jar, _ = cookiejar.New(nil)
	for _, path := range paths {
		answer, err := browser.Get(server.URL + path)
		if err != nil {
			log.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		fmt.Println(strings.TrimSpace(fmt.Sprintf("%s %d: %s", path, answer.StatusCode, body)))
	}
}
