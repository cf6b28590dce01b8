package checklist

import (
	"net/http"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// targeted are headers that some cache obeys rather than Cache-Control.
var targeted = []string{
	"CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Netlify-CDN-Cache-Control", "X-Litespeed-Cache-Control",
	"Surrogate-Control", "Edge-Control", "X-Accel-Expires", "cdn-cache-control", "surrogate-control", "cache-control",
}

func TestSecurity_ID13_NoTargetedCacheStoresACookie(t *testing.T) {
	for _, name := range targeted {
		p := probe.New(t, session.Config{})
		cached := func(f probe.Act) probe.Act {
			return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				w.Header()[name] = []string{"public, max-age=600"}
				f(w, r, s)
			}
		}
		form := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if _, err := s.Binding("forms"); err != nil {
				t.Error(err)
			}
		}
		c := p.Client()
		for what, f := range map[string]probe.Act{"a value": probe.Set(t, "k", 1), "a form": form} {
			if res := c.Visit(cached(f)); len(res.Cookies()) == 0 || res.Header[name] != nil || res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s with %s: %q", what, name, res.Header)
			}
		}
		if res := c.Visit(cached(probe.Show)); len(res.Header[name]) != 1 { // without a cookie it is the handler's
			t.Errorf("a read with %s: %q", name, res.Header)
		}
	}
}

// Two visitors of a page get two sessions, whatever a cache obeys.
func TestSecurity_ID13_ATargetedCacheGivesNobodyAnothersCookie(t *testing.T) {
	for _, name := range targeted {
		p := probe.New(t, session.Config{})
		var stored http.Header
		visit := func() string {
			if stored == nil {
				res := p.Client().Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					w.Header()[name] = []string{"max-age=600"}
					s.Set("seen", true)
				})
				if len(res.Header[name]) == 0 {
					return res.Header.Get("Set-Cookie")
				}
				stored = res.Header
			}
			return stored.Get("Set-Cookie")
		}
		if first, second := visit(), visit(); first == "" || first == second {
			t.Errorf("a cache that obeys %s gives two visitors %q", name, first)
		}
	}
}
