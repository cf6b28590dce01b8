package session_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A code that was sent by mail is good for one attempt: whoever tries uses it up, and
// of two who try at once one finds it.
func ExampleKey_Take() {
	code := session.NewKey[string]("code")
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()
	try := func(w http.ResponseWriter, r *http.Request) {
		sent, ok, err := code.Take(r.Context(), session.FromContext(r.Context()))
		switch {
		case err != nil:
			http.Error(w, "try again", session.ErrorStatus(err))
		case !ok:
			fmt.Fprint(w, "ask for a code first")
		case sent != r.URL.Query().Get("code"):
			fmt.Fprint(w, "that is not it, and it was the only try")
		default:
			fmt.Fprint(w, "welcome")
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/send", func(w http.ResponseWriter, r *http.Request) {
		if err := code.Set(session.FromContext(r.Context()), "1234"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/try", try)
	site := sessions.Handler(mux)

	w := httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequest("GET", "/send", nil))
	cookie := w.Result().Cookies()[0]
	for range 2 {
		r := httptest.NewRequest("GET", "/try?code=1234", nil)
		r.AddCookie(cookie)
		w = httptest.NewRecorder()
		site.ServeHTTP(w, r)
		fmt.Println(w.Body)
	}
	// Output:
	// welcome
	// ask for a code first
}
