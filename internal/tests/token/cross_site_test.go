package token

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// from makes a request one of a site, with a method.
func from(method, site string) func(*http.Request) {
	return func(r *http.Request) {
		r.Method = method
		r.Header.Set("Sec-Fetch-Site", site)
	}
}

// A form on another site is posted without the cookie. Whatever its handler sets,
// the browser keeps the cookie that it has; a sign-in is announced.
func TestAFormOfAnotherSiteReplacesNoCookie(t *testing.T) {
	for _, tt := range []struct {
		method, site string
		sameSite     http.SameSite
		set          bool // the cookie of an anonymous session
	}{
		{"POST", "cross-site", 0, false}, {"PUT", "cross-site", 0, false},
		{"POST", "same-site", 0, true}, {"POST", "same-origin", 0, true}, {"POST", "none", 0, true}, {"POST", "", 0, true},
		{"GET", "cross-site", 0, true}, {"HEAD", "cross-site", 0, true},
		{"POST", "cross-site", http.SameSiteStrictMode, false}, {"GET", "cross-site", http.SameSiteStrictMode, false},
		{"GET", "same-origin", http.SameSiteStrictMode, true},
		{"POST", "cross-site", http.SameSiteNoneMode, true}, // the browser would have sent it
	} {
		p := probe.New(t, session.Config{Cookie: session.Cookie{SameSite: tt.sameSite}})
		lifetime := probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
			return errors.Join(s.Set("k", 1), s.SetLifetime(session.Lifetime{Persistent: true}))
		})
		for name, f := range map[string]probe.Act{"set": probe.Set(t, "k", 1), "lifetime": lifetime, "Start": func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
			out := httptest.NewRecorder()
			s, err := p.M.Start(out, r.WithContext(t.Context()))
			probe.Must(t, err)
			if got := len(out.Header()["Set-Cookie"]) > 0; got != tt.set {
				t.Errorf("%+v, Start: a cookie: %v", tt, got)
			}
			probe.Must(t, s.Login("u"), s.Save(r.Context()))
			if len(out.Header()["Set-Cookie"]) == 0 {
				t.Errorf("%+v, Start: the sign-in is not announced", tt)
			}
		}} {
			p.Saw()
			res := p.Client().Visit(f, from(tt.method, tt.site))
			if got := probe.SessionCookie(res) != nil; name != "Start" && got != tt.set {
				t.Errorf("%+v, %s: a cookie: %v", tt, name, got)
			}
			unannounced := 0
			for _, e := range p.Saw() {
				if e.Kind == session.EventUnannounced {
					unannounced++
				}
			}
			if (unannounced == 1) == tt.set || res.StatusCode != http.StatusOK {
				t.Errorf("%+v, %s: status %d, and %d events of a session that is not announced", tt, name, res.StatusCode, unannounced)
			}
		}
		for name, f := range map[string]probe.Act{"login": probe.Login(t, "u"), "after a Save": func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			probe.Must(t, s.Set("k", 1), s.Save(r.Context()), s.Login("u"))
		}} {
			c := p.Client()
			c.Visit(f, from(tt.method, tt.site))
			if got := c.State(); got != "<u>" && got != "<u> k=1" {
				t.Errorf("%+v, %s: the session is %q", tt, name, got)
			}
		}
		// Who brought a cookie gets another, and a header is no cookie.
		dead := p.With(probe.ForgedToken())
		if res := dead.Visit(probe.Set(t, "k", 1), from(tt.method, tt.site)); probe.SessionCookie(res) == nil {
			t.Errorf("%+v: a dead cookie is not replaced", tt)
		}
		user := p.Client().Must(probe.Login(t, "u"))
		if res := user.Visit(probe.Renew(t), from(tt.method, tt.site)); probe.SessionCookie(res) == nil {
			t.Errorf("%+v: a renewed token is not sent", tt)
		}
		h := probe.New(t, session.Config{Header: "X-Token"})
		if res := h.Client().Visit(probe.Set(t, "k", 1), from(tt.method, tt.site)); res.Header.Get("X-Token") == "" {
			t.Errorf("%+v: the token in the header is not sent", tt)
		}
	}
}

func TestAFormOfAnotherSiteReplacesNoSealedCookie(t *testing.T) {
	site := probe.SealedSite(t, probe.NewRing(t), session.Config{})
	for path, want := range map[string]int{"/set?v": 0, "/login?u": 1} {
		r := httptest.NewRequest("POST", path, nil)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w := httptest.NewRecorder()
		site.Handler.ServeHTTP(w, r)
		if got := len(w.Result().Cookies()); got != want || w.Code != http.StatusOK {
			t.Errorf("%s: status %d and %d cookies, want %d", path, w.Code, got, want)
		}
	}
}
