package session_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
)

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
