package session_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

// A carried is a way in which a client presents tokens, several at once.
type carried struct {
	name string
	cfg  session.Config
	with func(tokens ...string) func(*http.Request)
}

var carriers = []carried{
	{"cookies without a prefix", session.Config{Cookie: session.Cookie{Name: "visit"}}, func(tokens ...string) func(*http.Request) {
		return cookies("visit=" + strings.Join(tokens, "; visit="))
	}},
	{"cookies of the host prefix", session.Config{}, func(tokens ...string) func(*http.Request) {
		return cookies(cookieName + "=" + strings.Join(tokens, "; "+cookieName+"="))
	}},
	{"lines of a header", session.Config{Header: "Authorization"}, func(tokens ...string) func(*http.Request) {
		return func(r *http.Request) {
			for _, token := range tokens {
				r.Header.Add("Authorization", "Bearer "+token)
			}
		}
	}},
}

// signed has a new client sign in, and returns its token.
func (p *probe) signed(subject string) string {
	p.t.Helper()
	return newToken(p.t, p.client().visit(login(p.t, subject)))
}

// newToken returns the token that an answer gives the client.
func newToken(t testing.TB, res *http.Response) string {
	t.Helper()
	token := res.Header.Get("Session-Token")
	for _, ck := range res.Cookies() {
		token = ck.Value
	}
	if token == "" {
		t.Fatalf("no token, with status %d", res.StatusCode)
	}
	return token
}

func TestASignInWithSeveralGoodTokensIsTheLast(t *testing.T) {
	for _, by := range carriers {
		for _, subjects := range [][]string{{"u", "u"}, {"a", "b"}, {"a", "b", "a", "b", "a"}} {
			t.Run(by.name, func(t *testing.T) {
				p := newProbe(t, by.cfg)
				var tokens []string
				for _, subject := range subjects {
					tokens = append(tokens, p.signed(subject))
				}
				bystander := p.signed("u")
				if got := text(t, p.client().visit(show, by.with(tokens...))); got != anonymous {
					t.Errorf("with several tokens the session is %q", got)
				}
				p.saw()
				fresh := newToken(t, p.client().visit(login(t, "u"), by.with(tokens...)))
				if got, want := p.heard(), "revoked, revoked, "; !strings.Contains(got, want) || !strings.HasSuffix(got, "created, login") {
					t.Errorf("the events are %q", got)
				}
				// The client holds the new one in the place of one of the others.
				if by.cfg.Cookie.Name != "" && len(tokens) < 4 {
					tokens[0] = fresh
					if got := text(t, p.client().visit(show, by.with(tokens...))); got != "<u>" {
						t.Errorf("after the sign-in the session is %q", got)
					}
				}
				if got := len(p.idsOf("u")) + len(p.idsOf("a")) + len(p.idsOf("b")); got != 2 {
					t.Errorf("%d sessions live, want the new one and the bystander's", got)
				}
				for _, token := range []string{fresh, bystander} {
					if got := text(t, p.client().visit(show, by.with(token))); got != "<u>" {
						t.Errorf("the session is %q", got)
					}
				}
			})
		}
	}
}

func TestASignOutWithSeveralGoodTokensEndsEach(t *testing.T) {
	for _, by := range carriers {
		t.Run(by.name, func(t *testing.T) {
			p := newProbe(t, by.cfg)
			for name, out := range map[string]act{
				"Session.Destroy": logout(t),
				"Manager.Destroy": func(w http.ResponseWriter, r *http.Request, _ *session.Session) { must(t, p.m.Destroy(w, r)) },
			} {
				a, b := p.signed("a"), p.signed("b")
				p.saw()
				res := p.client().visit(out, by.with(a, forgedToken(), b, "malformed"))
				if got := p.heard(); strings.Count(got, "destroyed") != 2 {
					t.Errorf("%s: the events are %q", name, got)
				}
				if by.cfg.Header == "" {
					if cs := res.Cookies(); len(cs) != 1 || cs[0].MaxAge >= 0 {
						t.Errorf("%s: the cookies are %v, want one that is cleared", name, cs)
					}
				} else if got, ok := res.Header["Session-Token"]; !ok || got[0] != "" {
					t.Errorf("%s: Session-Token is %q, want an empty one", name, got)
				}
				if n := len(p.idsOf("a")) + len(p.idsOf("b")); n != 0 {
					t.Errorf("%s: %d sessions live", name, n)
				}
			}
		})
	}
}

// Only who holds a good token ends a session by it.
func TestAMerePublicIDEndsNothing(t *testing.T) {
	for _, by := range carriers {
		p := newProbe(t, by.cfg)
		victim := p.signed("victim")
		guess := victim[:22] + forgedToken()[22:]
		for name, f := range map[string]act{"login": login(t, "u"), "logout": logout(t), "set": set(t, "k", 1)} {
			mine, other := p.signed("u"), p.signed("u")
			p.client().visit(f, by.with(guess, mine, other))
			if got := text(t, p.client().visit(show, by.with(victim))); got != "<victim>" {
				t.Errorf("%s, %s: the victim's session is %q", by.name, name, got)
			}
		}
	}
}

// What does not sign in or out ends nothing.
func TestAChangeWithSeveralGoodTokensEndsNothing(t *testing.T) {
	by := carriers[0]
	p := newProbe(t, by.cfg)
	a, b := p.signed("a"), p.signed("b")
	res := p.client().visit(set(t, "k", 1), by.with(a, b))
	fresh := newToken(t, res)
	for token, want := range map[string]string{a: "<a>", b: "<b>", fresh: "<> k=1"} {
		if got := text(t, p.client().visit(show, by.with(token))); got != want {
			t.Errorf("the session is %q, want %q", got, want)
		}
	}
	// A sign-in that follows in the same request ends them all the same.
	p.client().visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Set("k", 1), s.Save(r.Context()), s.Login("u"))
	}, by.with(a, b))
	if n := len(p.idsOf("a")) + len(p.idsOf("b")); n != 0 {
		t.Errorf("%d sessions live", n)
	}
}

// The sessions that a sign-in ends do not keep it out.
func TestASignInTakesThePlaceOfThoseItEnds(t *testing.T) {
	cfg := carriers[0].cfg
	cfg.MaxSessions, cfg.RefuseLogin = 2, true
	p := newProbe(t, cfg)
	a, b := p.signed("u"), p.signed("u")
	newToken(t, p.client().visit(login(t, "u"), carriers[0].with(a, b)))
	if ids := p.idsOf("u"); len(ids) != 1 {
		t.Errorf("%d sessions live, want 1", len(ids))
	}
	newToken(t, p.client().visit(login(t, "u"))) // and no place is left behind
}

func TestAFaultWithSeveralGoodTokensIsNoSuccess(t *testing.T) {
	down := errors.New("the store is down")
	for _, by := range carriers {
		for name, f := range map[string]func(r *http.Request, s *session.Session) error{
			"login":  func(r *http.Request, s *session.Session) error { return errors.Join(s.Login("u"), s.Save(r.Context())) },
			"logout": func(r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) },
		} {
			for _, op := range []string{"load", "delete"} {
				for first := range 5 {
					p := newProbe(t, by.cfg)
					a, b := p.signed("a"), p.signed("b")
					failed := false
					inDoubt := name == "login" && op == "load" && first == 2 // it is written, and was revoked for all that is known
					res := p.client().visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
						seen := 0
						p.tap.put(func(_ context.Context, o string, do func() error) error {
							if o == op {
								seen++
							}
							if o == op && seen > first {
								failed = true
								return down
							}
							return do()
						})
						err := f(r, s)
						p.tap.put(nil)
						if failed != (err != nil) || failed && session.ErrorStatus(err) != http.StatusServiceUnavailable {
							t.Errorf("%s, %s, %s %d: failed: %v, and the error is %v", by.name, name, op, first, failed, err)
						}
						if err != nil {
							err = f(r, s)
						}
						if !inDoubt && err != nil || inDoubt && session.ErrorStatus(err) != http.StatusServiceUnavailable {
							t.Errorf("%s, %s, %s %d: the second try: %v", by.name, name, op, first, err)
						}
					}, by.with(a, b))
					if (res.StatusCode != http.StatusOK) != inDoubt {
						t.Errorf("status %d", res.StatusCode)
					}
					if n := len(p.idsOf("a")) + len(p.idsOf("b")); n != 0 {
						t.Errorf("%s, %s, %s %d: %d sessions live", by.name, name, op, first, n)
					}
				}
			}
		}
	}
}

func TestSeveralGoodSealedTokensAreClearedOrReplaced(t *testing.T) {
	site := newSealedSite(t, newRing(t), session.Config{Cookie: session.Cookie{Name: "visit"}})
	a, b := site.browser(), site.browser()
	a.want("/login?a", 200, "a/")
	b.want("/login?b", 200, "b/")
	both := site.with("visit", a.val+"; visit="+b.val)
	both.want("/read", 200, "/")
	if both.want("/logout", 200, "/"); both.val != "" {
		t.Error("the cookie is not cleared")
	}
	both = site.with("visit", a.val+"; visit="+b.val)
	both.want("/login?c", 200, "c/")
	if slices.Contains([]string{"", a.val, b.val}, both.val) {
		t.Error("the cookie is not replaced")
	}
}

// A client whose sign-in was answered, and never got the answer, comes back with
// the token of before: its own session, which nobody can use, does not lock it out.
func TestALostSignInLocksNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{MaxSessions: 1, RefuseLogin: true, Grace: time.Minute})
		c := p.client().must(login(t, "u"))
		lose := func(f act) session.ID { p.with(c.token()).must(f); return p.only("u").ID }
		refused := func(what string, c *client) {
			t.Helper()
			if res := c.visit(login(t, "u")); res.StatusCode != http.StatusForbidden || len(res.Cookies()) > 0 {
				t.Errorf("%s: status %d, cookies %v; want 403 and none", what, res.StatusCode, res.Cookies())
			}
		}
		for name, f := range map[string]act{"a sign-in": login(t, "u"), "a renewal": renew(t)} {
			lost := lose(f)
			refused("somebody else", p.client())
			refused("somebody else's killed token", p.killed(name))
			p.saw()
			c.must(login(t, "u")).wants("<u>")
			if got := p.heard(); got != "stale token, revoked, created, login" {
				t.Errorf("%s: the events are %q", name, got)
			}
			if c.id() == lost || p.only("u").ID != c.id() {
				t.Errorf("%s: the session that was lost lives", name)
			}
		}
		lose(login(t, "u"))
		time.Sleep(time.Minute + time.Second)
		refused("a token that was killed long ago", c) // it proves nothing any more
	})
}

// killed returns a client that holds a killed token of a subject's session.
func (p *probe) killed(subject string) *client {
	c := p.client().must(login(p.t, subject))
	old := p.with(c.token())
	c.must(renew(p.t))
	return old
}

// Where there is room, what was lost lives on: its answer may be under way.
func TestALostSignInLivesWhereThereIsRoom(t *testing.T) {
	p := newProbe(t, session.Config{MaxSessions: 2, RefuseLogin: true})
	c := p.client().must(login(t, "u"))
	second := p.with(c.token())
	c.must(login(t, "u"))
	second.must(login(t, "u"))
	c.wants("<u>")
	second.wants("<u>")
}

// A double click is one sign-in too many for one place. The later one wins.
func TestADoubleClickSignsInWithOnePlace(t *testing.T) {
	p := newProbe(t, session.Config{MaxSessions: 1, RefuseLogin: true})
	c := p.client().must(set(t, "k", 1))
	first := p.with(c.token())
	c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		first.must(login(t, "u"))
		must(t, s.Login("u"))
	})
	c.wants("<u> k=1")
	p.only("u")
}

// A removal that the store has not vouched for is asked for again.
func TestAnEndThatIsUnconfirmedIsAskedForAgain(t *testing.T) {
	by := carriers[0]
	for name, f := range map[string]func(r *http.Request, s *session.Session) error{
		"login":  func(r *http.Request, s *session.Session) error { return errors.Join(s.Login("u"), s.Save(r.Context())) },
		"logout": func(r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) },
	} {
		p := newProbe(t, by.cfg)
		a, b := p.signed("a"), p.signed("b")
		p.client().visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			p.tap.put(func(_ context.Context, op string, do func() error) error {
				err := do()
				if op == "delete" && err == nil {
					err = errNoReplica
				}
				return err
			})
			for range 2 {
				if err := f(r, s); !errors.Is(err, store.ErrUnconfirmed) {
					t.Errorf("%s: %v, want ErrUnconfirmed", name, err)
				}
			}
			p.tap.put(nil)
			p.tap.took()
			must(t, f(r, s))
			if got := strings.Count(strings.Join(p.tap.took(), " "), "delete"); got != 2 {
				t.Errorf("%s: %d records were removed at last, want 2", name, got)
			}
		}, by.with(a, b))
	}
}

// However many cookies somebody plants, no request costs more than so many loads,
// and as many as a browser keeps of one site hide no session.
// Of two cookies the one whose session cannot be loaded may be the good one.
func TestAFaultAtAnyCookieIsNobodysAnonymity(t *testing.T) {
	by := carriers[0]
	for failing := range 2 {
		p := newProbe(t, by.cfg)
		loads := 0
		p.tap.put(func(_ context.Context, op string, do func() error) error {
			if loads++; loads == failing+1 {
				return errDown
			}
			return do()
		})
		never := func(http.ResponseWriter, *http.Request, *session.Session) {
			t.Errorf("load %d failed, and the handler ran", failing)
		}
		if res := p.client().visit(never, by.with(forgedToken(), forgedToken())); res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("load %d failed: answered %d", failing, res.StatusCode)
		}
	}
}

func TestAFloodOfCookiesIsBounded(t *testing.T) {
	by := carriers[0]
	p := newProbe(t, by.cfg)
	good := p.signed("u")
	var tokens []string
	for i := range 500 {
		if i == 150 {
			tokens = append(tokens, good, good, good)
		}
		tokens = append(tokens, forgedToken())
	}
	p.tap.took()
	p.client().visit(logout(t), by.with(tokens...))
	if got := strings.Count(strings.Join(p.tap.took(), " "), "load"); got > 200 {
		t.Errorf("%d records were loaded", got)
	}
	if ids := p.idsOf("u"); len(ids) != 0 {
		t.Errorf("%d sessions live", len(ids))
	}
}

// What a sign-in was to end, the next one ends, whatever became of the first.
func TestASignInThatIsTakenBackLeavesItsEndsToTheNext(t *testing.T) {
	by := carriers[0]
	p := newProbe(t, by.cfg)
	a, b := p.signed("a"), p.signed("b")
	p.client().visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Login("u"), s.Login("v"))
		p.tap.fail("delete", errDown)
		if err := s.Save(r.Context()); !errors.Is(err, errDown) {
			t.Errorf("Save: %v", err)
		}
		p.tap.put(nil)
		s.Discard()
		if s.Subject() != "" {
			t.Errorf("after Discard it is %q", s.Subject())
		}
		must(t, s.Login("w"))
	}, by.with(a, b))
	if n := len(p.idsOf("a")) + len(p.idsOf("b")); n != 0 || len(p.idsOf("w")) != 1 {
		t.Errorf("%d sessions of before live, and %d of the last sign-in", n, len(p.idsOf("w")))
	}

	// A second click too has the values of the first, though it had to be tried twice.
	p = newProbe(t, session.Config{})
	c := p.client().must(set(t, "k", 1))
	second := p.with(c.token())
	c.must(login(t, "u"))
	p.tap.fail("create", errDown)
	second.visit(login(t, "u"))
	p.tap.put(nil)
	second.must(login(t, "u"))
	second.wants("<u> k=1")
}
