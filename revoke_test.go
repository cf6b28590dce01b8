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
)

// idsOf returns the IDs of a subject's sessions, ascending.
func (p *probe) idsOf(subject string) []session.ID {
	p.t.Helper()
	infos, err := collect(p.m.List(p.t.Context(), subject))
	if err != nil {
		p.t.Fatal(err)
	}
	var ids []session.ID
	for _, info := range infos {
		ids = append(ids, info.ID)
	}
	slices.SortFunc(ids, func(a, b session.ID) int { return slices.Compare(a[:], b[:]) })
	return ids
}

func TestRevokeOthersInTheRequestOfTheLogin(t *testing.T) {
	p := newProbe(t, session.Config{})
	old := p.client().must(login(t, "u"))
	c := p.client().must(succeed(t, func(r *http.Request, s *session.Session) error {
		if err := s.Login("u"); err != nil {
			return err
		}
		_, err := p.m.RevokeOthers(r.Context(), s)
		return err
	}))
	c.wants("<u>")
	old.wants(anonymous)
}

func TestRevokeOthersTakesASignedInSession(t *testing.T) {
	p, q := newProbe(t, session.Config{}), newProbe(t, session.Config{})
	fails := func(name string, m *session.Manager, s *session.Session) {
		t.Helper()
		if n, err := m.RevokeOthers(t.Context(), s); n != 0 || err == nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	fails("no session", p.m, nil)
	p.client().visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		fails("an anonymous session", p.m, s)
		must(t, s.Login("u"))
		fails("another manager's session", q.m, s)
	})
	if calls := q.tap.took(); len(calls) > 0 {
		t.Errorf("the store was asked: %v", calls)
	}
}

// at has f happen once, before or after the operation of this number from now on.
func (t *tap) at(step int, after bool, f func()) {
	n := 0
	t.put(func(_ context.Context, _ string, do func() error) error {
		n++
		here := n-1 == step
		if here && !after {
			t.put(nil)
			f()
		}
		err := do()
		if here && after {
			t.put(nil)
			f()
		}
		return err
	})
}

// Who revokes, and signs in again in the same request, is not the one to keep out.
func TestARequestMayLoginAfterItsOwnRevokeAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		other := p.client().must(login(t, "u"))
		again := succeed(t, func(r *http.Request, s *session.Session) error {
			_, err := p.m.RevokeAll(r.Context(), "u")
			return errors.Join(err, s.Login("u"))
		})
		c := p.client().must(again)
		c.wants("<u>")
		other.wants(anonymous)
		c.must(again).wants("<u>") // and where its own session is one of them

		twice := succeed(t, func(r *http.Request, s *session.Session) error {
			_, err := p.m.RevokeAll(r.Context(), "u")
			_, err2 := p.m.RevokeAll(r.Context(), "u")
			return errors.Join(err, err2, s.Login("u"))
		})
		p.client().must(twice).wants("<u>")
	})
}

// But not if somebody else has revoked as well since its request began: its
// password may be the old one.
func TestARequestsOwnRevokeAllDoesNotHideAnothers(t *testing.T) {
	for _, name := range []string{"before", "after"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProbe(t, session.Config{})
				c := p.client()
				res := c.visit(succeed(t, func(r *http.Request, s *session.Session) error {
					theirs, ours := context.Background(), r.Context()
					order := []context.Context{theirs, ours}
					if name == "after" {
						order = []context.Context{ours, theirs}
					}
					for _, ctx := range order {
						time.Sleep(time.Second)
						if _, err := p.m.RevokeAll(ctx, "u"); err != nil {
							return err
						}
					}
					return s.Login("u")
				}))
				if res.StatusCode != http.StatusConflict {
					t.Errorf("status %d, want 409", res.StatusCode)
				}
				c.wants(anonymous)
				if ids := p.idsOf("u"); len(ids) > 0 {
					t.Errorf("%d sessions are left", len(ids))
				}
			})
		})
	}
}

// Where it cannot be told whether a sign-in comes too late, it fails.
func TestALoginFailsWhereTheNotBeforeCannotBeRead(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(set(t, "k", 1))
	down := errors.New("down")
	res := c.visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		must(t, s.Login("u"))
		p.tap.fail("load", down)
	})
	p.tap.put(nil)
	if res.StatusCode != http.StatusServiceUnavailable || len(res.Cookies()) > 0 {
		t.Errorf("status %d, cookies %v", res.StatusCode, res.Cookies())
	}
	// It was written, as where an answer was lost: nobody has the token, and who
	// signs in again has what the session held.
	c.must(login(t, "u")).wants("<u> k=1")
}

func TestRevokeAllTakesAStoreThatLists(t *testing.T) {
	p := newProbe(t, session.Config{})
	m, err := session.NewManager(struct{ store.Store }{p.tap}, session.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.RevokeAll(t.Context(), "u"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v, want one that wraps ErrUnsupported", err)
	}
	if calls := p.tap.took(); len(calls) > 0 {
		t.Errorf("the store was asked: %v", calls)
	}
	if _, err := session.NewManager(struct{ store.Store }{p.tap}, session.Config{MaxSessions: 1}); err == nil {
		t.Error("MaxSessions is accepted over a store that cannot list")
	}
}

func TestSealedLoginThatBeganBeforeARevocationFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSealedSite(t, newRing(t), session.Config{NotBefore: newTap()})
		site.handle("/late", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if _, err := site.m.RevokeAll(context.Background(), "u"); err != nil {
				t.Error(err)
			}
			must(t, s.Login("u"))
		})
		site.handle("/own", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if _, err := site.m.RevokeAll(r.Context(), "u"); err != nil {
				t.Error(err)
			}
			must(t, s.Login("u"))
		})
		site.handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) { show(w, r, s) })
		b := site.browser()
		if res := b.get("/late"); res.Code != http.StatusConflict {
			t.Errorf("status %d, want 409", res.Code)
		}
		b.want("/who", 200, anonymous)
		b.get("/own")
		b.want("/who", 200, "<u>")
	})
}

// A sealed session has no record that a revocation deletes: a step-up whose
// request began before must not make one of it that is newer.
func TestSealedReauthenticationThatBeganBeforeARevocationFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSealedSite(t, newRing(t), session.Config{NotBefore: newTap()})
		site.handle("/in", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { must(t, s.Login("u")) })
		site.handle("/late", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			time.Sleep(time.Second)
			_, err := site.m.RevokeAll(context.Background(), "u")
			must(t, err, s.Reauthenticate(1))
		})
		site.handle("/own", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			time.Sleep(time.Second)
			_, err := site.m.RevokeAll(r.Context(), "u")
			must(t, err, s.Reauthenticate(1))
		})
		site.handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) { show(w, r, s) })
		b := site.browser()
		b.get("/in")
		b.want("/who", 200, "<u>")
		if res := b.get("/late"); res.Code != http.StatusConflict {
			t.Errorf("status %d, want 409", res.Code)
		}
		b.want("/who", 200, anonymous)
		b.get("/in")
		b.get("/own") // who revokes may go on
		b.want("/who", 200, "<u>")
	})
}
