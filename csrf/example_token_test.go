package csrf_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/store/memstore"
	"github.com/justinas/alice"
)

// A script sends the token in a header: put it into the page, or answer a GET with it.
func ExampleToken() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("GET /token", func(w http.ResponseWriter, r *http.Request) {
		token, err := csrf.Token(session.FromContext(r.Context()))
		if err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		fmt.Fprint(w, token)
	})
	mux.HandleFunc("PUT /address", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "saved") })
	site := alice.New(sessions.Handler, csrf.Require).Then(mux)

	got := httptest.NewRecorder()
	site.ServeHTTP(got, httptest.NewRequest("GET", "/token", nil))

	r := httptest.NewRequest("PUT", "/address", nil)
	r.Header.Set("X-CSRF-Token", got.Body.String())
	r.AddCookie(got.Result().Cookies()[0])
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output: 200 saved
}
