package session_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// An app that is no browser sends its token in a header, and reads a new one from the
// answer.
func ExampleConfig_header() {
	sessions, err := session.NewManager(memstore.New(), session.Config{Header: "Authorization"})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		// ... after the password was checked:
		if err := session.FromContext(r.Context()).Login("user-42"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/me", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q", session.FromContext(r.Context()).Subject())
	})
	site := sessions.Handler(mux)

	w := httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequest("POST", "/login", nil))
	token := w.Header().Get("Session-Token")

	r := httptest.NewRequest("GET", "/me", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w = httptest.NewRecorder()
	site.ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output: "user-42"
}
