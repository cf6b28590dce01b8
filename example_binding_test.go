package session_test

import (
	"crypto/hmac"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A draft that the client keeps itself carries a signature, so that only the client that
// was given it brings it back, and only while the same user is signed in.
func ExampleSession_Binding() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	var signature []byte
	give := func(_ http.ResponseWriter, r *http.Request) {
		b, err := session.FromContext(r.Context()).Binding("drafts")
		if err != nil {
			log.Fatal(err)
		}
		signature = b.SignIn
	}
	check := func(_ http.ResponseWriter, r *http.Request) {
		good := false
		all, err := session.FromContext(r.Context()).Bindings("drafts")
		for _, b := range all {
			good = good || hmac.Equal(signature, b.SignIn)
		}
		fmt.Println(good, err)
	}

	w := httptest.NewRecorder()
	sessions.Handler(http.HandlerFunc(give)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	r := httptest.NewRequest("POST", "/", nil)
	sessions.Handler(http.HandlerFunc(check)).ServeHTTP(httptest.NewRecorder(), r)
	r.AddCookie(w.Result().Cookies()[0])
	sessions.Handler(http.HandlerFunc(check)).ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// false <nil>
	// true <nil>
}
