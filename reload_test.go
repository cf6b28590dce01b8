package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// reload and touch both show the newest state.
var looks = map[string]func(ctx context.Context, s *session.Session) error{
	"Reload": func(ctx context.Context, s *session.Session) error { return s.Reload(ctx) },
	"Touch":  func(ctx context.Context, s *session.Session) error { return s.Touch(ctx) },
}

// state writes a session as show does.
func state(s *session.Session) string {
	text := "<" + s.Subject() + ">"
	for key := range s.Keys() {
		text += fmt.Sprintf(" %s=%v", key, s.Get(key))
	}
	return text
}

func TestALongRequestSeesWhatOthersHaveCommitted(t *testing.T) {
	for name, look := range looks {
		t.Run(name, func(t *testing.T) {
			p := newProbe(t, session.Config{})
			c := p.client().must(login(t, "u")).must(set(t, "a", 1)).must(set(t, "b", 1))
			c.must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				wants := func(want string) {
					t.Helper()
					if got := state(s); got != want {
						t.Errorf("it sees %q, want %q", got, want)
					}
				}
				wants("<u> a=1 b=1")
				c.must(set(t, "a", 2))
				c.must(succeed(t, func(_ *http.Request, s *session.Session) error {
					return errors.Join(s.Delete("b"), s.SetLabel("phone"))
				}))
				wants("<u> a=1 b=1")
				must(t, look(r.Context(), s))
				wants("<u> a=2")
				if s.Label() != "phone" {
					t.Errorf("the label is %q", s.Label())
				}
				// What it has pending stays on top.
				must(t, s.Set("own", 1), increment(s))
				c.must(succeed(t, func(_ *http.Request, s *session.Session) error {
					return errors.Join(increment(s), s.Set("own", 2), s.Set("b", 3))
				}))
				wants("<u> a=2 n=1 own=1")
				must(t, look(r.Context(), s))
				wants("<u> a=2 b=3 n=2 own=1")
			})
			c.wants("<u> a=2 b=3 n=2 own=1")
		})
	}
}

func TestALongRequestLearnsOfTheEnd(t *testing.T) {
	for end, f := range map[string]func(t *testing.T, c *client, id session.ID){
		"revoked": func(t *testing.T, c *client, id session.ID) { must(t, c.p.m.Revoke(t.Context(), id)) },
		"renewed": func(t *testing.T, c *client, _ session.ID) { c.must(renew(t)) },
		"expired": func(*testing.T, *client, session.ID) { time.Sleep(2 * time.Hour) },
	} {
		for name, look := range looks {
			t.Run(end+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newProbe(t, session.Config{})
					c := p.client().must(login(t, "u"))
					res := p.with(c.token()).visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
						must(t, s.Set("k", 1))
						f(t, c, s.ID())
						if err := look(r.Context(), s); !errors.Is(err, session.ErrEnded) || state(s) != anonymous {
							t.Errorf("%v, and it sees %q", err, state(s))
						}
					})
					if res.StatusCode != http.StatusConflict || len(res.Cookies()) != 0 {
						t.Errorf("status %d, cookies %v", res.StatusCode, res.Cookies())
					}
				})
			})
		}
	}
}

// To look is no use of the session, however often, and costs one load.
func TestReloadWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		c := p.client().must(login(t, "u"))
		was := p.only("u")
		c.must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			must(t, http.NewResponseController(w).Flush())
			for range 5 {
				time.Sleep(10 * time.Minute)
				p.tap.took()
				must(t, s.Reload(r.Context()))
				if calls := p.tap.took(); !slices.Equal(calls, []string{"load"}) {
					t.Errorf("the store was asked to %v", calls)
				}
			}
			if now := p.only("u"); !now.Seen.Equal(was.Seen) || !now.Expires.Equal(was.Expires) {
				t.Errorf("seen %v, expires %v; was %v, %v", now.Seen, now.Expires, was.Seen, was.Expires)
			}
			time.Sleep(10 * time.Minute)
			if err := s.Reload(r.Context()); !errors.Is(err, session.ErrEnded) {
				t.Errorf("after an hour: %v, want ErrEnded", err)
			}
		})
		p.tap.took()
		p.client().must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			must(t, s.Reload(r.Context())) // of a session that is not stored
		})
		if calls := p.tap.took(); len(calls) != 0 {
			t.Errorf("for a new session the store was asked to %v", calls)
		}
	})
}

func TestReloadThatFailsLeavesTheSession(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	down := errors.New("down")
	c.must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Set("k", 1))
		p.tap.fail("load", down)
		if err := s.Reload(r.Context()); !errors.Is(err, down) || session.ErrorStatus(err) != http.StatusServiceUnavailable || state(s) != "<u> k=1" {
			t.Errorf("%v, and it sees %q", err, state(s))
		}
		p.tap.put(nil)
		gone, cancel := context.WithCancel(r.Context())
		cancel()
		if err := s.Reload(gone); !errors.Is(err, context.Canceled) || state(s) != "<u> k=1" {
			t.Errorf("%v, and it sees %q", err, state(s))
		}
	})
	c.wants("<u> k=1")
}

// Of a sealed session nothing newer is known, but for its end.
func TestReloadOfASealedSession(t *testing.T) {
	site := newSealedSite(t, newRing(t), session.Config{NotBefore: memstore.New()})
	site.handle("/reload", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Set("own", 1), s.Reload(r.Context()))
		if state(s) != "<u> own=1" {
			t.Errorf("it sees %q", state(s))
		}
		_, err := site.m.RevokeAll(context.Background(), "u")
		must(t, err)
		if err := s.Reload(r.Context()); !errors.Is(err, session.ErrEnded) || state(s) != anonymous {
			t.Errorf("%v, and it sees %q", err, state(s))
		}
	})
	b := site.browser()
	b.want("/login?u", 200, "u/")
	b.want("/reload", http.StatusConflict, "Conflict")
}

// A store that fails over to an older state has lost the renewal of this request.
// Nobody else holds its token, so the session is over for it.
func TestALongRequestLearnsThatTheStoreHasForgotten(t *testing.T) {
	for name, look := range looks {
		p := newProbe(t, session.Config{})
		c := p.client().must(login(t, "u"))
		c.visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			before, err := p.tap.under.Load(r.Context(), s.ID())
			must(t, err, s.Renew(), s.Save(r.Context()))
			p.tap.poison(func(store.Record) store.Record { return before })
			if err := look(r.Context(), s); !errors.Is(err, session.ErrEnded) || s.Subject() != "" {
				t.Errorf("%s: %v, and it sees %q", name, err, state(s))
			}
		})
	}
}

// The function of an Update must not change the session. One that does is a mistake
// that must not keep its request for ever.
func TestReloadEndsWhateverAnUpdateDoes(t *testing.T) {
	const enough = 10_000
	p := newProbe(t, session.Config{})
	p.client().must(set(t, "k", 1)).must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		calls := 0
		must(t, counter.Update(s, func(n int) (int, error) {
			if calls++; calls < enough {
				must(t, s.Set("other", calls))
			}
			return n + 1, nil
		}))
		must(t, s.Reload(r.Context()))
		if calls >= enough {
			t.Errorf("it was called %d times", calls)
		}
	})
}

// What a goroutine changes while a Reload applies what is pending shows afterwards.
func TestAChangeBesideAReloadShows(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(set(t, "k", 1))
	c.must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		calls := 0
		must(t, counter.Update(s, func(n int) (int, error) {
			if calls++; calls == 2 { // the one of Reload
				done := make(chan error)
				go func() { done <- s.Set("other", 1) }()
				must(t, <-done)
			}
			return n + 1, nil
		}), s.Reload(r.Context()))
		if s.Get("other") != 1 {
			t.Errorf("the session shows %v", state(s))
		}
	})
}
