package csrf_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/store/memstore"
	"github.com/justinas/alice"
)

// A site with a cookie has an API inside that takes its token from a header. Forms belong
// to the site, so the Protection names its manager.
func ExampleProtection() {
	s := memstore.New()
	defer s.Close()
	site, err := session.NewManager(s, session.Config{App: "site"})
	if err != nil {
		log.Fatal(err)
	}
	defer site.Close()
	api, err := session.NewManager(s, session.Config{App: "api", Header: "Authorization"})
	if err != nil {
		log.Fatal(err)
	}
	defer api.Close()

	protection := csrf.Protection{Manager: site}
	chain := alice.New(site.Handler, api.Handler, protection.Require)
	handler := chain.ThenFunc(func(w http.ResponseWriter, r *http.Request) {
		field, err := protection.Field(r)
		if err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		fmt.Fprint(w, "a form with a field: ", len(field) > 0)
	})
	for _, method := range []string{"GET", "POST"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		fmt.Println(method, w.Code, w.Body)
	}
	// Output:
	// GET 200 a form with a field: true
	// POST 403 Forbidden
}
