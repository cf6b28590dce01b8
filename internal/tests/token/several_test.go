package token

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
	"github.com/b4468f51/session/internal/probe"
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
		return probe.Cookies("visit=" + strings.Join(tokens, "; visit="))
	}},
	{"cookies of the host prefix", session.Config{}, func(tokens ...string) func(*http.Request) {
		return probe.Cookies(probe.CookieName + "=" + strings.Join(tokens, "; "+probe.CookieName+"="))
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
func signed(p *probe.Probe, subject string) string {
	p.T.Helper()
	return newToken(p.T, p.Client().Visit(probe.Login(p.T, subject)))
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
				p := probe.New(t, by.cfg)
				var tokens []string
				for _, subject := range subjects {
					tokens = append(tokens, signed(p, subject))
				}
				bystander := signed(p, "u")
				if got := probe.Text(t, p.Client().Visit(probe.Show, by.with(tokens...))); got != probe.Anonymous {
					t.Errorf("with several tokens the session is %q", got)
				}
				p.Saw()
				fresh := newToken(t, p.Client().Visit(probe.Login(t, "u"), by.with(tokens...)))
				if got, want := p.Heard(), "revoked, revoked, "; !strings.Contains(got, want) || !strings.HasSuffix(got, "created, login") {
					t.Errorf("the events are %q", got)
				}
				// The client holds the new one in the place of one of the others.
				if by.cfg.Cookie.Name != "" && len(tokens) < 4 {
					tokens[0] = fresh
					if got := probe.Text(t, p.Client().Visit(probe.Show, by.with(tokens...))); got != "<u>" {
						t.Errorf("after the sign-in the session is %q", got)
					}
				}
				if got := len(p.IDsOf("u")) + len(p.IDsOf("a")) + len(p.IDsOf("b")); got != 2 {
					t.Errorf("%d sessions live, want the new one and the bystander's", got)
				}
				for _, token := range []string{fresh, bystander} {
					if got := probe.Text(t, p.Client().Visit(probe.Show, by.with(token))); got != "<u>" {
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
			p := probe.New(t, by.cfg)
			for name, out := range map[string]probe.Act{
				"Session.Destroy": probe.Logout(t),
				"Manager.Destroy": func(w http.ResponseWriter, r *http.Request, _ *session.Session) { probe.Must(t, p.M.Destroy(w, r)) },
			} {
				a, b := signed(p, "a"), signed(p, "b")
				p.Saw()
				res := p.Client().Visit(out, by.with(a, probe.ForgedToken(), b, "malformed"))
				if got := p.Heard(); strings.Count(got, "destroyed") != 2 {
					t.Errorf("%s: the events are %q", name, got)
				}
				if by.cfg.Header == "" {
					if cs := res.Cookies(); len(cs) != 1 || cs[0].MaxAge >= 0 {
						t.Errorf("%s: the cookies are %v, want one that is cleared", name, cs)
					}
				} else if got, ok := res.Header["Session-Token"]; !ok || got[0] != "" {
					t.Errorf("%s: Session-Token is %q, want an empty one", name, got)
				}
				if n := len(p.IDsOf("a")) + len(p.IDsOf("b")); n != 0 {
					t.Errorf("%s: %d sessions live", name, n)
				}
			}
		})
	}
}

// Only who holds a good token ends a session by it.
func TestAMerePublicIDEndsNothing(t *testing.T) {
	for _, by := range carriers {
		p := probe.New(t, by.cfg)
		victim := signed(p, "victim")
		guess := victim[:22] + probe.ForgedToken()[22:]
		for name, f := range map[string]probe.Act{"login": probe.Login(t, "u"), "logout": probe.Logout(t), "set": probe.Set(t, "k", 1)} {
			mine, other := signed(p, "u"), signed(p, "u")
			p.Client().Visit(f, by.with(guess, mine, other))
			if got := probe.Text(t, p.Client().Visit(probe.Show, by.with(victim))); got != "<victim>" {
				t.Errorf("%s, %s: the victim's session is %q", by.name, name, got)
			}
		}
	}
}

// What does not sign in or out ends nothing.
func TestAChangeWithSeveralGoodTokensEndsNothing(t *testing.T) {
	by := carriers[0]
	p := probe.New(t, by.cfg)
	a, b := signed(p, "a"), signed(p, "b")
	res := p.Client().Visit(probe.Set(t, "k", 1), by.with(a, b))
	fresh := newToken(t, res)
	for token, want := range map[string]string{a: "<a>", b: "<b>", fresh: "<> k=1"} {
		if got := probe.Text(t, p.Client().Visit(probe.Show, by.with(token))); got != want {
			t.Errorf("the session is %q, want %q", got, want)
		}
	}
	// A sign-in that follows in the same request ends them all the same.
	p.Client().Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Set("k", 1), s.Save(r.Context()), s.Login("u"))
	}, by.with(a, b))
	if n := len(p.IDsOf("a")) + len(p.IDsOf("b")); n != 0 {
		t.Errorf("%d sessions live", n)
	}
}

// The sessions that a sign-in ends do not keep it out.
func TestASignInTakesThePlaceOfThoseItEnds(t *testing.T) {
	cfg := carriers[0].cfg
	cfg.MaxSessions, cfg.RefuseLogin = 2, true
	p := probe.New(t, cfg)
	a, b := signed(p, "u"), signed(p, "u")
	newToken(t, p.Client().Visit(probe.Login(t, "u"), carriers[0].with(a, b)))
	if ids := p.IDsOf("u"); len(ids) != 1 {
		t.Errorf("%d sessions live, want 1", len(ids))
	}
	newToken(t, p.Client().Visit(probe.Login(t, "u"))) // and no place is left behind
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
					p := probe.New(t, by.cfg)
					a, b := signed(p, "a"), signed(p, "b")
					failed := false
					inDoubt := name == "login" && op == "load" && first == 2 // it is written, and was revoked for all that is known
					res := p.Client().Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
						seen := 0
						p.Tap.Put(func(_ context.Context, o string, do func() error) error {
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
						p.Tap.Put(nil)
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
					if n := len(p.IDsOf("a")) + len(p.IDsOf("b")); n != 0 {
						t.Errorf("%s, %s, %s %d: %d sessions live", by.name, name, op, first, n)
					}
				}
			}
		}
	}
}

func TestSeveralGoodSealedTokensAreClearedOrReplaced(t *testing.T) {
	site := probe.SealedSite(t, probe.NewRing(t), session.Config{Cookie: session.Cookie{Name: "visit"}})
	a, b := site.Browser(), site.Browser()
	a.Want("/login?a", 200, "a/")
	b.Want("/login?b", 200, "b/")
	both := site.With("visit", a.Val+"; visit="+b.Val)
	both.Want("/read", 200, "/")
	if both.Want("/logout", 200, "/"); both.Val != "" {
		t.Error("the cookie is not cleared")
	}
	both = site.With("visit", a.Val+"; visit="+b.Val)
	both.Want("/login?c", 200, "c/")
	if slices.Contains([]string{"", a.Val, b.Val}, both.Val) {
		t.Error("the cookie is not replaced")
	}
}

// A client whose sign-in was answered, and never got the answer, comes back with
// the token of before: its own session, which nobody can use, does not lock it out.
func TestALostSignInLocksNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{MaxSessions: 1, RefuseLogin: true, Grace: time.Minute})
		c := p.Client().Must(probe.Login(t, "u"))
		lose := func(f probe.Act) session.ID { p.With(c.Token()).Must(f); return p.Only("u").ID }
		refused := func(what string, c *probe.Client) {
			t.Helper()
			if res := c.Visit(probe.Login(t, "u")); res.StatusCode != http.StatusForbidden || len(res.Cookies()) > 0 {
				t.Errorf("%s: status %d, cookies %v; want 403 and none", what, res.StatusCode, res.Cookies())
			}
		}
		for name, f := range map[string]probe.Act{"a sign-in": probe.Login(t, "u"), "a renewal": probe.Renew(t)} {
			lost := lose(f)
			refused("somebody else", p.Client())
			refused("somebody else's killed token", killed(p, name))
			p.Saw()
			c.Must(probe.Login(t, "u")).Wants("<u>")
			if got := p.Heard(); got != "stale token, revoked, created, login" {
				t.Errorf("%s: the events are %q", name, got)
			}
			if c.ID() == lost || p.Only("u").ID != c.ID() {
				t.Errorf("%s: the session that was lost lives", name)
			}
		}
		lose(probe.Login(t, "u"))
		time.Sleep(time.Minute + time.Second)
		refused("a token that was killed long ago", c) // it proves nothing any more
	})
}

// killed returns a client that holds a killed token of a subject's session.
func killed(p *probe.Probe, subject string) *probe.Client {
	c := p.Client().Must(probe.Login(p.T, subject))
	old := p.With(c.Token())
	c.Must(probe.Renew(p.T))
	return old
}

// Where there is room, what was lost lives on: its answer may be under way.
func TestALostSignInLivesWhereThereIsRoom(t *testing.T) {
	p := probe.New(t, session.Config{MaxSessions: 2, RefuseLogin: true})
	c := p.Client().Must(probe.Login(t, "u"))
	second := p.With(c.Token())
	c.Must(probe.Login(t, "u"))
	second.Must(probe.Login(t, "u"))
	c.Wants("<u>")
	second.Wants("<u>")
}

// A double click is one sign-in too many for one place. The later one wins.
func TestADoubleClickSignsInWithOnePlace(t *testing.T) {
	p := probe.New(t, session.Config{MaxSessions: 1, RefuseLogin: true})
	c := p.Client().Must(probe.Set(t, "k", 1))
	first := p.With(c.Token())
	c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		first.Must(probe.Login(t, "u"))
		probe.Must(t, s.Login("u"))
	})
	c.Wants("<u> k=1")
	p.Only("u")
}

// A removal that the store has not vouched for is asked for again.
func TestAnEndThatIsUnconfirmedIsAskedForAgain(t *testing.T) {
	by := carriers[0]
	for name, f := range map[string]func(r *http.Request, s *session.Session) error{
		"login":  func(r *http.Request, s *session.Session) error { return errors.Join(s.Login("u"), s.Save(r.Context())) },
		"logout": func(r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) },
	} {
		p := probe.New(t, by.cfg)
		a, b := signed(p, "a"), signed(p, "b")
		p.Client().Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			p.Tap.Put(func(_ context.Context, op string, do func() error) error {
				err := do()
				if op == "delete" && err == nil {
					err = probe.ErrNoReplica
				}
				return err
			})
			for range 2 {
				if err := f(r, s); !errors.Is(err, store.ErrUnconfirmed) {
					t.Errorf("%s: %v, want ErrUnconfirmed", name, err)
				}
			}
			p.Tap.Put(nil)
			p.Tap.Took()
			probe.Must(t, f(r, s))
			if got := strings.Count(strings.Join(p.Tap.Took(), " "), "delete"); got != 2 {
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
		p := probe.New(t, by.cfg)
		loads := 0
		p.Tap.Put(func(_ context.Context, op string, do func() error) error {
			if loads++; loads == failing+1 {
				return probe.ErrDown
			}
			return do()
		})
		never := func(http.ResponseWriter, *http.Request, *session.Session) {
			t.Errorf("load %d failed, and the handler ran", failing)
		}
		if res := p.Client().Visit(never, by.with(probe.ForgedToken(), probe.ForgedToken())); res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("load %d failed: answered %d", failing, res.StatusCode)
		}
	}
}

func TestAFloodOfCookiesIsBounded(t *testing.T) {
	by := carriers[0]
	p := probe.New(t, by.cfg)
	good := signed(p, "u")
	var tokens []string
	for i := range 500 {
		if i == 150 {
			tokens = append(tokens, good, good, good)
		}
		tokens = append(tokens, probe.ForgedToken())
	}
	p.Tap.Took()
	p.Client().Visit(probe.Logout(t), by.with(tokens...))
	if got := strings.Count(strings.Join(p.Tap.Took(), " "), "load"); got > 200 {
		t.Errorf("%d records were loaded", got)
	}
	if ids := p.IDsOf("u"); len(ids) != 0 {
		t.Errorf("%d sessions live", len(ids))
	}
}

// What a sign-in was to end, the next one ends, whatever became of the first.
func TestASignInThatIsTakenBackLeavesItsEndsToTheNext(t *testing.T) {
	by := carriers[0]
	p := probe.New(t, by.cfg)
	a, b := signed(p, "a"), signed(p, "b")
	p.Client().Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Login("u"), s.Login("v"))
		p.Tap.Fail("delete", probe.ErrDown)
		if err := s.Save(r.Context()); !errors.Is(err, probe.ErrDown) {
			t.Errorf("Save: %v", err)
		}
		p.Tap.Put(nil)
		s.Discard()
		if s.Subject() != "" {
			t.Errorf("after Discard it is %q", s.Subject())
		}
		probe.Must(t, s.Login("w"))
	}, by.with(a, b))
	if n := len(p.IDsOf("a")) + len(p.IDsOf("b")); n != 0 || len(p.IDsOf("w")) != 1 {
		t.Errorf("%d sessions of before live, and %d of the last sign-in", n, len(p.IDsOf("w")))
	}

	// A second click too has the values of the first, though it had to be tried twice.
	p = probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "k", 1))
	second := p.With(c.Token())
	c.Must(probe.Login(t, "u"))
	p.Tap.Fail("create", probe.ErrDown)
	second.Visit(probe.Login(t, "u"))
	p.Tap.Put(nil)
	second.Must(probe.Login(t, "u"))
	second.Wants("<u> k=1")
}
