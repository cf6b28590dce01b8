package guard_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/guard"
	"github.com/b4468f51/session/store/memstore"
	"github.com/justinas/alice"
)

// Who has been signed in for a while is asked for the password again before it
// is changed, and a change signs the user's other devices out.
func ExampleRequireRecent() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/signin", func(w http.ResponseWriter, r *http.Request) {
		if err := session.FromContext(r.Context()).Login("user-42"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		http.Redirect(w, r, guard.ReturnTo(r, "/"), http.StatusSeeOther)
	})
	private := alice.New(
		guard.RequireSubject("/signin"),
		guard.RequireRecent(10*time.Minute, "/confirm"))
	mux.Handle("/password", private.ThenFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := sessions.RevokeOthers(r.Context(), session.FromContext(r.Context()))
		if err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		fmt.Fprintf(w, "changed; %d other devices are signed out", n)
	}))
	site := sessions.Handler(mux)

	r := httptest.NewRequest("GET", "/password", nil)
	r.Header.Set("Accept", "text/html") // a browser; others get 401
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	there := w.Header().Get("Location")
	fmt.Println(w.Code, there)

	w = httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequest("GET", there, nil))
	fmt.Println(w.Code, w.Header().Get("Location"))

	r = httptest.NewRequest("GET", "/password", nil)
	r.AddCookie(w.Result().Cookies()[0])
	w = httptest.NewRecorder()
	site.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// 303 /signin?return_to=%2Fpassword
	// 303 /password
	// 200 changed; 0 other devices are signed out
}
