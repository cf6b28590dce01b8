package guard_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/b4468f51/session/guard"
	"github.com/justinas/alice"
)

// One guard stands around a whole site, its sign-in page included. Requests below
// /api/ get 401, whatever they accept.
func ExampleGuard() {
	sessions := newSessions()
	defer sessions.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/signin", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "who are you?") })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "inside") })
	g := guard.Guard{
		SignIn:    "/signin",
		Confirm:   "/confirm",
		Redirects: func(r *http.Request) bool { return !strings.HasPrefix(r.URL.Path, "/api/") },
	}
	whole := alice.New(sessions.Handler, g.RequireSubject, g.RequireRecent(12*time.Hour), g.RequireLevel(0))

	b := browser{site: whole.Then(mux)}
	for _, path := range []string{"/", "/api/orders", "/signin"} {
		w := b.get(path)
		fmt.Printf("%s: %d %q\n", path, w.Code, w.Header().Get("Location"))
	}
	// Output:
	// /: 303 "/signin?return_to=%2F"
	// /api/orders: 401 ""
	// /signin: 200 ""
}
