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

// reload and touch both show the newest state.
var looks = map[string]func(ctx context.Context, s *session.Session) error{
	"Reload": func(ctx context.Context, s *session.Session) error { return s.Reload(ctx) },
	"Touch":  func(ctx context.Context, s *session.Session) error { return s.Touch(ctx) },
}

func TestALongRequestSeesWhatOthersHaveCommitted(t *testing.T) {
	for name, look := range looks {
		t.Run(name, func(t *testing.T) {
			p := probe.New(t, session.Config{})
			c := p.Client().Must(probe.Login(t, "u")).Must(probe.Set(t, "a", 1)).Must(probe.Set(t, "b", 1))
			c.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				wants := func(want string) {
					t.Helper()
					if got := probe.Describe(s); got != want {
						t.Errorf("it sees %q, want %q", got, want)
					}
				}
				wants("<u> a=1 b=1")
				c.Must(probe.Set(t, "a", 2))
				c.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
					return errors.Join(s.Delete("b"), s.SetLabel("phone"))
				}))
				wants("<u> a=1 b=1")
				probe.Must(t, look(r.Context(), s))
				wants("<u> a=2")
				if s.Label() != "phone" {
					t.Errorf("the label is %q", s.Label())
				}
				// What it has pending stays on top.
				probe.Must(t, s.Set("own", 1), probe.Increment(s))
				c.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
					return errors.Join(probe.Increment(s), s.Set("own", 2), s.Set("b", 3))
				}))
				wants("<u> a=2 n=1 own=1")
				probe.Must(t, look(r.Context(), s))
				wants("<u> a=2 b=3 n=2 own=1")
			})
			c.Wants("<u> a=2 b=3 n=2 own=1")
		})
	}
}

func TestALongRequestLearnsOfTheEnd(t *testing.T) {
	for end, f := range map[string]func(t *testing.T, c *probe.Client, id session.ID){
		"revoked": func(t *testing.T, c *probe.Client, id session.ID) { probe.Must(t, c.P.M.Revoke(t.Context(), id)) },
		"renewed": func(t *testing.T, c *probe.Client, _ session.ID) { c.Must(probe.Renew(t)) },
		"expired": func(*testing.T, *probe.Client, session.ID) { time.Sleep(2 * time.Hour) },
	} {
		for name, look := range looks {
			t.Run(end+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := probe.New(t, session.Config{})
					c := p.Client().Must(probe.Login(t, "u"))
					res := p.With(c.Token()).Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
						probe.Must(t, s.Set("k", 1))
						f(t, c, s.ID())
						if err := look(r.Context(), s); !errors.Is(err, session.ErrEnded) || probe.Describe(s) != probe.Anonymous {
							t.Errorf("%v, and it sees %q", err, probe.Describe(s))
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
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u"))
		was := p.Only("u")
		c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			probe.Must(t, http.NewResponseController(w).Flush())
			for range 5 {
				time.Sleep(10 * time.Minute)
				p.Tap.Took()
				probe.Must(t, s.Reload(r.Context()))
				if calls := p.Tap.Took(); !slices.Equal(calls, []string{"load"}) {
					t.Errorf("the store was asked to %v", calls)
				}
			}
			if now := p.Only("u"); !now.Seen.Equal(was.Seen) || !now.Expires.Equal(was.Expires) {
				t.Errorf("seen %v, expires %v; was %v, %v", now.Seen, now.Expires, was.Seen, was.Expires)
			}
			time.Sleep(10 * time.Minute)
			if err := s.Reload(r.Context()); !errors.Is(err, session.ErrEnded) {
				t.Errorf("after an hour: %v, want ErrEnded", err)
			}
		})
		p.Tap.Took()
		p.Client().Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			probe.Must(t, s.Reload(r.Context())) // of a session that is not stored
		})
		if calls := p.Tap.Took(); len(calls) != 0 {
			t.Errorf("for a new session the store was asked to %v", calls)
		}
	})
}

func TestReloadThatFailsLeavesTheSession(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	down := errors.New("down")
	c.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Set("k", 1))
		p.Tap.Fail("load", down)
		if err := s.Reload(r.Context()); !errors.Is(err, down) || session.ErrorStatus(err) != http.StatusServiceUnavailable || probe.Describe(s) != "<u> k=1" {
			t.Errorf("%v, and it sees %q", err, probe.Describe(s))
		}
		p.Tap.Put(nil)
		gone, cancel := context.WithCancel(r.Context())
		cancel()
		if err := s.Reload(gone); !errors.Is(err, context.Canceled) || probe.Describe(s) != "<u> k=1" {
			t.Errorf("%v, and it sees %q", err, probe.Describe(s))
		}
	})
	c.Wants("<u> k=1")
}

// Of a sealed session nothing newer is known, but for its end.
func TestReloadOfASealedSession(t *testing.T) {
	site := probe.SealedSite(t, probe.NewRing(t), session.Config{NotBefore: memstore.New()})
	site.Handle("/reload", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Set("own", 1), s.Reload(r.Context()))
		if probe.Describe(s) != "<u> own=1" {
			t.Errorf("it sees %q", probe.Describe(s))
		}
		_, err := site.M.RevokeAll(context.Background(), "u")
		probe.Must(t, err)
		if err := s.Reload(r.Context()); !errors.Is(err, session.ErrEnded) || probe.Describe(s) != probe.Anonymous {
			t.Errorf("%v, and it sees %q", err, probe.Describe(s))
		}
	})
	b := site.Browser()
	b.Want("/login?u", 200, "u/")
	b.Want("/reload", http.StatusConflict, "Conflict")
}

// A store that fails over to an older state has lost the renewal of this request.
// Nobody else holds its token, so the session is over for it.
func TestALongRequestLearnsThatTheStoreHasForgotten(t *testing.T) {
	for name, look := range looks {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u"))
		c.Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			before, err := p.Tap.Under.Load(r.Context(), s.ID())
			probe.Must(t, err, s.Renew(), s.Save(r.Context()))
			p.Tap.Poison(func(store.Record) store.Record { return before })
			if err := look(r.Context(), s); !errors.Is(err, session.ErrEnded) || s.Subject() != "" {
				t.Errorf("%s: %v, and it sees %q", name, err, probe.Describe(s))
			}
		})
	}
}

// The function of an Update must not change the session. One that does is a mistake
// that must not keep its request for ever.
func TestReloadEndsWhateverAnUpdateDoes(t *testing.T) {
	const enough = 10_000
	p := probe.New(t, session.Config{})
	p.Client().Must(probe.Set(t, "k", 1)).Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		calls := 0
		probe.Must(t, probe.Counter.Update(s, func(n int) (int, error) {
			if calls++; calls < enough {
				probe.Must(t, s.Set("other", calls))
			}
			return n + 1, nil
		}))
		probe.Must(t, s.Reload(r.Context()))
		if calls >= enough {
			t.Errorf("it was called %d times", calls)
		}
	})
}

// What a goroutine changes while a Reload applies what is pending shows afterwards.
func TestAChangeBesideAReloadShows(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "k", 1))
	c.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		calls := 0
		probe.Must(t, probe.Counter.Update(s, func(n int) (int, error) {
			if calls++; calls == 2 { // the one of Reload
				done := make(chan error)
				go func() { done <- s.Set("other", 1) }()
				probe.Must(t, <-done)
			}
			return n + 1, nil
		}), s.Reload(r.Context()))
		if s.Get("other") != 1 {
			t.Errorf("the session shows %v", probe.Describe(s))
		}
	})
}
