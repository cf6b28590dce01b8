package frameworks_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/gorilla/mux"

	"github.com/b4468f51/session"
)

func TestGorillaMux_TheManagerWrapsTheRouterOrIsUsedByIt(t *testing.T) {
	routes := func(r *mux.Router) {
		r.HandleFunc("/count", func(w http.ResponseWriter, r *http.Request) {
			n, err := count(r)
			if err != nil {
				t.Error(err)
			}
			io.WriteString(w, n)
		})
		r.HandleFunc("/items/{id}", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, mux.Vars(r)["id"]+" "+who(r))
		})
	}
	for name, build := range map[string]func(*site) http.Handler{
		"Use":   func(s *site) http.Handler { r := mux.NewRouter(); r.Use(s.m.Handler); routes(r); return r },
		"wraps": func(s *site) http.Handler { r := mux.NewRouter(); routes(r); return s.m.Handler(r) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, session.Config{})
			b := browse(t, serve(t, build(s)))
			b.want("/count", 200, "1")
			b.want("/items/7", 200, "7 <> 1")
			b.want("/nowhere", 404, "404 page not found")
			s.store.broken.Store(true)
			b.want("/count", 503, "Service Unavailable")
		})
	}
}
