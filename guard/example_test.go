package guard_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/guard"
	"github.com/b4468f51/session/store/memstore"
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

// A second factor is level 1 here. Who has given only the password is sent to a page
// that asks for the second factor, and calls Reauthenticate(1).
func ExampleRequireLevel() {
	sessions := newSessions()
	defer sessions.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/signin", func(_ http.ResponseWriter, r *http.Request) {
		if err := session.FromContext(r.Context()).Login("user-42"); err != nil {
			log.Print(err)
		}
	})
	mux.HandleFunc("/second-factor", func(w http.ResponseWriter, r *http.Request) {
		if err := session.FromContext(r.Context()).Reauthenticate(1); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		http.Redirect(w, r, guard.ReturnTo(r, "/"), http.StatusSeeOther)
	})
	strong := alice.New(guard.RequireSubject("/signin"), guard.RequireLevel(1, "/second-factor"))
	mux.Handle("/transfer", strong.ThenFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "sent") }))

	b := browser{site: sessions.Handler(mux)}
	b.get("/signin")
	there := b.get("/transfer").Header().Get("Location")
	fmt.Println(there)
	back := b.get(there).Header().Get("Location")
	fmt.Println(back, b.get(back).Body)
	// Output:
	// /second-factor?return_to=%2Ftransfer
	// /transfer sent
}

// The way back is a path on this site, whatever a link to the sign-in page says.
func ExampleReturnTo() {
	for _, page := range []string{"/orders?page=2", "https://evil.example/", "//evil.example", "/signin"} {
		r := httptest.NewRequest("GET", "/signin", nil)
		r.URL.RawQuery = "return_to=" + strings.ReplaceAll(page, "?", "%3F")
		fmt.Println(guard.ReturnTo(r, "/home"))
	}
	// Output:
	// /orders?page=2
	// /home
	// /home
	// /home
}

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

func newSessions() *session.Manager {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	return sessions
}

// A browser keeps the cookie of a site, and accepts pages.
type browser struct {
	site   http.Handler
	cookie *http.Cookie
}

func (b *browser) get(path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept", "text/html")
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	w := httptest.NewRecorder()
	b.site.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.cookie = c
	}
	return w
}
