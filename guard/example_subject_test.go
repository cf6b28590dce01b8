package guard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/guard"
	"github.com/justinas/alice"
)

// A visitor's browser is sent to the sign-in page, and a script is told 401.
func ExampleRequireSubject() {
	sessions := newSessions()
	defer sessions.Close()
	private := alice.New(sessions.Handler, guard.RequireSubject("/signin"))
	site := private.ThenFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello,", session.FromContext(r.Context()).Subject())
	})

	r := httptest.NewRequest("GET", "/orders?page=2", nil)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("Location"))

	w = httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequest("GET", "/orders?page=2", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output:
	// 303 /signin?return_to=%2Forders%3Fpage%3D2
	// 401 Session
}
