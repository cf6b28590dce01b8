package frameworks_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
)

// forms is an application with a form, and both protections.
func forms(t *testing.T, s *site) *browser {
	r := chi.NewRouter()
	r.Use(http.NewCrossOriginProtection().Handler, s.m.Handler, csrf.Require)
	r.Get("/form", func(w http.ResponseWriter, r *http.Request) {
		field, err := csrf.Field(r)
		if err != nil {
			t.Error(err)
		}
		io.WriteString(w, string(field))
	})
	r.Post("/form", func(w http.ResponseWriter, r *http.Request) {
		n, err := count(r)
		if err != nil {
			t.Error(err)
		}
		io.WriteString(w, n)
	})
	r.Get("/signin", func(w http.ResponseWriter, r *http.Request) { signIn(r) })
	b := browse(t, serve(t, r))
	b.get("/signin")
	return b
}

// post sends a form as a page of this origin does.
func (b *browser) post(path, origin string, form url.Values) answer {
	b.t.Helper()
	r := b.request("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	return b.do(r)
}

var formToken = regexp.MustCompile(`value="([^"]+)"`)

func (b *browser) form(path string) url.Values {
	b.t.Helper()
	found := formToken.FindStringSubmatch(b.get(path).body)
	if found == nil {
		b.t.Fatal("the page has no token")
	}
	return url.Values{"csrf_token": {found[1]}}
}

func TestCSRF_CrossOriginProtectionStandsOutside(t *testing.T) {
	s := newSite(t, session.Config{})
	b := forms(t, s)
	form := b.form("/form")
	before := s.store.loads.Load()
	if a := b.post("/form", "https://evil.example", form); a.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: %d %q", a.StatusCode, a.body)
	}
	if n := s.store.loads.Load() - before; n != 0 {
		t.Errorf("what it refused cost %d loads of a session", n)
	}
}

func TestCSRF_RequireStandsInside(t *testing.T) {
	b := forms(t, newSite(t, session.Config{}))
	form := b.form("/form")
	if a := b.post("/form", b.srv.URL, form); a.StatusCode != 200 || a.body != "1" {
		t.Errorf("a form with its token: %d %q", a.StatusCode, a.body)
	}
	if a := b.post("/form", b.srv.URL, nil); a.StatusCode != http.StatusForbidden {
		t.Errorf("a form without: %d %q", a.StatusCode, a.body)
	}
}
