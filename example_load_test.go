package session_test

import (
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A framework without a ResponseWriter loads, lets its handler work, commits,
// and sends the cookie, if there is one.
func ExampleManager_Load() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	r := httptest.NewRequest("GET", "/", nil)
	for range 3 {
		s, err := sessions.Load(r)
		if err != nil {
			log.Fatal(err) // answer session.ErrorStatus(err), and set no cookie
		}
		if err := visits.Update(s, func(n int) (int, error) { return n + 1, nil }); err != nil {
			log.Fatal(err)
		}
		cookie, err := sessions.Commit(r.Context(), s)
		if err != nil {
			log.Fatal(err)
		}
		n, _ := visits.Get(s)
		fmt.Println("visit", n, "sets a cookie:", cookie != nil)
		if cookie != nil {
			r.AddCookie(cookie) // the browser's part
		}
	}
	// Output:
	// visit 1 sets a cookie: true
	// visit 2 sets a cookie: false
	// visit 3 sets a cookie: false
}
