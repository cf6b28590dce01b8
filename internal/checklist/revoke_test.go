package checklist

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

func TestSecurity_LC8_RevokeOthersKeepsTheCurrentSession(t *testing.T) {
	p := probe.New(t, session.Config{})
	here, there, elsewhere := p.Client().Must(probe.Login(t, "u")), p.Client().Must(probe.Login(t, "u")), p.Client().Must(probe.Login(t, "u"))
	another := p.Client().Must(probe.Login(t, "v"))
	here.Must(probe.Succeed(t, func(r *http.Request, s *session.Session) error {
		n, err := p.M.RevokeOthers(r.Context(), s)
		if n != 2 {
			t.Errorf("%d sessions were ended, want 2", n)
		}
		return err
	}))
	here.Wants("<u>")
	there.Wants(probe.Anonymous)
	elsewhere.Wants(probe.Anonymous)
	another.Wants("<v>")
	p.Client().Must(probe.Login(t, "u")).Wants("<u>")
}

func TestSecurity_LC10_RevokeForLeavesOtherSubjectsAlone(t *testing.T) {
	p := probe.New(t, session.Config{})
	victim, guest := p.Client().Must(probe.Login(t, "victim")), p.Client().Must(probe.Set(t, "k", 1))
	for name, token := range map[string]string{"another's": victim.Token(), "a guest's": guest.Token()} {
		id, _ := probe.RawToken(t, token)
		if ended, err := p.M.RevokeFor(t.Context(), "u", id); ended || err != nil {
			t.Errorf("%s: %v, %v", name, ended, err)
		}
	}
	if _, err := p.M.RevokeFor(t.Context(), "", session.ID{1}); err == nil {
		t.Error("the empty subject has sessions to revoke")
	}
	victim.Wants("<victim>")
	guest.Wants("<> k=1")

	id, _ := probe.RawToken(t, victim.Token())
	for _, want := range []bool{true, false} { // the second time there is none
		if ended, err := p.M.RevokeFor(t.Context(), "victim", id); ended != want || err != nil {
			t.Errorf("%v, %v; want %v", ended, err, want)
		}
	}
	victim.Wants(probe.Anonymous)
}

// A revocation ends the sessions of u, on another machine than where u signs in,
// but for those that it leaves.
type revocation struct {
	name   string
	left   int
	revoke func() error
}

// revocations returns one of each kind, over a store.
func revocations(t *testing.T, tap *probe.Tap) []revocation {
	q := probe.Over(t, tap, session.Config{})
	asks := q.Client().Must(probe.Login(t, "u"))
	return []revocation{
		{"RevokeAll", 0, func() error {
			_, err := q.M.RevokeAll(t.Context(), "u")
			return err
		}},
		{"RevokeOthers", 1, func() (err error) {
			asks.Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				_, err = q.M.RevokeOthers(r.Context(), s)
			})
			return err
		}},
	}
}

// A password is checked, and changed before the sign-in is through: at whatever
// step of the one all of the other happens, the sign-in on the old password is
// dead.
func TestSecurity_LC8_ALoginThatBeganBeforeARevocationFails(t *testing.T) {
	for name, begin := range map[string]func(c *probe.Client){
		"new session":       func(*probe.Client) {},
		"a guest's":         func(c *probe.Client) { c.Must(probe.Set(c.P.T, "k", 1)) },
		"the subject's own": func(c *probe.Client) { c.Must(probe.Login(c.P.T, "u")) },
		"another subject's": func(c *probe.Client) { c.Must(probe.Login(c.P.T, "v")) },
		"two sessions there": func(c *probe.Client) {
			c.P.Client().Must(probe.Login(c.P.T, "u"))
			c.P.Client().Must(probe.Login(c.P.T, "u"))
		},
	} {
		for kind := range 2 {
			// The step of the sign-in's store operations at which they are revoked;
			// -1 is while the handler checks the password.
			for step, reached := -1, true; reached; step++ {
				reached = false
				for _, after := range []bool{false, true} {
					synctest.Test(t, func(t *testing.T) {
						p := probe.New(t, session.Config{})
						how := revocations(t, p.Tap)[kind]
						c := p.Client()
						begin(c)
						time.Sleep(time.Second)
						revoke := func() {
							reached = true
							probe.Must(t, how.revoke())
						}
						res := c.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
							if step < 0 {
								revoke()
							}
							probe.Must(t, s.Login("u"))
							if step >= 0 {
								p.Tap.At(step, after, revoke)
							}
						})
						p.Tap.Put(nil)
						if !reached {
							return
						}
						what := name + ", step " + strconv.Itoa(step) + ", " + how.name
						if got := res.StatusCode; got != http.StatusConflict && got != http.StatusOK {
							t.Errorf("%s: status %d", what, got)
						}
						if ids := p.IDsOf("u"); len(ids) != how.left {
							t.Errorf("%s: %d sessions of the subject are left, want %d", what, len(ids), how.left)
						}
						if state := c.State(); strings.HasPrefix(state, "<u>") {
							t.Errorf("%s: the client is %s", what, state)
						}
						p.Client().Must(probe.Login(t, "u")).Wants("<u>") // a sign-in that comes later is good
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
					p := probe.New(t, session.Config{})
					how := revocations(t, p.Tap)[kind]
					other := p.Client().Must(probe.Login(t, "u"))
					time.Sleep(time.Second)
					begun, proceed, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
					c := p.Client()
					go func() {
						defer close(done)
						c.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
							close(begun)
							<-proceed
							probe.Must(t, s.Login("u"))
						})
					}()
					<-begun
					time.Sleep(time.Second)
					signIn := func() { close(proceed); <-done }
					p.Tap.At(step, after, func() { reached = true; signIn() })
					probe.Must(t, how.revoke())
					p.Tap.Put(nil)
					if !reached {
						signIn()
					}
					if ids := p.IDsOf("u"); len(ids) != how.left {
						t.Errorf("step %d, after %v: %s leaves %d sessions, want %d", step, after, how.name, len(ids), how.left)
					}
					c.Wants(probe.Anonymous)
					other.Wants(probe.Anonymous)
				})
			}
		}
	}
}
