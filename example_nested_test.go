package session_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A site and its shop keep sessions of their own. FromContext returns that of the
// innermost manager; the method returns that of the manager it is called on.
func ExampleManager_FromContext() {
	s := memstore.New()
	defer s.Close()
	site, err := session.NewManager(s, session.Config{App: "site"})
	if err != nil {
		log.Fatal(err)
	}
	defer site.Close()
	shop, err := session.NewManager(s, session.Config{App: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer shop.Close()

	login := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := site.FromContext(r.Context()).Login("ada"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	account := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "site: %q, shop: %q", site.FromContext(r.Context()).Subject(), session.FromContext(r.Context()).Subject())
	})
	mux := http.NewServeMux()
	mux.Handle("/login", login)
	mux.Handle("/shop", shop.Handler(account))
	visit(site.Handler(mux), "/login", "/shop")
	// Output:
	// /login 200:
	// /shop 200: site: "ada", shop: ""
}
