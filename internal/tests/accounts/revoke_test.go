package accounts

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
)

func TestRevokeOthersInTheRequestOfTheLogin(t *testing.T) {
	p := probe.New(t, session.Config{})
	old := p.Client().Must(probe.Login(t, "u"))
	c := p.Client().Must(probe.Succeed(t, func(r *http.Request, s *session.Session) error {
		if err := s.Login("u"); err != nil {
			return err
		}
		_, err := p.M.RevokeOthers(r.Context(), s)
		return err
	}))
	c.Wants("<u>")
	old.Wants(probe.Anonymous)
}

func TestRevokeOthersTakesASignedInSession(t *testing.T) {
	p, q := probe.New(t, session.Config{}), probe.New(t, session.Config{})
	fails := func(name string, m *session.Manager, s *session.Session) {
		t.Helper()
		if n, err := m.RevokeOthers(t.Context(), s); n != 0 || err == nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	fails("no session", p.M, nil)
	p.Client().Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		fails("an anonymous session", p.M, s)
		probe.Must(t, s.Login("u"))
		fails("another manager's session", q.M, s)
	})
	if calls := q.Tap.Took(); len(calls) > 0 {
		t.Errorf("the store was asked: %v", calls)
	}
}

// Who revokes, and signs in again in the same request, is not the one to keep out.
func TestARequestMayLoginAfterItsOwnRevokeAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		other := p.Client().Must(probe.Login(t, "u"))
		again := probe.Succeed(t, func(r *http.Request, s *session.Session) error {
			_, err := p.M.RevokeAll(r.Context(), "u")
			return errors.Join(err, s.Login("u"))
		})
		c := p.Client().Must(again)
		c.Wants("<u>")
		other.Wants(probe.Anonymous)
		c.Must(again).Wants("<u>") // and where its own session is one of them

		twice := probe.Succeed(t, func(r *http.Request, s *session.Session) error {
			_, err := p.M.RevokeAll(r.Context(), "u")
			_, err2 := p.M.RevokeAll(r.Context(), "u")
			return errors.Join(err, err2, s.Login("u"))
		})
		p.Client().Must(twice).Wants("<u>")
	})
}

// But not if somebody else has revoked as well since its request began: its
// password may be the old one.
func TestARequestsOwnRevokeAllDoesNotHideAnothers(t *testing.T) {
	for _, name := range []string{"before", "after"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probe.New(t, session.Config{})
				c := p.Client()
				res := c.Visit(probe.Succeed(t, func(r *http.Request, s *session.Session) error {
					theirs, ours := context.Background(), r.Context()
					order := []context.Context{theirs, ours}
					if name == "after" {
						order = []context.Context{ours, theirs}
					}
					for _, ctx := range order {
						time.Sleep(time.Second)
						if _, err := p.M.RevokeAll(ctx, "u"); err != nil {
							return err
						}
					}
					return s.Login("u")
				}))
				if res.StatusCode != http.StatusConflict {
					t.Errorf("status %d, want 409", res.StatusCode)
				}
				c.Wants(probe.Anonymous)
				if ids := p.IDsOf("u"); len(ids) > 0 {
					t.Errorf("%d sessions are left", len(ids))
				}
			})
		})
	}
}

// Where it cannot be told whether a sign-in comes too late, it fails.
func TestALoginFailsWhereTheNotBeforeCannotBeRead(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "k", 1))
	down := errors.New("down")
	res := c.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		probe.Must(t, s.Login("u"))
		p.Tap.Fail("load", down)
	})
	p.Tap.Put(nil)
	if res.StatusCode != http.StatusServiceUnavailable || len(res.Cookies()) > 0 {
		t.Errorf("status %d, cookies %v", res.StatusCode, res.Cookies())
	}
	// It was written, as where an answer was lost: nobody has the token, and who
	// signs in again has what the session held.
	c.Must(probe.Login(t, "u")).Wants("<u> k=1")
}

func TestRevokeAllTakesAStoreThatLists(t *testing.T) {
	p := probe.New(t, session.Config{})
	m, err := session.NewManager(struct{ store.Store }{p.Tap}, session.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.RevokeAll(t.Context(), "u"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v, want one that wraps ErrUnsupported", err)
	}
	if calls := p.Tap.Took(); len(calls) > 0 {
		t.Errorf("the store was asked: %v", calls)
	}
	if _, err := session.NewManager(struct{ store.Store }{p.Tap}, session.Config{MaxSessions: 1}); err == nil {
		t.Error("MaxSessions is accepted over a store that cannot list")
	}
}

func TestSealedLoginThatBeganBeforeARevocationFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := probe.SealedSite(t, probe.NewRing(t), session.Config{NotBefore: probe.NewTap()})
		site.Handle("/late", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if _, err := site.M.RevokeAll(context.Background(), "u"); err != nil {
				t.Error(err)
			}
			probe.Must(t, s.Login("u"))
		})
		site.Handle("/own", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if _, err := site.M.RevokeAll(r.Context(), "u"); err != nil {
				t.Error(err)
			}
			probe.Must(t, s.Login("u"))
		})
		site.Handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) { probe.Show(w, r, s) })
		b := site.Browser()
		if res := b.Get("/late"); res.Code != http.StatusConflict {
			t.Errorf("status %d, want 409", res.Code)
		}
		b.Want("/who", 200, probe.Anonymous)
		b.Get("/own")
		b.Want("/who", 200, "<u>")
	})
}

// A sealed session has no record that a revocation deletes: a step-up whose
// request began before must not make one of it that is newer.
func TestSealedReauthenticationThatBeganBeforeARevocationFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := probe.SealedSite(t, probe.NewRing(t), session.Config{NotBefore: probe.NewTap()})
		site.Handle("/in", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { probe.Must(t, s.Login("u")) })
		site.Handle("/late", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			time.Sleep(time.Second)
			_, err := site.M.RevokeAll(context.Background(), "u")
			probe.Must(t, err, s.Reauthenticate(1))
		})
		site.Handle("/own", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			time.Sleep(time.Second)
			_, err := site.M.RevokeAll(r.Context(), "u")
			probe.Must(t, err, s.Reauthenticate(1))
		})
		site.Handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) { probe.Show(w, r, s) })
		b := site.Browser()
		b.Get("/in")
		b.Want("/who", 200, "<u>")
		if res := b.Get("/late"); res.Code != http.StatusConflict {
			t.Errorf("status %d, want 409", res.Code)
		}
		b.Want("/who", 200, probe.Anonymous)
		b.Get("/in")
		b.Get("/own") // who revokes may go on
		b.Want("/who", 200, "<u>")
	})
}
