package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
)

// id returns the ID in the client's token.
func (c *client) id() session.ID {
	id, _ := rawToken(c.p.t, c.token())
	return id
}

func TestLoginOfAnotherBeginsAnotherSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		c := p.client().must(login(t, "alice")).must(set(t, "note", "alice's"))
		alices, token := c.id(), c.token()
		time.Sleep(10 * time.Minute)
		p.saw()
		var told session.ID
		c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			must(t, s.Set("late", "alice's too"), s.Login("bob"), s.Set("own", 1))
			if told = s.ID(); told == alices || !s.IsNew() || !s.Created().Equal(time.Now()) {
				t.Errorf("after Login the session is %v, new: %v, of %v", told, s.IsNew(), s.Created())
			}
		})
		c.wants("<bob> own=1")
		if c.id() != told {
			t.Errorf("the session is %v, and the handler was told %v", c.id(), told)
		}
		if info := p.only("bob"); info.ID != told || !info.Created.Equal(time.Now()) {
			t.Errorf("the list shows %+v", info)
		}
		if got := p.heard(); got != "revoked, created, login" {
			t.Errorf("the events are %q", got)
		}
		if ids := p.idsOf("alice"); len(ids) != 0 {
			t.Errorf("alice's sessions are %v", ids)
		}
		err := p.m.Edit(t.Context(), alices, func(*session.Session) error { t.Error("f runs"); return nil })
		if !errors.Is(err, session.ErrEnded) {
			t.Errorf("Edit of alice's session: %v, want ErrEnded", err)
		}
		p.with(token).wants(anonymous)
	})
}

// What was begun for one subject never writes to the session of the next.
func TestWorkForTheOneSubjectEndsWithTheLoginOfAnother(t *testing.T) {
	for name, work := range map[string]func(p *probe, c *client, meanwhile func()){
		"a job": func(p *probe, c *client, meanwhile func()) {
			err := p.m.Edit(t.Context(), c.id(), func(s *session.Session) error {
				meanwhile()
				return s.Set("late", 1)
			})
			if !errors.Is(err, session.ErrEnded) {
				t.Errorf("Edit: %v, want ErrEnded", err)
			}
		},
		"a request": func(p *probe, c *client, meanwhile func()) {
			slow := p.with(c.token())
			res := slow.visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				meanwhile()
				must(t, s.Set("late", 1))
				if err := s.Save(r.Context()); !errors.Is(err, session.ErrEnded) {
					t.Errorf("Save: %v, want ErrEnded", err)
				}
				if s.Subject() != "" {
					t.Errorf("it is still %q", s.Subject())
				}
				if err := s.Touch(r.Context()); !errors.Is(err, session.ErrEnded) {
					t.Errorf("Touch: %v, want ErrEnded", err)
				}
			})
			if len(res.Cookies()) > 0 {
				t.Errorf("it sets %v", res.Cookies())
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProbe(t, session.Config{})
			c := p.client().must(login(t, "alice"))
			work(p, &client{p, c.jar, c.url}, func() { c.must(login(t, "bob")) })
			c.wants("<bob>")
		})
	}
}

func TestALoginOfAnotherIsTakenBack(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "alice")).must(set(t, "k", 1))
	token := c.token()
	for name, f := range map[string]act{
		"by Discard": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			id := s.ID()
			must(t, s.Set("k", 2), s.Login("bob"), s.Login("carol"))
			s.Discard()
			if s.Subject() != "alice" || s.ID() != id || s.Get("k") != int(1) || s.IsNew() {
				t.Errorf("after Discard the session is %v of %q with %v, new: %v", s.ID(), s.Subject(), s.Get("k"), s.IsNew())
			}
		},
		"by status 500": func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			must(t, s.Login("bob"))
			w.WriteHeader(http.StatusInternalServerError)
		},
	} {
		c.visit(f)
		if c.token() != token {
			t.Errorf("%s: the client's cookie is another", name)
		}
		c.wants("<alice> k=1")
		if ids := p.idsOf("bob"); len(ids) != 0 {
			t.Errorf("%s: bob's sessions are %v", name, ids)
		}
	}
	c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		must(t, s.Login("bob"))
		s.Discard()
		must(t, s.Set("k", 3))
	})
	c.wants("<alice> k=3")
}

// A token that a Save has made due is sent, whatever a Login that was discarded
// would have put in its place.
func TestALoginThatIsTakenBackLeavesWhatIsDue(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "alice"))
	old := c.token()
	c.visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Renew(), s.Save(r.Context()), s.Login("bob"))
		w.WriteHeader(http.StatusInternalServerError)
	})
	if c.token() == old {
		t.Error("the renewed token was not sent")
	}
	c.wants("<alice>")
}

// Sign-out ends what the client came with, too, if a sign-in is under way.
func TestDestroyAfterALoginOfAnotherEndsBoth(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "alice"))
	token := c.token()
	c.must(succeed(t, func(r *http.Request, s *session.Session) error {
		return errors.Join(s.Login("bob"), s.Destroy(r.Context()))
	}))
	if c.token() != "" {
		t.Error("the cookie is not cleared")
	}
	p.with(token).wants(anonymous)
	if n := len(p.idsOf("alice")) + len(p.idsOf("bob")); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

func TestARefusedLoginOfAnotherEndsNothing(t *testing.T) {
	p := newProbe(t, session.Config{MaxSessions: 1, RefuseLogin: true})
	c, bobs := p.client().must(login(t, "alice")), p.client().must(login(t, "bob"))
	if res := c.visit(login(t, "bob")); res.StatusCode != http.StatusForbidden || len(res.Cookies()) > 0 {
		t.Errorf("status %d, cookies %v; want 403 and none", res.StatusCode, res.Cookies())
	}
	c.wants("<alice>")
	bobs.wants("<bob>")
}

// Whatever call of the store meets a fault: nobody is left signed in twice, no
// answer of success hides a session of before, and a second try succeeds.
func TestAFaultInALoginOfAnotherLeavesNobodySignedInTwice(t *testing.T) {
	down := errors.New("the store is down")
	for _, lost := range []bool{false, true} {
		for _, again := range []string{"same request", "next request"} {
			for first, reached := 0, true; reached; first++ {
				t.Run(fmt.Sprintf("lost=%v %s first=%d", lost, again, first), func(t *testing.T) {
					p := newProbe(t, session.Config{})
					c := p.client().must(login(t, "alice")).must(set(t, "k", 1))
					token := c.token()
					n := 0
					removed := false
					reached = false
					res := c.visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
						p.tap.put(func(_ context.Context, op string, do func() error) error {
							removed = removed || op == "delete"
							if n++; n <= first {
								return do()
							}
							reached = true
							if lost {
								do()
							}
							return down
						})
						must(t, s.Login("bob"))
						err := s.Save(r.Context())
						p.tap.put(nil)
						if err != nil && again == "next request" {
							s.Discard()
							if got := s.Subject(); got != map[bool]string{true: "", false: "alice"}[removed] {
								t.Errorf("after Discard it is %q, and alice's session was removed: %v", got, removed)
							}
							inDoubt := session.ErrorStatus(s.Set("k", 2)) == http.StatusServiceUnavailable
							if err := s.Set("k", 2); !inDoubt && errors.Is(err, session.ErrEnded) != removed {
								t.Errorf("Set after Discard: %v", err)
							}
						}
					})
					if len(p.idsOf("alice"))+len(p.idsOf("bob")) > 1 {
						t.Errorf("alice has %v, bob %v", p.idsOf("alice"), p.idsOf("bob"))
					}
					if c.token() == token {
						if got := c.state(); !strings.HasPrefix(got, "<alice> k=") && got != anonymous {
							t.Errorf("the session is %q", got)
						}
						if again == "same request" && res.StatusCode != http.StatusServiceUnavailable {
							t.Errorf("no token was sent, and status %d", res.StatusCode)
						}
						c.must(login(t, "bob"))
					} else if res.StatusCode != http.StatusOK {
						t.Errorf("status %d, and a token", res.StatusCode)
					}
					c.wants("<bob>")
					p.with(token).wants(anonymous)
					if len(p.idsOf("alice")) != 0 {
						t.Error("alice's session lives")
					}
				})
			}
		}
	}
}

func TestALoginOfAnotherInTheCookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSealedSite(t, newRing(t), session.Config{})
		site.handle("/which", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			fmt.Fprint(w, s.ID(), " ", s.Created().Unix())
		})
		b := site.browser()
		b.get("/login?alice")
		b.want("/set?v", 200, "alice/v")
		first := b.get("/which").Body.String()
		time.Sleep(time.Minute)
		b.want("/login?bob", 200, "bob/")
		var id string
		var created int64
		second := b.get("/which").Body.String()
		if _, err := fmt.Sscan(second, &id, &created); err != nil || created != time.Now().Unix() || first[:22] == id {
			t.Errorf("alice's session was %q, bob's is %q", first, second)
		}
		site.handle("/back", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			must(t, s.Login("carol"))
			s.Discard()
			must(t, s.Set("k", "w"))
		})
		b.want("/back", 200, "")
		b.want("/read", 200, "bob/w")
	})
}

// Whoever signs in elsewhere with the same token ends its session: a Login that
// comes too late for that begins another.
func TestALoginThatComesTooLateBeginsANewSession(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(set(t, "k", 1))
	other := &client{p, c.jar, c.url}
	c.must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		id := s.ID()
		other.must(login(t, "v"))
		must(t, s.Login("u"))
		must(t, s.Save(r.Context()))
		if !s.IsNew() || s.ID() == id || s.Get("k") != nil {
			t.Errorf("IsNew is %v, the ID %v after %v, k=%v", s.IsNew(), s.ID(), id, s.Get("k"))
		}
	})
}

// A sign-in that is tried again ends the session before it once.
func TestASignInThatIsTriedAgainRevokesOnce(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	p.saw()
	p.tap.fail("create", errors.New("down"))
	c.visit(login(t, "v"))
	p.tap.put(nil)
	c.must(login(t, "v"))
	if got := p.heard(); got != "revoked, commit failed, unknown session, created, login" {
		t.Errorf("the events are %q", got)
	}
	c.wants("<v>")
}
