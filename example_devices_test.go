package session_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A page "your devices" shows where the user is signed in, and signs one of these
// devices out. RevokeFor ends no session of another user.
func ExampleManager_RevokeFor() {
	sessions, err := session.NewManager(memstore.New(), session.Config{Client: session.RequestClient})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		// ... after the password was checked:
		s := session.FromContext(r.Context())
		err := s.Login("user-42")
		if err == nil {
			err = s.SetLabel(r.URL.Query().Get("label"))
		}
		if err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/devices", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		fmt.Fprintf(w, "this is %s\n", s.Label())
		for info, err := range sessions.List(r.Context(), s.Subject()) {
			if err != nil {
				http.Error(w, "try again", session.ErrorStatus(err))
				return
			}
			if info.ID != s.ID() {
				fmt.Fprintf(w, "%s, by %s: /signout?id=%s\n", info.Label, info.Client.UserAgent, info.ID)
			}
		}
	})
	mux.HandleFunc("/signout", func(w http.ResponseWriter, r *http.Request) { // a POST in a real program
		id, err := session.ParseID(r.URL.Query().Get("id"))
		if err != nil {
			http.Error(w, "that is no ID", http.StatusBadRequest)
			return
		}
		ended, err := sessions.RevokeFor(r.Context(), session.FromContext(r.Context()).Subject(), id)
		if err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		fmt.Fprint(w, "signed out: ", ended)
	})
	site := sessions.Handler(mux)

	get := func(path, cookie, userAgent string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Cookie", cookie)
		r.Header.Set("User-Agent", userAgent)
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		return w
	}
	get("/login?label=my+phone", "", "Safari")
	laptop, _, _ := strings.Cut(get("/login?label=my+laptop", "", "Firefox").Header().Get("Set-Cookie"), ";")

	devices := get("/devices", laptop, "Firefox").Body.String()
	page, link, _ := strings.Cut(devices, ": ")
	fmt.Println(page)
	fmt.Println(get(strings.TrimSpace(link), laptop, "Firefox").Body)
	fmt.Println(get("/devices", laptop, "Firefox").Body)
	// Output:
	// this is my laptop
	// my phone, by Safari
	// signed out: true
	// this is my laptop
}
