package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
)

// month is what "remember me" asks for.
var month = session.Lifetime{Absolute: 30 * day, Idle: 14 * day, Persistent: true}

func TestALifetimeReplacesTheTokenGently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, remembered)
		c := p.client().must(login(t, "u"))
		old := p.with(c.token())
		if res := c.visit(remember(t, month)); sessionCookie(res).MaxAge != int(30*day/time.Second) {
			t.Errorf("the cookie has Max-Age %d", sessionCookie(res).MaxAge)
		}
		if c.token() == old.token() {
			t.Fatal("the token is the same")
		}
		for range 3 { // the new one has not been seen yet
			old.must(set(t, "k", 1)).wants("<u> k=1")
			time.Sleep(13 * day / 3)
		}
		old.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if until := s.Deadline().Sub(s.AuthenticatedAt()); until != 30*day {
				t.Errorf("the lifetime is %v", until)
			}
		})
		c.wants("<u> k=1")
		time.Sleep(59 * time.Second)
		old.wants("<u> k=1")
		time.Sleep(2 * time.Second)
		old.wants(anonymous)
		c.wants("<u> k=1")
	})
}

// With the answer goes the new token: that of before stays good, for as long as
// the session lasts, and so does one of a second try.
func TestALostAnswerOfALifetimeSignsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, remembered)
		c := p.client().must(login(t, "u"))
		for range 4 {
			p.with(c.token()).must(remember(t, month)) // and nobody hears of it
			time.Sleep(6 * day)
			c.wants("<u>")
		}
		if res := c.visit(remember(t, month)); sessionCookie(res).MaxAge != int(6*day/time.Second) {
			t.Errorf("the cookie has Max-Age %d", sessionCookie(res).MaxAge)
		}
		c.wants("<u>")
		time.Sleep(5 * day)
		c.wants("<u>")
	})
}

// Of answers that arrive in any order, the client keeps the last.
func TestAnyOfSeveralLifetimesAtOnceIsGood(t *testing.T) {
	for last := range 5 {
		synctest.Test(t, func(t *testing.T) {
			cfg := remembered
			cfg.RotateEvery = time.Hour
			p := newProbe(t, cfg)
			c := p.client().must(login(t, "u"))
			var tabs []*client
			for range 5 {
				tabs = append(tabs, p.with(c.token()).must(remember(t, month)))
			}
			for range 3 {
				tabs[last].wants("<u>")
				time.Sleep(2 * time.Minute)
			}
			c.wants(anonymous)
		})
	}
}

// A page may make many requests at once, each of which sets the lifetime: whichever
// answer comes last, its token is good.
func TestAnyOfManyLifetimesAtOnceIsGood(t *testing.T) {
	const tabs = 24
	for _, last := range []int{0, tabs / 2, tabs - 1} {
		p := newProbe(t, remembered)
		c := p.client().must(login(t, "u"))
		var got []*client
		for range tabs {
			got = append(got, p.with(c.token()).must(remember(t, month)))
		}
		if state := got[last].state(); state != "<u>" {
			t.Errorf("the answer %d of %d leads to %q", last+1, tabs, state)
		}
	}
}

// A rotation that waits to be confirmed takes nothing away from the token that
// follows it.
func TestALifetimeAfterARotation(t *testing.T) {
	for _, concurrently := range []bool{false, true} { // the rotated token is seen by another request
		synctest.Test(t, func(t *testing.T) {
			cfg := remembered
			cfg.RotateEvery = 10 * time.Minute
			p := newProbe(t, cfg)
			c := p.client().must(login(t, "u"))
			time.Sleep(11 * time.Minute)
			first := p.with(c.token())
			c.wants("<u>")
			if c.token() == first.token() {
				t.Fatal("not rotated")
			}
			if concurrently {
				rotated := p.with(c.token())
				first.must(remember(t, month))
				rotated.wants("<u>")
				c = first
			} else {
				c.must(remember(t, month))
			}
			time.Sleep(5 * time.Minute) // long after the grace
			c.wants("<u>")
		})
	}
}

// What others do to the session meanwhile is merged, and no error.
func TestALifetimeInterruptsNobody(t *testing.T) {
	p := newProbe(t, remembered)
	c := p.client().must(login(t, "u"))
	other := p.with(c.token())
	other.must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Set("before", 1))
		c.must(remember(t, month))
		must(t, s.Save(r.Context()), s.Touch(r.Context()), s.Set("after", 2))
	})
	c.wants("<u> after=2 before=1")
	c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if until := s.Deadline().Sub(s.AuthenticatedAt()); until != 30*day {
			t.Errorf("the lifetime is %v", until)
		}
	})
}

// Whatever call of the store meets a fault, neither the client that got an answer
// nor one that did not is signed out.
func TestAFaultInALifetimeSignsNobodyOut(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for first := range 4 {
			for _, lasting := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					p := newProbe(t, remembered)
					c := p.client().must(login(t, "u"))
					old := p.with(c.token())
					n := 0
					p.tap.put(func(_ context.Context, _ string, do func() error) error {
						met := n == first || lasting && n > first
						n++
						if !met {
							return do()
						}
						if lost {
							do()
						}
						return errors.New("the store is down")
					})
					res := c.visit(remember(t, month))
					p.tap.put(nil)
					what := fmt.Sprintf("lost=%v first=%d lasting=%v: status %d", lost, first, lasting, res.StatusCode)
					if (res.StatusCode == http.StatusOK) != (c.token() != old.token()) {
						t.Errorf("%s, and a new token: %v", what, c.token() != old.token())
					}
					for range 2 {
						if got := old.state(); got != "<u>" {
							t.Errorf("%s: the old token finds %q", what, got)
						}
						time.Sleep(30 * time.Minute)
					}
					for range 2 {
						if got := c.state(); got != "<u>" {
							t.Errorf("%s: the client is %q", what, got)
						}
						time.Sleep(30 * time.Minute)
					}
				})
			}
		}
	}
}

// A form that was shown before is still good: nobody has signed in meanwhile.
func TestALifetimeLeavesFormsGood(t *testing.T) {
	p := newProbe(t, remembered)
	c := p.client().must(login(t, "u"))
	var token string
	c.must(succeed(t, func(_ *http.Request, s *session.Session) (err error) { token, err = s.CSRFToken(); return err }))
	c.must(remember(t, month))
	for _, what := range []string{"a form of before", "a form of before, once the new token was seen"} {
		res := c.visit(behind(session.RequireCSRF), sends(formType, strings.NewReader("")), headers("X-CSRF-Token", token))
		if res.StatusCode != http.StatusOK || text(t, res) != "inside" {
			t.Errorf("%s: status %d", what, res.StatusCode)
		}
	}
}

// A timeout outside has answered for the handler: its cookies are dropped.
func TestALifetimeSurvivesATimeoutOutside(t *testing.T) {
	p := newProbe(t, remembered)
	c := p.client().must(login(t, "u"))
	begun, answered, returned := make(chan struct{}), make(chan struct{}), make(chan struct{})
	inner := p.h
	p.h = http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(returned)
		inner.ServeHTTP(w, r)
	}), time.Hour, "")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	r := httptest.NewRequest("GET", appURL, nil)
	r.Header.Set("Cookie", cookieName+"="+c.token())
	r = bring(r.WithContext(ctx), func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		close(begun)
		<-answered
		must(t, s.SetLifetime(month), s.Save(context.WithoutCancel(r.Context())))
	})
	w := httptest.NewRecorder()
	p.h.ServeHTTP(w, r)
	close(answered)
	<-returned
	p.h = inner
	if w.Code != http.StatusServiceUnavailable || len(w.Result().Cookies()) > 0 {
		t.Errorf("status %d, cookies %v", w.Code, w.Result().Cookies())
	}
	c.wants("<u>")
}
