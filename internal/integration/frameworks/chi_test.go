package frameworks_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/b4468f51/session"
)

// chiRoutes adds what the tests ask for.
func chiRoutes(t *testing.T, r chi.Router) {
	r.Get("/count", func(w http.ResponseWriter, r *http.Request) {
		n, err := count(r)
		if err != nil {
			t.Error(err)
		}
		io.WriteString(w, n)
	})
	r.Get("/signin", func(w http.ResponseWriter, r *http.Request) {
		if err := signIn(r); err != nil {
			t.Error(err)
		}
		http.Redirect(w, r, "/who", http.StatusSeeOther)
	})
	r.Get("/who", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, who(r)) })
	r.Get("/panics", func(w http.ResponseWriter, r *http.Request) {
		signIn(r)
		panic("no")
	})
	r.Route("/items", func(r chi.Router) {
		r.Get("/{id}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.PathValue("id")) })
	})
}

func TestChi_TheManagerWrapsTheRouterOrIsUsedByIt(t *testing.T) {
	used := func(s *site) http.Handler {
		r := chi.NewRouter()
		r.Use(s.m.Handler)
		chiRoutes(t, r)
		return r
	}
	wraps := func(s *site) http.Handler {
		r := chi.NewRouter()
		chiRoutes(t, r)
		return s.m.Handler(r)
	}
	group := func(s *site) http.Handler {
		r := chi.NewRouter()
		r.Group(func(r chi.Router) {
			r.Use(s.m.Handler)
			chiRoutes(t, r)
		})
		return r
	}
	for name, build := range map[string]func(*site) http.Handler{"Use": used, "wraps": wraps, "Group": group} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, session.Config{})
			b := browse(t, serve(t, build(s)))
			b.want("/count", 200, "1")
			b.want("/items/7", 200, "7")
			if a := b.get("/signin"); a.StatusCode != 303 || a.sets() != cookieName {
				t.Errorf("sign-in: %d %q", a.StatusCode, a.Header)
			}
			b.want("/who", 200, "<ada> 1")
			s.store.broken.Store(true)
			b.want("/count", 503, "Service Unavailable")
		})
	}
}
