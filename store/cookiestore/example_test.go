package cookiestore_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/cookiestore"
)

func Example() {
	// In production: cookiestore.KeysFromEnv("SESSION_KEYS"), the same on each machine.
	ring, err := cookiestore.New(cookiestore.GenerateKey())
	if err != nil {
		panic(err)
	}
	sessions, err := session.NewSealed(ring, session.Config{})
	if err != nil {
		panic(err)
	}
	defer sessions.Close()

	visits := session.NewKey[int]("visits")
	app := sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		if err := visits.Update(s, func(n int) (int, error) { return n + 1, nil }); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		n, _ := visits.Get(s)
		fmt.Fprint(w, "visit ", n)
	}))

	r := httptest.NewRequest("GET", "/", nil)
	for range 2 {
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		fmt.Println(w.Body)
		r.Header.Set("Cookie", w.Result().Cookies()[0].String())
	}
	// Output:
	// visit 1
	// visit 2
}
