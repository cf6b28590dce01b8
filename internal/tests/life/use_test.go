package life

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// By default a session ends after an hour without use, and its use is written
// once a minute.

// A request that comes in the last minute, and takes longer than that, is one.
func TestASlowHandlerKeepsItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u"))
		time.Sleep(time.Hour - 30*time.Second)
		c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			time.Sleep(2 * time.Minute)
			probe.Must(t, s.Set("k", "v"))
		})
		c.Wants("<u> k=v")
	})
}

// A page that shows when the session ends, or who was here when, has its own
// request counted by a Save before.
func TestAHandlerSeesItsOwnUseFromSaveOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u"))
		before := p.Only("u")
		time.Sleep(50 * time.Minute)
		c.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if !s.Seen().Equal(before.Seen) || !s.Expires().Equal(before.Expires) {
				t.Errorf("seen %v, expires %v, before the commit", s.Seen(), s.Expires())
			}
			probe.Must(t, s.Save(r.Context()))
			now, listed := time.Now(), p.Only("u")
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
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u"))
		c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			probe.Must(t, http.NewResponseController(w).Flush())
			for range 10 {
				time.Sleep(50 * time.Minute)
				probe.Must(t, s.Touch(r.Context()))
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
				p := probe.New(t, session.Config{})
				c := p.Client().Must(probe.Login(t, "u"))
				time.Sleep(10 * time.Minute)
				res := c.Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
					p.Saw()
					p.Tap.Took()
					p.Tap.Fail(op, down)
					if err := s.Touch(r.Context()); !errors.Is(err, down) || session.ErrorStatus(err) != http.StatusServiceUnavailable {
						t.Errorf("Touch: %v", err)
					}
					if s.Subject() != "u" {
						t.Errorf("the session is of %q", s.Subject())
					}
					if op == "load" {
						p.Tap.Put(nil)
					}
				})
				if res.StatusCode != http.StatusOK {
					t.Errorf("status %d", res.StatusCode)
				}
				calls := slices.DeleteFunc(p.Tap.Took(), func(op string) bool { return op != "touch" })
				if len(calls) != 1 {
					t.Errorf("the request touches %d times", len(calls))
				}
				if got := len(p.Saw()); got != touches {
					t.Errorf("%d events, want %d", got, touches)
				}
				p.Tap.Put(nil)
				c.Wants("<u>")
			})
		})
	}
}

func TestTouchOfASealedSessionTellsOfAStoreThatFails(t *testing.T) {
	st := &probe.Faulty{Store: memstore.New()}
	site := probe.SealedSite(t, probe.NewRing(t), session.Config{NotBefore: st})
	down := errors.New("down")
	site.Handle("/touch", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		st.OnLoad = func(context.Context, store.ID) (store.Record, error) { return store.Record{}, down }
		if err := s.Touch(r.Context()); !errors.Is(err, down) || s.Subject() != "u" {
			t.Errorf("Touch: %v, the session is of %q", err, s.Subject())
		}
		st.OnLoad = nil
	})
	b := site.Browser()
	b.Want("/login?u", 200, "u/")
	b.Want("/touch", 200, "")
	b.Want("/read", 200, "u/")
}
