package session_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// By default a session ends after an hour without use, and its use is written
// once a minute.

// A request that comes in the last minute, and takes longer than that, is one.
func TestASlowHandlerKeepsItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		c := p.client().must(login(t, "u"))
		time.Sleep(time.Hour - 30*time.Second)
		c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			time.Sleep(2 * time.Minute)
			must(t, s.Set("k", "v"))
		})
		c.wants("<u> k=v")
	})
}

// A page that shows when the session ends, or who was here when, has its own
// request counted by a Save before.
func TestAHandlerSeesItsOwnUseFromSaveOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		c := p.client().must(login(t, "u"))
		before := p.only("u")
		time.Sleep(50 * time.Minute)
		c.must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if !s.Seen().Equal(before.Seen) || !s.Expires().Equal(before.Expires) {
				t.Errorf("seen %v, expires %v, before the commit", s.Seen(), s.Expires())
			}
			must(t, s.Save(r.Context()))
			now, listed := time.Now(), p.only("u")
			if now.Sub(s.Seen()) > time.Second || s.Expires().Sub(now) < time.Hour-time.Second {
				t.Errorf("after Save it was seen at %v, expires at %v", s.Seen(), s.Expires())
			}
			if !listed.Seen.Equal(s.Seen()) || !listed.Expires.Equal(s.Expires()) {
				t.Errorf("after Save it is listed as seen at %v, expires at %v", listed.Seen, listed.Expires)
			}
		})
	})
}

func TestTouchKeepsAStreamAliveAndTellsOfItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		c := p.client().must(login(t, "u"))
		c.visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			must(t, http.NewResponseController(w).Flush())
			for range 10 {
				time.Sleep(50 * time.Minute)
				must(t, s.Touch(r.Context()))
				if now := time.Now(); now.Sub(s.Seen()) > time.Second || s.Expires().Sub(now) < time.Hour-time.Second {
					t.Errorf("after a touch it was seen at %v, expires at %v", s.Seen(), s.Expires())
				}
			}
			time.Sleep(time.Hour)
			if err := s.Touch(r.Context()); !errors.Is(err, session.ErrEnded) {
				t.Errorf("Touch of one that has expired: %v, want ErrEnded", err)
			}
		})
	})
}

// What the store says goes to the caller of Touch. A request tries a touch once.
func TestTouchTellsOfAStoreThatFails(t *testing.T) {
	down := errors.New("down")
	for op, touches := range map[string]int{"touch": 1, "load": 0} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProbe(t, session.Config{})
				c := p.client().must(login(t, "u"))
				time.Sleep(10 * time.Minute)
				res := c.visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
					p.saw()
					p.tap.took()
					p.tap.fail(op, down)
					if err := s.Touch(r.Context()); !errors.Is(err, down) || session.ErrorStatus(err) != http.StatusServiceUnavailable {
						t.Errorf("Touch: %v", err)
					}
					if s.Subject() != "u" {
						t.Errorf("the session is of %q", s.Subject())
					}
					if op == "load" {
						p.tap.put(nil)
					}
				})
				if res.StatusCode != http.StatusOK {
					t.Errorf("status %d", res.StatusCode)
				}
				calls := slices.DeleteFunc(p.tap.took(), func(op string) bool { return op != "touch" })
				if len(calls) != 1 {
					t.Errorf("the request touches %d times", len(calls))
				}
				if got := len(p.saw()); got != touches {
					t.Errorf("%d events, want %d", got, touches)
				}
				p.tap.put(nil)
				c.wants("<u>")
			})
		})
	}
}

func TestTouchOfASealedSessionTellsOfAStoreThatFails(t *testing.T) {
	st := &faultyStore{Store: memstore.New()}
	site := newSealedSite(t, newRing(t), session.Config{NotBefore: st})
	down := errors.New("down")
	site.handle("/touch", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		st.load = func(context.Context, store.ID) (store.Record, error) { return store.Record{}, down }
		if err := s.Touch(r.Context()); !errors.Is(err, down) || s.Subject() != "u" {
			t.Errorf("Touch: %v, the session is of %q", err, s.Subject())
		}
		st.load = nil
	})
	b := site.browser()
	b.want("/login?u", 200, "u/")
	b.want("/touch", 200, "")
	b.want("/read", 200, "u/")
}
