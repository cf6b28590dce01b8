package session_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A user gets more rights. Renew replaces the token, so that a copy of the old token does
// not get them. The values stay.
func ExampleSession_Renew() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()
	admin := session.NewKey[bool]("admin")

	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		// ... after the password was checked:
		if err := session.FromContext(r.Context()).Login("user-42"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/promote", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		err := admin.Set(s, true)
		if err == nil {
			err = s.Renew()
		}
		if err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		yes, _ := admin.Get(session.FromContext(r.Context()))
		fmt.Fprint(w, "administrator: ", yes)
	})
	site := sessions.Handler(mux)

	// get returns the answer, and the cookie that the client has afterwards.
	get := func(path string, cookie *http.Cookie) (string, *http.Cookie) {
		r, w := httptest.NewRequest("GET", path, nil), httptest.NewRecorder()
		if cookie != nil {
			r.AddCookie(cookie)
		}
		site.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			cookie = c
		}
		return w.Body.String(), cookie
	}
	_, old := get("/login", nil)
	_, renewed := get("/promote", old)
	withNew, _ := get("/", renewed)
	withOld, _ := get("/", old)
	fmt.Println("with the new cookie,", withNew)
	fmt.Println("with the old cookie,", withOld)
	// Output:
	// with the new cookie, administrator: true
	// with the old cookie, administrator: false
}
