package session_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
	"github.com/justinas/alice"
)

// A middleware of one's own refuses who has not agreed to the terms.
func ExampleManager_Inside() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()
	agreed := session.NewKey[bool]("agreed")

	requireTerms := func(next http.Handler) http.Handler {
		return sessions.Inside("requireTerms", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if yes, _ := agreed.Get(s); !yes {
				http.Error(w, "agree to the terms first", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	site := alice.New(sessions.Handler, requireTerms).Then(http.NotFoundHandler())

	w := httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 403 agree to the terms first
}
