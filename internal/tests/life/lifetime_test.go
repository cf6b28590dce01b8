package life

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

const day = 24 * time.Hour

// remembered are settings under which a session may be remembered for a month.
var remembered = session.Config{MaxLifetime: 30 * day, MaxIdleTimeout: 14 * day}

func remember(t testing.TB, l session.Lifetime) probe.Act {
	return probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return s.SetLifetime(l) })
}

// signInRemembered signs in for a month in one request.
func signInRemembered(t testing.TB) probe.Act {
	return signInFor(t, session.Lifetime{Absolute: 30 * day, Idle: 7 * day, Persistent: true})
}

func signInFor(t testing.TB, l session.Lifetime) probe.Act {
	return probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
		if err := s.Login("u"); err != nil {
			return err
		}
		return s.SetLifetime(l)
	})
}

func TestARememberedSessionOutlivesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, remembered)
		forgotten, c := p.Client().Must(probe.Login(t, "u")), p.Client()
		res := c.Visit(signInRemembered(t))
		if got := probe.SessionCookie(res).MaxAge; got != int(30*day/time.Second) {
			t.Errorf("the cookie has Max-Age %d", got)
		}
		begun := time.Now()
		for _, after := range []func(){
			func() {},
			func() { c.Must(probe.Renew(t)) },
			func() {
				c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { probe.Must(t, s.Reauthenticate(1)) })
				begun = time.Now()
			},
			func() { c.Must(probe.Set(t, "k", 1)) },
		} {
			time.Sleep(6 * day)
			after()
			c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if s.Subject() != "u" || !s.Deadline().Equal(begun.Add(30*day).Truncate(time.Millisecond)) {
					t.Errorf("%q until %v", s.Subject(), s.Deadline())
				}
			})
		}
		forgotten.Wants(probe.Anonymous)
		time.Sleep(7*day + time.Second)
		c.Wants(probe.Anonymous)
	})
}

// "Remember me" for a month takes the month, and the limit that allows it.
func TestAMonthAloneIsRemembered(t *testing.T) {
	month := session.Config{MaxLifetime: 30 * day}
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, month)
		c := p.Client().Must(probe.Login(t, "u")).Must(remember(t, session.Lifetime{Absolute: 30 * day}))
		time.Sleep(30*day - 2*time.Second)
		c.Wants("<u>")
		time.Sleep(2 * time.Second)
		c.Wants(probe.Anonymous)
	})
	synctest.Test(t, func(t *testing.T) {
		site := probe.SealedSite(t, probe.NewRing(t), month)
		site.Handle("/in", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			probe.Must(t, s.Login("u"))
			probe.Must(t, s.SetLifetime(session.Lifetime{Absolute: 30 * day}))
		})
		site.Handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) { probe.Show(w, r, s) })
		b := site.Browser()
		b.Get("/in")
		time.Sleep(30*day - 2*time.Second)
		b.Want("/who", 200, "<u>")
		time.Sleep(2 * time.Second)
		b.Want("/who", 200, probe.Anonymous)
	})
}

func TestTheIdleTimeoutFollowsTheLifetime(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  session.Config
		own  session.Lifetime
		idle time.Duration
	}{
		"longer":                              {remembered, session.Lifetime{Absolute: 10 * day}, 10 * day},
		"up to its limit":                     {remembered, session.Lifetime{Absolute: 30 * day}, 14 * day},
		"shorter":                             {remembered, session.Lifetime{Absolute: 10 * time.Minute}, 10 * time.Minute},
		"not without a lifetime":              {remembered, session.Lifetime{Persistent: true}, time.Hour},
		"not with one of its own":             {remembered, session.Lifetime{Absolute: 10 * day, Idle: 2 * day}, 2 * day},
		"the limit is MaxLifetime by default": {session.Config{MaxLifetime: 30 * day}, session.Lifetime{Absolute: 30 * day, Idle: 29 * day}, 29 * day},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c2 := probe.New(t, c.cfg).Client().Must(probe.Login(t, "u")).Must(remember(t, c.own))
				time.Sleep(time.Second)
				c2.Must(probe.Set(t, "k", 1))
				c2.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					if left := min(c.idle, time.Until(s.Deadline())); time.Until(s.Expires()) != left {
						t.Errorf("it expires in %v unused, want %v", time.Until(s.Expires()), left)
					}
				})
			})
		})
	}
}

// "Remember me" is not ticked, on a site whose cookies outlive the browser else.
func TestALifetimeMayEndWithTheBrowser(t *testing.T) {
	cfg := session.Config{MaxLifetime: 30 * day, RotateEvery: 10 * time.Minute, Cookie: session.Cookie{Persistent: true}}
	for _, own := range []session.Lifetime{{}, {Idle: 10 * time.Minute}, {Absolute: 30 * day}} {
		t.Run("", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probe.New(t, cfg)
				c := p.Client()
				maxAge := func(when string, persistent bool, do probe.Act) {
					t.Helper()
					if got := probe.SessionCookie(c.Visit(do)).MaxAge; got > 0 != persistent {
						t.Errorf("%+v, %s: the cookie has Max-Age %d", own, when, got)
					}
				}
				maxAge("by default", true, probe.Login(t, "u"))
				maxAge("set", false, remember(t, own))
				maxAge("renewed", false, probe.Renew(t))
				time.Sleep(9 * time.Minute)
				c.Wants("<u>")
				time.Sleep(2 * time.Minute)
				maxAge("rotated", false, probe.Show)
				maxAge("set again", true, remember(t, session.Lifetime{Persistent: true}))
				maxAge("taken back", false, remember(t, own))
				maxAge("signed in anew", true, probe.Login(t, "u"))
			})
		})
	}
}

// Some clients know Expires alone.
func TestExpiresStandsBesideMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{MaxLifetime: 500 * day})
		c := p.Client()
		for _, do := range []probe.Act{
			signInFor(t, session.Lifetime{Absolute: 30 * day, Persistent: true}),
			signInFor(t, session.Lifetime{Absolute: 500 * day, Persistent: true}),
		} {
			ck := probe.SessionCookie(c.Visit(do))
			if want := time.Now().Add(time.Duration(ck.MaxAge) * time.Second); ck.MaxAge <= 0 || !ck.Expires.Equal(want) {
				t.Errorf("Max-Age is %d, and Expires %v; want %v", ck.MaxAge, ck.Expires, want)
			}
		}
		ck := probe.SessionCookie(c.Visit(probe.Succeed(t, func(r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) })))
		if ck.MaxAge >= 0 || ck.Expires.IsZero() || ck.Expires.After(time.Now()) {
			t.Errorf("a cookie that is taken away has Max-Age %d and Expires %v", ck.MaxAge, ck.Expires)
		}
		if ck := probe.SessionCookie(c.Visit(probe.Login(t, "u"))); ck.MaxAge != 0 || !ck.Expires.IsZero() {
			t.Errorf("a cookie that ends with the browser has Max-Age %d and Expires %v", ck.MaxAge, ck.Expires)
		}
	})
}

func TestASessionTellsTheLifetimeItWasGiven(t *testing.T) {
	p := probe.New(t, remembered)
	c := p.Client()
	tells := func(when string, want session.Lifetime, own bool, do probe.Act) {
		t.Helper()
		c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			do(w, r, s)
			if got, ok := s.Lifetime(); got != want || ok != own {
				t.Errorf("%s: %+v, %t; want %+v, %t", when, got, ok, want, own)
			}
		})
	}
	month := session.Lifetime{Absolute: 30 * day, Persistent: true}
	nothing := func(http.ResponseWriter, *http.Request, *session.Session) {}
	tells("a visitor", session.Lifetime{}, false, nothing)
	tells("signed in", session.Lifetime{}, false, probe.Login(t, "u"))
	tells("set by this request", month, true, remember(t, month))
	tells("set before", month, true, nothing)
	tells("renewed", month, true, probe.Renew(t))
	tells("in whole milliseconds", session.Lifetime{Idle: time.Hour}, true, remember(t, session.Lifetime{Idle: time.Hour + time.Microsecond}))
	tells("as the others", session.Lifetime{}, true, remember(t, session.Lifetime{}))
	tells("as the others, set before", session.Lifetime{}, true, nothing)
	tells("signed in anew", session.Lifetime{}, false, probe.Login(t, "u"))
	if l, own := (*session.Session)(nil).Lifetime(); l != (session.Lifetime{}) || own {
		t.Errorf("without a session: %+v, %t", l, own)
	}
}

func TestARememberedSessionEndsAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, remembered)
		c := p.Client().Must(signInRemembered(t))
		for range 29 {
			time.Sleep(day)
			c.Wants("<u>")
		}
		if res := c.Visit(probe.Renew(t)); probe.SessionCookie(res).MaxAge != int(day/time.Second) {
			t.Errorf("a day before the end the cookie has Max-Age %d", probe.SessionCookie(res).MaxAge)
		}
		time.Sleep(day)
		c.Wants(probe.Anonymous)
	})
}

func TestASignInEndsALifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, remembered)
		c := p.Client().Must(signInRemembered(t))
		if res := c.Visit(probe.Login(t, "u")); probe.SessionCookie(res).MaxAge != 0 {
			t.Errorf("the cookie has Max-Age %d", probe.SessionCookie(res).MaxAge)
		}
		time.Sleep(2 * time.Hour)
		c.Wants(probe.Anonymous)
	})
}

func TestALifetimeHasTheLimitsOfConfig(t *testing.T) {
	p := probe.New(t, remembered)
	c := p.Client().Must(probe.Login(t, "u"))
	for name, l := range map[string]session.Lifetime{
		"MaxLifetime":    {Absolute: 31 * day},
		"a second":       {Absolute: time.Millisecond},
		"MaxIdleTimeout": {Idle: 15 * day},
		"TouchInterval":  {Idle: time.Minute},
	} {
		c.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if err := s.SetLifetime(l); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%+v: %v, want an error that names %s", l, err, name)
			}
		})
	}
	c.Wants("<u>")

	// A limit that is lowered later holds for sessions of before.
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, remembered)
		c := p.Client().Must(signInRemembered(t))
		strict := probe.Over(t, p.Tap, session.Config{MaxIdleTimeout: 2 * time.Hour, MaxLifetime: 2 * day})
		c.P = strict
		time.Sleep(time.Minute)
		c.Must(probe.Set(t, "k", 1))
		c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if left := time.Until(s.Expires()); left > 2*time.Hour {
				t.Errorf("it expires in %v", left)
			}
			probe.Must(t, s.Reauthenticate(1))
			if left := time.Until(s.Deadline()); left > 2*day {
				t.Errorf("after a step-up it ends in %v", left)
			}
		})
	})
}

func TestALifetimeThatIsOverIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u"))
		for range 3 {
			time.Sleep(50 * time.Minute)
			c.Wants("<u>")
		}
		c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if err := s.SetLifetime(session.Lifetime{Absolute: 2 * time.Hour}); err == nil {
				t.Error("a lifetime that was over half an hour ago is accepted")
			}
		})
		c.Wants("<u>")
	})
}

func TestAShortLifetimeIsKeptByTouches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u")).Must(remember(t, session.Lifetime{Idle: 10 * time.Minute}))
		for range 3 {
			time.Sleep(9 * time.Minute)
			c.Wants("<u>") // touches
		}
		time.Sleep(10 * time.Minute)
		c.Wants(probe.Anonymous)
	})
}

func TestALifetimeInTheCookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := probe.SealedSite(t, probe.NewRing(t), remembered)
		site.Handle("/in", func(w http.ResponseWriter, r *http.Request, s *session.Session) { signInRemembered(t)(w, r, s) })
		site.Handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) { probe.Show(w, r, s) })
		b := site.Browser()
		if res := b.Get("/in").Result(); res.Cookies()[0].MaxAge != int(30*day/time.Second) {
			t.Errorf("Max-Age %d", res.Cookies()[0].MaxAge)
		}
		time.Sleep(6 * day)
		b.Want("/who", 200, "<u>")
		time.Sleep(8 * day)
		b.Want("/who", 200, probe.Anonymous)
	})
}
