package csrf_test

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/store/memstore"
)

// A WebSocket has no headers of its own in a browser: the page sends the token as the
// first message, and the server verifies it.
func ExampleVerify() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		token, err := csrf.Token(session.FromContext(r.Context()))
		if err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		fmt.Fprint(w, token)
	})
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		message := r.URL.Query().Get("message") // the first one of the socket
		err := csrf.Verify(session.FromContext(r.Context()), message)
		fmt.Fprint(w, "refused: ", errors.Is(err, csrf.ErrRefused))
	})
	site := sessions.Handler(mux)

	page := httptest.NewRecorder()
	site.ServeHTTP(page, httptest.NewRequest("GET", "/page", nil))
	for _, message := range []string{page.Body.String(), "made-up"} {
		r := httptest.NewRequest("GET", "/socket?message="+message, nil)
		r.AddCookie(page.Result().Cookies()[0])
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		fmt.Println(w.Body)
	}
	// Output:
	// refused: false
	// refused: true
}
