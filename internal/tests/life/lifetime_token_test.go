package life

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// month is what "remember me" asks for.
var month = session.Lifetime{Absolute: 30 * day, Idle: 14 * day, Persistent: true}

func TestALifetimeReplacesTheTokenGently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, remembered)
		c := p.Client().Must(probe.Login(t, "u"))
		old := p.With(c.Token())
		if res := c.Visit(remember(t, month)); probe.SessionCookie(res).MaxAge != int(30*day/time.Second) {
			t.Errorf("the cookie has Max-Age %d", probe.SessionCookie(res).MaxAge)
		}
		if c.Token() == old.Token() {
			t.Fatal("the token is the same")
		}
		for range 3 { // the new one has not been seen yet
			old.Must(probe.Set(t, "k", 1)).Wants("<u> k=1")
			time.Sleep(13 * day / 3)
		}
		old.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if until := s.Deadline().Sub(s.AuthenticatedAt()); until != 30*day {
				t.Errorf("the lifetime is %v", until)
			}
		})
		c.Wants("<u> k=1")
		time.Sleep(59 * time.Second)
		old.Wants("<u> k=1")
		time.Sleep(2 * time.Second)
		old.Wants(probe.Anonymous)
		c.Wants("<u> k=1")
	})
}

// With the answer goes the new token: that of before stays good, for as long as
// the session lasts, and so does one of a second try.
func TestALostAnswerOfALifetimeSignsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, remembered)
		c := p.Client().Must(probe.Login(t, "u"))
		for range 4 {
			p.With(c.Token()).Must(remember(t, month)) // and nobody hears of it
			time.Sleep(6 * day)
			c.Wants("<u>")
		}
		if res := c.Visit(remember(t, month)); probe.SessionCookie(res).MaxAge != int(6*day/time.Second) {
			t.Errorf("the cookie has Max-Age %d", probe.SessionCookie(res).MaxAge)
		}
		c.Wants("<u>")
		time.Sleep(5 * day)
		c.Wants("<u>")
	})
}

// Of answers that arrive in any order, the client keeps the last.
func TestAnyOfSeveralLifetimesAtOnceIsGood(t *testing.T) {
	for last := range 5 {
		synctest.Test(t, func(t *testing.T) {
			cfg := remembered
			cfg.RotateEvery = time.Hour
			p := probe.New(t, cfg)
			c := p.Client().Must(probe.Login(t, "u"))
			var tabs []*probe.Client
			for range 5 {
				tabs = append(tabs, p.With(c.Token()).Must(remember(t, month)))
			}
			for range 3 {
				tabs[last].Wants("<u>")
				time.Sleep(2 * time.Minute)
			}
			c.Wants(probe.Anonymous)
		})
	}
}

// A page may make many requests at once, each of which sets the lifetime: whichever
// answer comes last, its token is good.
func TestAnyOfManyLifetimesAtOnceIsGood(t *testing.T) {
	const tabs = 24
	for _, last := range []int{0, tabs / 2, tabs - 1} {
		p := probe.New(t, remembered)
		c := p.Client().Must(probe.Login(t, "u"))
		var got []*probe.Client
		for range tabs {
			got = append(got, p.With(c.Token()).Must(remember(t, month)))
		}
		if state := got[last].State(); state != "<u>" {
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
			p := probe.New(t, cfg)
			c := p.Client().Must(probe.Login(t, "u"))
			time.Sleep(11 * time.Minute)
			first := p.With(c.Token())
			c.Wants("<u>")
			if c.Token() == first.Token() {
				t.Fatal("not rotated")
			}
			if concurrently {
				rotated := p.With(c.Token())
				first.Must(remember(t, month))
				rotated.Wants("<u>")
				c = first
			} else {
				c.Must(remember(t, month))
			}
			time.Sleep(5 * time.Minute) // long after the grace
			c.Wants("<u>")
		})
	}
}

// What others do to the session meanwhile is merged, and no error.
func TestALifetimeInterruptsNobody(t *testing.T) {
	p := probe.New(t, remembered)
	c := p.Client().Must(probe.Login(t, "u"))
	other := p.With(c.Token())
	other.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Set("before", 1))
		c.Must(remember(t, month))
		probe.Must(t, s.Save(r.Context()), s.Touch(r.Context()), s.Set("after", 2))
	})
	c.Wants("<u> after=2 before=1")
	c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
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
					p := probe.New(t, remembered)
					c := p.Client().Must(probe.Login(t, "u"))
					old := p.With(c.Token())
					n := 0
					p.Tap.Put(func(_ context.Context, _ string, do func() error) error {
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
					res := c.Visit(remember(t, month))
					p.Tap.Put(nil)
					what := fmt.Sprintf("lost=%v first=%d lasting=%v: status %d", lost, first, lasting, res.StatusCode)
					if (res.StatusCode == http.StatusOK) != (c.Token() != old.Token()) {
						t.Errorf("%s, and a new token: %v", what, c.Token() != old.Token())
					}
					for range 2 {
						if got := old.State(); got != "<u>" {
							t.Errorf("%s: the old token finds %q", what, got)
						}
						time.Sleep(30 * time.Minute)
					}
					for range 2 {
						if got := c.State(); got != "<u>" {
							t.Errorf("%s: the client is %q", what, got)
						}
						time.Sleep(30 * time.Minute)
					}
				})
			}
		}
	}
}

// A timeout outside has answered for the handler: its cookies are dropped.
func TestALifetimeSurvivesATimeoutOutside(t *testing.T) {
	p := probe.New(t, remembered)
	c := p.Client().Must(probe.Login(t, "u"))
	begun, answered, returned := make(chan struct{}), make(chan struct{}), make(chan struct{})
	inner := p.H
	p.H = http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(returned)
		inner.ServeHTTP(w, r)
	}), time.Hour, "")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	r := httptest.NewRequest("GET", probe.URL, nil)
	r.Header.Set("Cookie", probe.CookieName+"="+c.Token())
	r = probe.Bring(r.WithContext(ctx), func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		close(begun)
		<-answered
		probe.Must(t, s.SetLifetime(month), s.Save(context.WithoutCancel(r.Context())))
	})
	w := httptest.NewRecorder()
	p.H.ServeHTTP(w, r)
	close(answered)
	<-returned
	p.H = inner
	if w.Code != http.StatusServiceUnavailable || len(w.Result().Cookies()) > 0 {
		t.Errorf("status %d, cookies %v", w.Code, w.Result().Cookies())
	}
	c.Wants("<u>")
}
