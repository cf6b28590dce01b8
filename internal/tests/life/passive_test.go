package life

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// polling are settings under which a request with the header X-Poll is no use.
func polling(cfg session.Config) session.Config {
	cfg.Passive = func(r *http.Request) bool { return r.Header.Get("X-Poll") != "" }
	return cfg
}

func poll(r *http.Request) { r.Header.Set("X-Poll", "1") }

// By default a session ends after an hour without use.
func TestAPassiveRequestIsNoUse(t *testing.T) {
	for name, test := range map[string]struct {
		cfg session.Config
		f   probe.Act
	}{
		"that reads":                      {session.Config{}, probe.Idle},
		"that changes the session":        {session.Config{}, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { _ = probe.Increment(s) }},
		"whose token is rotated":          {session.Config{RotateEvery: 7 * time.Minute}, probe.Idle},
		"that changes it, and rotates":    {session.Config{RotateEvery: 7 * time.Minute}, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { _ = probe.Increment(s) }},
		"that begins just before the end": {session.Config{TouchInterval: 30 * time.Minute}, probe.Idle},
		"that streams, and writes at its end": {session.Config{}, func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			fmt.Fprint(w, "x")
			_ = probe.Increment(s)
		}},
		"that saves, and looks what others did": {session.Config{}, func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			_ = probe.Increment(s)
			_ = s.Save(r.Context())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probe.New(t, polling(test.cfg))
				c := p.Client().Must(probe.Login(t, "u"))
				for range 3 {
					c.Must(probe.Show) // use
					used := p.Only("u")
					for range 11 {
						time.Sleep(5 * time.Minute)
						c.Visit(test.f, poll)
					}
					if now := p.Only("u"); !now.Seen.Equal(used.Seen) || !now.Expires.Equal(used.Expires) {
						t.Errorf("seen %v, expires %v; was %v, %v", now.Seen, now.Expires, used.Seen, used.Expires)
					}
				}
				time.Sleep(5 * time.Minute)
				c.Visit(probe.Show, poll)
				c.Wants(probe.Anonymous)
			})
		})
	}
}

func TestAPassiveRequestThatReadsWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, polling(session.Config{}))
		c := p.Client().Must(probe.Login(t, "u"))
		for range 3 {
			time.Sleep(19*time.Minute + 50*time.Second) // at last seconds before the end
			p.Tap.Took()
			res := c.Visit(probe.Show, poll)
			if got := probe.Text(t, res); got != "<u>" || len(res.Cookies()) != 0 {
				t.Errorf("%s, cookies %v", got, res.Cookies())
			}
			if calls := p.Tap.Took(); !slices.Equal(calls, []string{"load"}) {
				t.Errorf("the store was asked to %v", calls)
			}
		}
	})
}

func TestAPassiveRequestIsNoUseOfASealedSession(t *testing.T) {
	for name, path := range map[string]string{"that reads": "/read?poll", "that changes it": "/set?poll"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := probe.SealedSite(t, probe.NewRing(t), session.Config{Passive: func(r *http.Request) bool { return r.URL.RawQuery == "poll" }})
				b := site.Browser()
				b.Want("/login?u", 200, "u/")
				for range 3 {
					time.Sleep(19 * time.Minute)
					set := b.Sets
					if w := b.Get(path); !strings.HasPrefix(w.Body.String(), "u/") {
						t.Errorf("%d %q", w.Code, w.Body)
					}
					if path == "/read?poll" && b.Sets != set {
						t.Error("reading sets the cookie")
					}
				}
				time.Sleep(3 * time.Minute)
				b.Want("/read", 200, "/")
			})
		})
	}
}

// Whoever signs in is there, and a stream may keep its session alive.
func TestWhatCountsAsUseInAPassiveRequest(t *testing.T) {
	for name, test := range map[string]struct {
		f    probe.Act
		want string
	}{
		"to sign in":         {probe.Login(t, "u"), "<u>"},
		"to sign in another": {probe.Login(t, "v"), "<v>"},
		"to reauthenticate":  {probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return s.Reauthenticate(1) }), "<u>"},
		"to touch":           {probe.Succeed(t, func(r *http.Request, s *session.Session) error { return s.Touch(r.Context()) }), "<u>"},
		"to begin a session": {probe.Succeed(t, func(r *http.Request, s *session.Session) error {
			_ = s.Destroy(r.Context())
			return s.Set("k", 1)
		}), "<> k=1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probe.New(t, polling(session.Config{}))
				c := p.Client().Must(probe.Login(t, "u"))
				time.Sleep(59 * time.Minute)
				c.Visit(test.f, poll)
				time.Sleep(59 * time.Minute)
				c.Wants(test.want)
			})
		})
	}
}

// A request that was loaded and is never committed has left no trace, in the last
// minute of its session neither.
func TestLoadWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u"))
		was := p.Only("u")
		time.Sleep(time.Hour - time.Second)
		p.Tap.Took()
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: probe.CookieName, Value: c.Token()})
		s, err := p.M.Load(r)
		if err != nil || s.Subject() != "u" {
			t.Fatalf("%v, %v", s, err)
		}
		if calls := p.Tap.Took(); !slices.Equal(calls, []string{"load"}) {
			t.Errorf("the store was asked to %v", calls)
		}
		if now := p.Only("u"); !now.Expires.Equal(was.Expires) {
			t.Errorf("it expires at %v, and expired at %v", now.Expires, was.Expires)
		}
		if _, err := p.M.Commit(t.Context(), s); err != nil {
			t.Error(err)
		}
		if now := p.Only("u"); !now.Expires.After(was.Expires) {
			t.Errorf("after Commit it expires at %v", now.Expires)
		}
	})
}
