package session_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// Robots without cookies cannot fill the store: it takes two new visitors a minute here.
// Users still sign in.
func ExampleLimitRate() {
	sessions, err := session.NewManager(memstore.New(), session.Config{
		AdmitAnonymous: session.LimitRate(2, time.Minute),
	})
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
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if err := visits.Set(session.FromContext(r.Context()), 1); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	site := sessions.Handler(mux)
	for _, path := range []string{"/", "/", "/", "/login"} { // four clients
		w := httptest.NewRecorder()
		site.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(path, w.Code)
	}
	// Output:
	// / 200
	// / 200
	// / 429
	// /login 200
}
