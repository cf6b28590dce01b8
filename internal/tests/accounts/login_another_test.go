package accounts

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
	"github.com/b4468f51/session/internal/probe"
)

func TestLoginOfAnotherBeginsAnotherSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "alice")).Must(probe.Set(t, "note", "alice's"))
		alices, token := c.ID(), c.Token()
		time.Sleep(10 * time.Minute)
		p.Saw()
		var told session.ID
		c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			probe.Must(t, s.Set("late", "alice's too"), s.Login("bob"), s.Set("own", 1))
			if told = s.ID(); told == alices || !s.IsNew() || !s.Created().Equal(time.Now()) {
				t.Errorf("after Login the session is %v, new: %v, of %v", told, s.IsNew(), s.Created())
			}
		})
		c.Wants("<bob> own=1")
		if c.ID() != told {
			t.Errorf("the session is %v, and the handler was told %v", c.ID(), told)
		}
		if info := p.Only("bob"); info.ID != told || !info.Created.Equal(time.Now()) {
			t.Errorf("the list shows %+v", info)
		}
		if got := p.Heard(); got != "revoked, created, login" {
			t.Errorf("the events are %q", got)
		}
		if ids := p.IDsOf("alice"); len(ids) != 0 {
			t.Errorf("alice's sessions are %v", ids)
		}
		err := p.M.Edit(t.Context(), alices, func(*session.Session) error { t.Error("f runs"); return nil })
		if !errors.Is(err, session.ErrEnded) {
			t.Errorf("Edit of alice's session: %v, want ErrEnded", err)
		}
		p.With(token).Wants(probe.Anonymous)
	})
}

// What was begun for one subject never writes to the session of the next.
func TestWorkForTheOneSubjectEndsWithTheLoginOfAnother(t *testing.T) {
	for name, work := range map[string]func(p *probe.Probe, c *probe.Client, meanwhile func()){
		"a job": func(p *probe.Probe, c *probe.Client, meanwhile func()) {
			err := p.M.Edit(t.Context(), c.ID(), func(s *session.Session) error {
				meanwhile()
				return s.Set("late", 1)
			})
			if !errors.Is(err, session.ErrEnded) {
				t.Errorf("Edit: %v, want ErrEnded", err)
			}
		},
		"a request": func(p *probe.Probe, c *probe.Client, meanwhile func()) {
			slow := p.With(c.Token())
			res := slow.Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				meanwhile()
				probe.Must(t, s.Set("late", 1))
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
			p := probe.New(t, session.Config{})
			c := p.Client().Must(probe.Login(t, "alice"))
			work(p, &probe.Client{P: p, Jar: c.Jar, URL: c.URL}, func() { c.Must(probe.Login(t, "bob")) })
			c.Wants("<bob>")
		})
	}
}

func TestALoginOfAnotherIsTakenBack(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "alice")).Must(probe.Set(t, "k", 1))
	token := c.Token()
	for name, f := range map[string]probe.Act{
		"by Discard": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			id := s.ID()
			probe.Must(t, s.Set("k", 2), s.Login("bob"), s.Login("carol"))
			s.Discard()
			if s.Subject() != "alice" || s.ID() != id || s.Get("k") != int(1) || s.IsNew() {
				t.Errorf("after Discard the session is %v of %q with %v, new: %v", s.ID(), s.Subject(), s.Get("k"), s.IsNew())
			}
		},
		"by status 500": func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			probe.Must(t, s.Login("bob"))
			w.WriteHeader(http.StatusInternalServerError)
		},
	} {
		c.Visit(f)
		if c.Token() != token {
			t.Errorf("%s: the client's cookie is another", name)
		}
		c.Wants("<alice> k=1")
		if ids := p.IDsOf("bob"); len(ids) != 0 {
			t.Errorf("%s: bob's sessions are %v", name, ids)
		}
	}
	c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		probe.Must(t, s.Login("bob"))
		s.Discard()
		probe.Must(t, s.Set("k", 3))
	})
	c.Wants("<alice> k=3")
}

// A token that a Save has made due is sent, whatever a Login that was discarded
// would have put in its place.
func TestALoginThatIsTakenBackLeavesWhatIsDue(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "alice"))
	old := c.Token()
	c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Renew(), s.Save(r.Context()), s.Login("bob"))
		w.WriteHeader(http.StatusInternalServerError)
	})
	if c.Token() == old {
		t.Error("the renewed token was not sent")
	}
	c.Wants("<alice>")
}

// Sign-out ends what the client came with, too, if a sign-in is under way.
func TestDestroyAfterALoginOfAnotherEndsBoth(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "alice"))
	token := c.Token()
	c.Must(probe.Succeed(t, func(r *http.Request, s *session.Session) error {
		return errors.Join(s.Login("bob"), s.Destroy(r.Context()))
	}))
	if c.Token() != "" {
		t.Error("the cookie is not cleared")
	}
	p.With(token).Wants(probe.Anonymous)
	if n := len(p.IDsOf("alice")) + len(p.IDsOf("bob")); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

func TestARefusedLoginOfAnotherEndsNothing(t *testing.T) {
	p := probe.New(t, session.Config{MaxSessions: 1, RefuseLogin: true})
	c, bobs := p.Client().Must(probe.Login(t, "alice")), p.Client().Must(probe.Login(t, "bob"))
	if res := c.Visit(probe.Login(t, "bob")); res.StatusCode != http.StatusForbidden || len(res.Cookies()) > 0 {
		t.Errorf("status %d, cookies %v; want 403 and none", res.StatusCode, res.Cookies())
	}
	c.Wants("<alice>")
	bobs.Wants("<bob>")
}

// Whatever call of the store meets a fault: nobody is left signed in twice, no
// answer of success hides a session of before, and a second try succeeds.
func TestAFaultInALoginOfAnotherLeavesNobodySignedInTwice(t *testing.T) {
	down := errors.New("the store is down")
	for _, lost := range []bool{false, true} {
		for _, again := range []string{"same request", "next request"} {
			for first, reached := 0, true; reached; first++ {
				t.Run(fmt.Sprintf("lost=%v %s first=%d", lost, again, first), func(t *testing.T) {
					p := probe.New(t, session.Config{})
					c := p.Client().Must(probe.Login(t, "alice")).Must(probe.Set(t, "k", 1))
					token := c.Token()
					n := 0
					removed := false
					reached = false
					res := c.Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
						p.Tap.Put(func(_ context.Context, op string, do func() error) error {
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
						probe.Must(t, s.Login("bob"))
						err := s.Save(r.Context())
						p.Tap.Put(nil)
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
					if len(p.IDsOf("alice"))+len(p.IDsOf("bob")) > 1 {
						t.Errorf("alice has %v, bob %v", p.IDsOf("alice"), p.IDsOf("bob"))
					}
					if c.Token() == token {
						if got := c.State(); !strings.HasPrefix(got, "<alice> k=") && got != probe.Anonymous {
							t.Errorf("the session is %q", got)
						}
						if again == "same request" && res.StatusCode != http.StatusServiceUnavailable {
							t.Errorf("no token was sent, and status %d", res.StatusCode)
						}
						c.Must(probe.Login(t, "bob"))
					} else if res.StatusCode != http.StatusOK {
						t.Errorf("status %d, and a token", res.StatusCode)
					}
					c.Wants("<bob>")
					p.With(token).Wants(probe.Anonymous)
					if len(p.IDsOf("alice")) != 0 {
						t.Error("alice's session lives")
					}
				})
			}
		}
	}
}

func TestALoginOfAnotherInTheCookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := probe.SealedSite(t, probe.NewRing(t), session.Config{})
		site.Handle("/which", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			fmt.Fprint(w, s.ID(), " ", s.Created().Unix())
		})
		b := site.Browser()
		b.Get("/login?alice")
		b.Want("/set?v", 200, "alice/v")
		first := b.Get("/which").Body.String()
		time.Sleep(time.Minute)
		b.Want("/login?bob", 200, "bob/")
		var id string
		var created int64
		second := b.Get("/which").Body.String()
		if _, err := fmt.Sscan(second, &id, &created); err != nil || created != time.Now().Unix() || first[:22] == id {
			t.Errorf("alice's session was %q, bob's is %q", first, second)
		}
		site.Handle("/back", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			probe.Must(t, s.Login("carol"))
			s.Discard()
			probe.Must(t, s.Set("k", "w"))
		})
		b.Want("/back", 200, "")
		b.Want("/read", 200, "bob/w")
	})
}

// Whoever signs in elsewhere with the same token ends its session: a Login that
// comes too late for that begins another.
func TestALoginThatComesTooLateBeginsANewSession(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "k", 1))
	other := &probe.Client{P: p, Jar: c.Jar, URL: c.URL}
	c.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		id := s.ID()
		other.Must(probe.Login(t, "v"))
		probe.Must(t, s.Login("u"))
		probe.Must(t, s.Save(r.Context()))
		if !s.IsNew() || s.ID() == id || s.Get("k") != nil {
			t.Errorf("IsNew is %v, the ID %v after %v, k=%v", s.IsNew(), s.ID(), id, s.Get("k"))
		}
	})
}

// A sign-in that is tried again ends the session before it once.
func TestASignInThatIsTriedAgainRevokesOnce(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	p.Saw()
	p.Tap.Fail("create", errors.New("down"))
	c.Visit(probe.Login(t, "v"))
	p.Tap.Put(nil)
	c.Must(probe.Login(t, "v"))
	if got := p.Heard(); got != "revoked, commit failed, unknown session, created, login" {
		t.Errorf("the events are %q", got)
	}
	c.Wants("<v>")
}
