package session_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
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

func TestSecurity_LC8_RevokeOthersKeepsTheCurrentSession(t *testing.T) {
	p := newProbe(t, session.Config{})
	here, there, elsewhere := p.client().must(login(t, "u")), p.client().must(login(t, "u")), p.client().must(login(t, "u"))
	another := p.client().must(login(t, "v"))
	here.must(succeed(t, func(r *http.Request, s *session.Session) error {
		n, err := p.m.RevokeOthers(r.Context(), s)
		if n != 2 {
			t.Errorf("%d sessions were ended, want 2", n)
		}
		return err
	}))
	here.wants("<u>")
	there.wants(anonymous)
	elsewhere.wants(anonymous)
	another.wants("<v>")
	p.client().must(login(t, "u")).wants("<u>")
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

func TestSecurity_LC10_RevokeForLeavesOtherSubjectsAlone(t *testing.T) {
	p := newProbe(t, session.Config{})
	victim, guest := p.client().must(login(t, "victim")), p.client().must(set(t, "k", 1))
	for name, token := range map[string]string{"another's": victim.token(), "a guest's": guest.token()} {
		id, _ := rawToken(t, token)
		if ended, err := p.m.RevokeFor(t.Context(), "u", id); ended || err != nil {
			t.Errorf("%s: %v, %v", name, ended, err)
		}
	}
	if _, err := p.m.RevokeFor(t.Context(), "", session.ID{1}); err == nil {
		t.Error("the empty subject has sessions to revoke")
	}
	victim.wants("<victim>")
	guest.wants("<> k=1")

	id, _ := rawToken(t, victim.token())
	for _, want := range []bool{true, false} { // the second time there is none
		if ended, err := p.m.RevokeFor(t.Context(), "victim", id); ended != want || err != nil {
			t.Errorf("%v, %v; want %v", ended, err, want)
		}
	}
	victim.wants(anonymous)
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

// A revocation ends the sessions of u, on another machine than where u signs in,
// but for those that it leaves.
type revocation struct {
	name   string
	left   int
	revoke func() error
}

// revocations returns one of each kind, over a store.
func revocations(t *testing.T, tap *tap) []revocation {
	q := probeOver(t, tap, session.Config{})
	asks := q.client().must(login(t, "u"))
	return []revocation{
		{"RevokeAll", 0, func() error {
			_, err := q.m.RevokeAll(t.Context(), "u")
			return err
		}},
		{"RevokeOthers", 1, func() (err error) {
			asks.visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				_, err = q.m.RevokeOthers(r.Context(), s)
			})
			return err
		}},
	}
}

// A password is checked, and changed before the sign-in is through: at whatever
// step of the one all of the other happens, the sign-in on the old password is
// dead.
func TestSecurity_LC8_ALoginThatBeganBeforeARevocationFails(t *testing.T) {
	for name, begin := range map[string]func(c *client){
		"new session":        func(*client) {},
		"a guest's":          func(c *client) { c.must(set(c.p.t, "k", 1)) },
		"the subject's own":  func(c *client) { c.must(login(c.p.t, "u")) },
		"another subject's":  func(c *client) { c.must(login(c.p.t, "v")) },
		"two sessions there": func(c *client) { c.p.client().must(login(c.p.t, "u")); c.p.client().must(login(c.p.t, "u")) },
	} {
		for kind := range 2 {
			// The step of the sign-in's store operations at which they are revoked;
			// -1 is while the handler checks the password.
			for step, reached := -1, true; reached; step++ {
				reached = false
				for _, after := range []bool{false, true} {
					synctest.Test(t, func(t *testing.T) {
						p := newProbe(t, session.Config{})
						how := revocations(t, p.tap)[kind]
						c := p.client()
						begin(c)
						time.Sleep(time.Second)
						revoke := func() {
							reached = true
							must(t, how.revoke())
						}
						res := c.visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
							if step < 0 {
								revoke()
							}
							must(t, s.Login("u"))
							if step >= 0 {
								p.tap.at(step, after, revoke)
							}
						})
						p.tap.put(nil)
						if !reached {
							return
						}
						what := name + ", step " + strconv.Itoa(step) + ", " + how.name
						if got := res.StatusCode; got != http.StatusConflict && got != http.StatusOK {
							t.Errorf("%s: status %d", what, got)
						}
						if ids := p.idsOf("u"); len(ids) != how.left {
							t.Errorf("%s: %d sessions of the subject are left, want %d", what, len(ids), how.left)
						}
						if state := c.state(); strings.HasPrefix(state, "<u>") {
							t.Errorf("%s: the client is %s", what, state)
						}
						p.client().must(login(t, "u")).wants("<u>") // a sign-in that comes later is good
					})
				}
			}
		}
	}
}

// The other way about: at whatever step of the revocation a sign-in is
// through that began before it.
func TestARevocationMissesNoLoginThatBeganBefore(t *testing.T) {
	for kind := range 2 {
		for step, reached := 0, true; reached; step++ {
			reached = false
			for _, after := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					p := newProbe(t, session.Config{})
					how := revocations(t, p.tap)[kind]
					other := p.client().must(login(t, "u"))
					time.Sleep(time.Second)
					begun, proceed, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
					c := p.client()
					go func() {
						defer close(done)
						c.visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
							close(begun)
							<-proceed
							must(t, s.Login("u"))
						})
					}()
					<-begun
					time.Sleep(time.Second)
					signIn := func() { close(proceed); <-done }
					p.tap.at(step, after, func() { reached = true; signIn() })
					must(t, how.revoke())
					p.tap.put(nil)
					if !reached {
						signIn()
					}
					if ids := p.idsOf("u"); len(ids) != how.left {
						t.Errorf("step %d, after %v: %s leaves %d sessions, want %d", step, after, how.name, len(ids), how.left)
					}
					c.wants(anonymous)
					other.wants(anonymous)
				})
			}
		}
	}
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
