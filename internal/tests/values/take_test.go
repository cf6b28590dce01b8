package values

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

var coupon = session.NewKey[string]("coupon")

// takesCoupon makes an act that takes a coupon and wants one of these, "" for none.
func takesCoupon(t *testing.T, wants string) probe.Act {
	return probe.Succeed(t, func(r *http.Request, s *session.Session) error {
		if got, ok, err := coupon.Take(r.Context(), s); got != wants || ok != (wants != "") || err != nil {
			return fmt.Errorf("Take returns %q, %v, %v; want %q", got, ok, err, wants)
		}
		return nil
	})
}

// Of all requests that take one value, one gets it, and none of the others fails.
func TestOneRequestTakesAValue(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "coupon", "a"))
	var got atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			c := &probe.Client{P: p, Jar: c.Jar, URL: c.URL}
			c.Must(probe.Succeed(t, func(r *http.Request, s *session.Session) error {
				_, ok, err := coupon.Take(r.Context(), s)
				if ok {
					got.Add(1)
				}
				return errors.Join(err, s.Set(fmt.Sprint(got.Load()), 1))
			}))
		})
	}
	wg.Wait()
	if n := got.Load(); n != 1 {
		t.Errorf("%d requests got it", n)
	}
}

// What is taken is gone, whatever becomes of the page, and nothing else of it is kept.
func TestWhatAFailedPageHasTakenIsGone(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "coupon", "a"))
	c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Set("k", 1))
		p.Tap.Took()
		takesCoupon(t, "a")(w, r, s)
		if calls := p.Tap.Took(); !slices.Equal(calls, []string{"save"}) {
			t.Errorf("to take costs %v", calls)
		}
		if s.Get("k") != 1 || s.Get("coupon") != nil {
			t.Error("the session does not show what is pending, without what was taken")
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	c.Wants(probe.Anonymous)
	p.Tap.Took()
	c.Must(takesCoupon(t, ""))
	if calls := p.Tap.Took(); !slices.Equal(calls, []string{"load"}) {
		t.Errorf("to take nothing costs %v", calls)
	}
}

// The request's own updates of the key go with it, on top of what others have stored.
func TestTakeGivesTheNewestValueWithThePendingUpdates(t *testing.T) {
	appends := func(text string) probe.Act {
		return probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
			return coupon.Update(s, func(old string) (string, error) { return old + text, nil })
		})
	}
	p := probe.New(t, session.Config{})
	c := p.Client().Must(appends("a"))
	other := &probe.Client{P: p, Jar: c.Jar, URL: c.URL}
	c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		appends("c")(w, r, s)
		other.Must(appends("b"))
		takesCoupon(t, "abc")(w, r, s)
		other.Must(appends("d"))
		appends("e")(w, r, s)
	})
	c.Wants("<> coupon=de")
}

func TestTakeOfWhatTheRequestHasSetIsPending(t *testing.T) {
	for name, stored := range map[string]bool{"a new session": false, "a stored one": true} {
		p := probe.New(t, session.Config{})
		c := p.Client()
		if stored {
			c.Must(probe.Set(t, "coupon", "a"))
		}
		c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			probe.Must(t, s.Set("coupon", "b"))
			p.Tap.Took()
			takesCoupon(t, "b")(w, r, s)
			takesCoupon(t, "")(w, r, s)
			if calls := p.Tap.Took(); len(calls) != 0 {
				t.Errorf("%s: to take costs %v", name, calls)
			}
			w.WriteHeader(http.StatusInternalServerError)
		})
		if want := map[bool]string{true: "<> coupon=a", false: probe.Anonymous}[stored]; c.State() != want {
			t.Errorf("%s: after a page that failed the session is %q, want %q", name, c.State(), want)
		}
	}
}

func TestAnUpdateThatFailsLeavesTheValueUntaken(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "coupon", "a"))
	other := &probe.Client{P: p, Jar: c.Jar, URL: c.URL}
	used := errors.New("it was used")
	c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, coupon.Update(s, func(old string) (string, error) {
			if strings.Contains(old, "used") {
				return "", used
			}
			return old + "!", nil
		}))
		other.Must(probe.Set(t, "coupon", "used"))
		if got, ok, err := coupon.Take(r.Context(), s); !errors.Is(err, used) || ok || got != "" {
			t.Errorf("Take returns %q, %v, %v", got, ok, err)
		}
		s.Discard()
		w.WriteHeader(http.StatusTeapot)
	})
	c.Wants("<> coupon=used")
}

func TestTakeOfASessionThatHasEnded(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u")).Must(probe.Set(t, "coupon", "a"))
	c.Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, p.M.Revoke(r.Context(), s.ID()))
		if got, ok, err := coupon.Take(r.Context(), s); !errors.Is(err, session.ErrEnded) || ok || got != "" {
			t.Errorf("Take returns %q, %v, %v", got, ok, err)
		}
		if s.Subject() != "" {
			t.Error("it still reads as signed in")
		}
	})
	var kept *session.Session
	p.Client().Must(probe.Set(t, "coupon", "a")).Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { kept = s })
	if _, ok, err := coupon.Take(t.Context(), kept); ok || !errors.Is(err, session.ErrDone) {
		t.Errorf("after the handler: %v, %v", ok, err)
	}
	if got, ok, err := coupon.Take(t.Context(), nil); got != "" || ok || err != nil {
		t.Errorf("without a session: %q, %v, %v", got, ok, err)
	}
}
