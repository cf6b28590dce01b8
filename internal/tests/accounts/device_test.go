package accounts

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

func TestListTellsTheClientThatSignedIn(t *testing.T) {
	p := probe.New(t, session.Config{Client: session.RequestClient})
	from := func(agent, addr string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("User-Agent", agent); r.RemoteAddr = addr }
	}
	c := p.Client()
	c.Visit(probe.Set(t, "k", 1), from("Guest/1", "192.0.2.1:1"))
	c.Visit(probe.Login(t, "u"), from("Browser/1", "192.0.2.1:1"))
	if got, want := p.Only("u").Client, (session.Client{UserAgent: "Browser/1", AddressFamily: "IPv4"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	// What comes later is another request of the same sign-in, until the next.
	c.Visit(probe.Set(t, "k", 2), from("Other/1", "[2001:db8::1]:1"))
	c.Visit(probe.Renew(t), from("Other/1", "[2001:db8::1]:1"))
	c.Visit(probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return s.Reauthenticate(1) }), from("Other/1", "[2001:db8::1]:1"))
	if got := p.Only("u").Client.UserAgent; got != "Browser/1" {
		t.Errorf("the user agent is %q after other requests", got)
	}
	c.Visit(probe.Login(t, "u"), from("Other/1", "[2001:db8::1]:1"))
	if got, want := p.Only("u").Client, (session.Client{UserAgent: "Other/1", AddressFamily: "IPv6"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestNothingOfTheClientIsKeptByDefault(t *testing.T) {
	p := probe.New(t, session.Config{})
	p.Client().Visit(probe.Login(t, "u"), func(r *http.Request) { r.Header.Set("User-Agent", "Marker/1") })
	if got := p.Only("u").Client; got != (session.Client{}) {
		t.Errorf("%+v", got)
	}
	for _, rec := range p.Tap.Given() {
		if strings.Contains(string(rec.Data), "Marker") {
			t.Error("the user agent is in the store")
		}
	}
}

func TestRequestClient(t *testing.T) {
	for addr, family := range map[string]string{
		"192.0.2.1:1": "IPv4", "[2001:db8::1]:1": "IPv6", "[::ffff:192.0.2.1]:1": "IPv4", "[fe80::1%eth0]:1": "IPv6", "@": "", "": "",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = addr
		if got := session.RequestClient(r).AddressFamily; got != family {
			t.Errorf("%q is of %q, want %q", addr, got, family)
		}
	}
}

func TestAClientIsCutToItsLimits(t *testing.T) {
	p := probe.New(t, session.Config{Client: session.RequestClient})
	p.Client().Visit(probe.Login(t, "u"), func(r *http.Request) { r.Header.Set("User-Agent", "\xff"+strings.Repeat("é", 10_000)) })
	if got := p.Only("u").Client.UserAgent; got != strings.Repeat("é", 127) {
		t.Errorf("%d bytes are kept: %q", len(got), got)
	}
}

func TestListTellsLabelAndLevel(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	label := func(text string) probe.Act {
		return probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return s.SetLabel(text) })
	}
	c.Must(label("Laptop"))
	c.Must(probe.Renew(t)).Must(probe.Set(t, "k", 1))
	c.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return s.Reauthenticate(7) }))
	if got := p.Only("u"); got.Label != "Laptop" || got.Level != 7 {
		t.Errorf("%+v", got)
	}
	c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if s.Label() != "Laptop" {
			t.Errorf("Label is %q", s.Label())
		}
	})
	c.Must(label(""))
	if got := p.Only("u").Label; got != "" {
		t.Errorf("the label is %q", got)
	}
	c.Must(label("Mine")).Must(probe.Login(t, "u"))
	if got := p.Only("u").Label; got != "" {
		t.Errorf("after another sign-in the label is %q", got)
	}
}

func TestALabelIsMergedWithOtherChanges(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	c.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.SetLabel("Laptop"))
		probe.Must(t, p.M.Edit(r.Context(), s.ID(), func(s *session.Session) error { return s.Set("k", 1) }))
	})
	c.Wants("<u> k=1")
	if got := p.Only("u").Label; got != "Laptop" {
		t.Errorf("the label is %q", got)
	}
}

func TestALabelTakesASignedInSession(t *testing.T) {
	p := probe.New(t, session.Config{})
	p.Client().Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.SetLabel("x"); err == nil {
			t.Error("an anonymous session is labelled")
		}
		probe.Must(t, s.Login("u"))
		for name, label := range map[string]string{"long": strings.Repeat("x", 129), "no UTF-8": "\xff"} {
			if err := s.SetLabel(label); err == nil {
				t.Errorf("a label that is %s is accepted", name)
			}
		}
	})
	if err := (*session.Session)(nil).SetLabel("x"); err != session.ErrNoSession {
		t.Errorf("no session: %v", err)
	}
}

func TestLapsedTellsWhoWasSignedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		lapsed := func(c *probe.Client, want bool) {
			t.Helper()
			c.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if got := s.Lapsed(); got != want {
					t.Errorf("lapsed: %v, want %v", got, want)
				}
			})
		}
		c := p.Client()
		lapsed(c, false)
		c.Must(probe.Login(t, "u"))
		lapsed(c, false)
		old := p.With(c.Token())
		c.Must(probe.Renew(t))
		lapsed(c, false)
		lapsed(old, true) // its token was replaced a moment ago
		time.Sleep(2 * time.Minute)
		lapsed(old, true) // or longer
		if _, err := p.M.RevokeAll(t.Context(), "u"); err != nil {
			t.Fatal(err)
		}
		lapsed(c, true)
		lapsed(p.With("malformed"), true)
		c.Must(probe.Login(t, "u"))
		lapsed(c, false)
		time.Sleep(2 * time.Hour)
		lapsed(c, true)
		if (*session.Session)(nil).Lapsed() {
			t.Error("no session has lapsed")
		}
	})
}
