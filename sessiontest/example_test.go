package sessiontest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/sessiontest"
)

var visits = session.NewKey[int]("visits")

// welcome is the handler under test.
func welcome(w http.ResponseWriter, r *http.Request) {
	s := session.FromContext(r.Context())
	n, _ := visits.Get(s)
	if err := visits.Set(s, n+1); err != nil {
		http.Error(w, "no session", http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "%s was here %d times", s.Subject(), n)
}

func ExampleRequest() {
	t := &testing.T{} // in a test, its own

	r, s := sessiontest.Request(t, httptest.NewRequest("GET", "/", nil), sessiontest.Options{
		Subject: "user-42",
		Values:  map[string]any{"visits": 7},
	})
	w := httptest.NewRecorder()
	welcome(w, r)

	fmt.Println(w.Body)
	fmt.Println(visits.Get(s))
	// Output:
	// user-42 was here 7 times
	// 8 true
}
