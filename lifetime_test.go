package session_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
)

const day = 24 * time.Hour

// remembered are settings under which a session may be remembered for a month.
var remembered = session.Config{MaxLifetime: 30 * day, MaxIdleTimeout: 14 * day}

func remember(t testing.TB, l session.Lifetime) act {
	return succeed(t, func(_ *http.Request, s *session.Session) error { return s.SetLifetime(l) })
}

// signInRemembered signs in for a month in one request.
func signInRemembered(t testing.TB) act {
	return signInFor(t, session.Lifetime{Absolute: 30 * day, Idle: 7 * day, Persistent: true})
}

func signInFor(t testing.TB, l session.Lifetime) act {
	return succeed(t, func(_ *http.Request, s *session.Session) error {
		if err := s.Login("u"); err != nil {
			return err
		}
		return s.SetLifetime(l)
	})
}

func TestARememberedSessionOutlivesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, remembered)
		forgotten, c := p.client().must(login(t, "u")), p.client()
		res := c.visit(signInRemembered(t))
		if got := sessionCookie(res).MaxAge; got != int(30*day/time.Second) {
			t.Errorf("the cookie has Max-Age %d", got)
		}
		begun := time.Now()
		for _, after := range []func(){
			func() {},
			func() { c.must(renew(t)) },
			func() {
				c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { must(t, s.Reauthenticate(1)) })
				begun = time.Now()
			},
			func() { c.must(set(t, "k", 1)) },
		} {
			time.Sleep(6 * day)
			after()
			c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if s.Subject() != "u" || !s.Deadline().Equal(begun.Add(30*day).Truncate(time.Millisecond)) {
					t.Errorf("%q until %v", s.Subject(), s.Deadline())
				}
			})
		}
		forgotten.wants(anonymous)
		time.Sleep(7*day + time.Second)
		c.wants(anonymous)
	})
}

// "Remember me" for a month takes the month, and the limit that allows it.
func TestAMonthAloneIsRemembered(t *testing.T) {
	month := session.Config{MaxLifetime: 30 * day}
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, month)
		c := p.client().must(login(t, "u")).must(remember(t, session.Lifetime{Absolute: 30 * day}))
		time.Sleep(30*day - 2*time.Second)
		c.wants("<u>")
		time.Sleep(2 * time.Second)
		c.wants(anonymous)
	})
	synctest.Test(t, func(t *testing.T) {
		site := newSealedSite(t, newRing(t), month)
		site.handle("/in", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			must(t, s.Login("u"))
			must(t, s.SetLifetime(session.Lifetime{Absolute: 30 * day}))
		})
		site.handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) { show(w, r, s) })
		b := site.browser()
		b.get("/in")
		time.Sleep(30*day - 2*time.Second)
		b.want("/who", 200, "<u>")
		time.Sleep(2 * time.Second)
		b.want("/who", 200, anonymous)
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
				c2 := newProbe(t, c.cfg).client().must(login(t, "u")).must(remember(t, c.own))
				time.Sleep(time.Second)
				c2.must(set(t, "k", 1))
				c2.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
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
				p := newProbe(t, cfg)
				c := p.client()
				maxAge := func(when string, persistent bool, do act) {
					t.Helper()
					if got := sessionCookie(c.visit(do)).MaxAge; got > 0 != persistent {
						t.Errorf("%+v, %s: the cookie has Max-Age %d", own, when, got)
					}
				}
				maxAge("by default", true, login(t, "u"))
				maxAge("set", false, remember(t, own))
				maxAge("renewed", false, renew(t))
				time.Sleep(9 * time.Minute)
				c.wants("<u>")
				time.Sleep(2 * time.Minute)
				maxAge("rotated", false, show)
				maxAge("set again", true, remember(t, session.Lifetime{Persistent: true}))
				maxAge("taken back", false, remember(t, own))
				maxAge("signed in anew", true, login(t, "u"))
			})
		})
	}
}

// Some clients know Expires alone.
func TestExpiresStandsBesideMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{MaxLifetime: 500 * day})
		c := p.client()
		for _, do := range []act{
			signInFor(t, session.Lifetime{Absolute: 30 * day, Persistent: true}),
			signInFor(t, session.Lifetime{Absolute: 500 * day, Persistent: true}),
		} {
			ck := sessionCookie(c.visit(do))
			if want := time.Now().Add(time.Duration(ck.MaxAge) * time.Second); ck.MaxAge <= 0 || !ck.Expires.Equal(want) {
				t.Errorf("Max-Age is %d, and Expires %v; want %v", ck.MaxAge, ck.Expires, want)
			}
		}
		ck := sessionCookie(c.visit(succeed(t, func(r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) })))
		if ck.MaxAge >= 0 || ck.Expires.IsZero() || ck.Expires.After(time.Now()) {
			t.Errorf("a cookie that is taken away has Max-Age %d and Expires %v", ck.MaxAge, ck.Expires)
		}
		if ck := sessionCookie(c.visit(login(t, "u"))); ck.MaxAge != 0 || !ck.Expires.IsZero() {
			t.Errorf("a cookie that ends with the browser has Max-Age %d and Expires %v", ck.MaxAge, ck.Expires)
		}
	})
}

func TestASessionTellsTheLifetimeItWasGiven(t *testing.T) {
	p := newProbe(t, remembered)
	c := p.client()
	tells := func(when string, want session.Lifetime, own bool, do act) {
		t.Helper()
		c.must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			do(w, r, s)
			if got, ok := s.Lifetime(); got != want || ok != own {
				t.Errorf("%s: %+v, %t; want %+v, %t", when, got, ok, want, own)
			}
		})
	}
	month := session.Lifetime{Absolute: 30 * day, Persistent: true}
	nothing := func(http.ResponseWriter, *http.Request, *session.Session) {}
	tells("a visitor", session.Lifetime{}, false, nothing)
	tells("signed in", session.Lifetime{}, false, login(t, "u"))
	tells("set by this request", month, true, remember(t, month))
	tells("set before", month, true, nothing)
	tells("renewed", month, true, renew(t))
	tells("in whole milliseconds", session.Lifetime{Idle: time.Hour}, true, remember(t, session.Lifetime{Idle: time.Hour + time.Microsecond}))
	tells("as the others", session.Lifetime{}, true, remember(t, session.Lifetime{}))
	tells("as the others, set before", session.Lifetime{}, true, nothing)
	tells("signed in anew", session.Lifetime{}, false, login(t, "u"))
	if l, own := (*session.Session)(nil).Lifetime(); l != (session.Lifetime{}) || own {
		t.Errorf("without a session: %+v, %t", l, own)
	}
}

func TestARememberedSessionEndsAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, remembered)
		c := p.client().must(signInRemembered(t))
		for range 29 {
			time.Sleep(day)
			c.wants("<u>")
		}
		if res := c.visit(renew(t)); sessionCookie(res).MaxAge != int(day/time.Second) {
			t.Errorf("a day before the end the cookie has Max-Age %d", sessionCookie(res).MaxAge)
		}
		time.Sleep(day)
		c.wants(anonymous)
	})
}

func TestASignInEndsALifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, remembered)
		c := p.client().must(signInRemembered(t))
		if res := c.visit(login(t, "u")); sessionCookie(res).MaxAge != 0 {
			t.Errorf("the cookie has Max-Age %d", sessionCookie(res).MaxAge)
		}
		time.Sleep(2 * time.Hour)
		c.wants(anonymous)
	})
}

func TestALifetimeHasTheLimitsOfConfig(t *testing.T) {
	p := newProbe(t, remembered)
	c := p.client().must(login(t, "u"))
	for name, l := range map[string]session.Lifetime{
		"MaxLifetime":    {Absolute: 31 * day},
		"a second":       {Absolute: time.Millisecond},
		"MaxIdleTimeout": {Idle: 15 * day},
		"TouchInterval":  {Idle: time.Minute},
	} {
		c.visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if err := s.SetLifetime(l); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%+v: %v, want an error that names %s", l, err, name)
			}
		})
	}
	c.wants("<u>")

	// A limit that is lowered later holds for sessions of before.
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, remembered)
		c := p.client().must(signInRemembered(t))
		strict := probeOver(t, p.tap, session.Config{MaxIdleTimeout: 2 * time.Hour, MaxLifetime: 2 * day})
		c.p = strict
		time.Sleep(time.Minute)
		c.must(set(t, "k", 1))
		c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if left := time.Until(s.Expires()); left > 2*time.Hour {
				t.Errorf("it expires in %v", left)
			}
			must(t, s.Reauthenticate(1))
			if left := time.Until(s.Deadline()); left > 2*day {
				t.Errorf("after a step-up it ends in %v", left)
			}
		})
	})
}

func TestALifetimeThatIsOverIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		c := p.client().must(login(t, "u"))
		for range 3 {
			time.Sleep(50 * time.Minute)
			c.wants("<u>")
		}
		c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if err := s.SetLifetime(session.Lifetime{Absolute: 2 * time.Hour}); err == nil {
				t.Error("a lifetime that was over half an hour ago is accepted")
			}
		})
		c.wants("<u>")
	})
}

func TestAShortLifetimeIsKeptByTouches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		c := p.client().must(login(t, "u")).must(remember(t, session.Lifetime{Idle: 10 * time.Minute}))
		for range 3 {
			time.Sleep(9 * time.Minute)
			c.wants("<u>") // touches
		}
		time.Sleep(10 * time.Minute)
		c.wants(anonymous)
	})
}

func TestALifetimeInTheCookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSealedSite(t, newRing(t), remembered)
		site.handle("/in", func(w http.ResponseWriter, r *http.Request, s *session.Session) { signInRemembered(t)(w, r, s) })
		site.handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) { show(w, r, s) })
		b := site.browser()
		if res := b.get("/in").Result(); res.Cookies()[0].MaxAge != int(30*day/time.Second) {
			t.Errorf("Max-Age %d", res.Cookies()[0].MaxAge)
		}
		time.Sleep(6 * day)
		b.want("/who", 200, "<u>")
		time.Sleep(8 * day)
		b.want("/who", 200, anonymous)
	})
}
