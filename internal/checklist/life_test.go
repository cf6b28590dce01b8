package checklist

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

func TestSecurity_LC4_IdleSessionsEndOnTheServer(t *testing.T) {
	const timeout, interval, eps = time.Hour, time.Minute, time.Millisecond
	for name, use := range map[string]probe.Act{"read": probe.Show, "nothing": probe.Idle, "write": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Set("k", 1) }} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probe.New(t, session.Config{IdleTimeout: timeout, TouchInterval: interval, Lifetime: 24 * time.Hour})
				signedIn := func(c *probe.Client) bool { return strings.HasPrefix(c.State(), "<u>") }
				begin := func() *probe.Client { return p.Client().Must(probe.Login(t, "u")) }

				c := begin()
				time.Sleep(timeout - eps)
				if !signedIn(c) {
					t.Error("ended before the idle timeout")
				}
				c = begin()
				time.Sleep(timeout)
				if signedIn(c) {
					t.Error("alive at the idle timeout, though the client still sends the cookie")
				}

				c = begin() // use resets it, however often
				for range 5 {
					time.Sleep(timeout / 2)
					c.Must(use)
				}
				time.Sleep(timeout - eps)
				if !signedIn(c) {
					t.Error("use did not reset the idle timeout")
				}

				// What a throttled touch leaves out shortens by less than the
				// interval, and lengthens nothing.
				c = begin()
				last := time.Now()
				for range 7 {
					time.Sleep(interval / 7)
					c.Must(use)
					last = time.Now()
				}
				time.Sleep(time.Until(last.Add(timeout - interval)))
				if !signedIn(c) {
					t.Error("throttling shortened the idle timeout by more than the touch interval")
				}
				c = begin()
				time.Sleep(interval / 2)
				c.Must(use)
				time.Sleep(timeout)
				if signedIn(c) {
					t.Error("alive after the idle timeout")
				}
			})
		})
	}
}

func TestSecurity_LC4_ASlowHandlerKeepsItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u"))
		time.Sleep(time.Hour - time.Second) // the idle timeout is near
		c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			time.Sleep(time.Minute)
			probe.Set(t, "k", 1)(w, r, s)
		})
		c.Wants("<u> k=1")

		// The deadline cannot be moved, and is no reason to try each time.
		p = probe.New(t, session.Config{Lifetime: time.Hour})
		c = p.Client().Must(probe.Login(t, "u"))
		time.Sleep(time.Hour - 4*time.Second)
		p.Tap.Took()
		for range 20 {
			time.Sleep(100 * time.Millisecond)
			c.Wants("<u>")
		}
		if n := strings.Count(strings.Join(p.Tap.Took(), " "), "touch"); n > 1 {
			t.Errorf("%d touches in two seconds", n)
		}
	})
}

func TestSecurity_LC5_NothingButLoginMovesTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lifetime = 4 * time.Hour
		p := probe.New(t, session.Config{Lifetime: lifetime, IdleTimeout: time.Hour, RotateEvery: 10 * time.Minute, Cookie: session.Cookie{Persistent: true}})
		keep := func(c *probe.Client, until time.Time, uses ...probe.Act) {
			for i := 0; time.Until(until) > 30*time.Minute; i++ {
				time.Sleep(29 * time.Minute)
				c.Must(uses[i%len(uses)])
			}
			time.Sleep(time.Until(until) - time.Millisecond)
		}
		c := p.Client().Must(probe.Login(t, "u"))
		keep(c, time.Now().Add(lifetime), probe.Show, probe.Set(t, "k", 1), probe.Renew(t), func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if err := s.Save(r.Context()); err != nil {
				t.Error(err)
			}
		})
		c.Wants("<u> k=1")
		time.Sleep(time.Millisecond)
		c.Wants(probe.Anonymous)

		c = p.Client().Must(probe.Login(t, "u")) // to authenticate again begins anew
		time.Sleep(30 * time.Minute)
		c.Must(probe.Login(t, "u"))
		deadline := time.Now().Add(lifetime)
		keep(c, deadline, probe.Show)
		c.Wants("<u>")
		time.Sleep(time.Millisecond)
		c.Wants(probe.Anonymous)
	})
}

func TestSecurity_LC7_LogoutIsFinal(t *testing.T) {
	p := probe.New(t, session.Config{})
	for name, out := range map[string]probe.Act{
		"Session.Destroy": probe.Logout(t),
		"Manager.Destroy": func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
			if err := p.M.Destroy(w, r); err != nil {
				t.Error(err)
			}
		},
	} {
		c := p.Client().Must(probe.Login(t, "u"))
		token := c.Token()
		c.Must(out)
		if c.Token() != "" {
			t.Errorf("%s: the client still holds a token", name)
		}
		p.Saw()
		p.With(token).Wants(probe.Anonymous)
		if got := p.Heard(); got != "unknown session" {
			t.Errorf("%s: the old token makes the events %q", name, got)
		}
		if infos, err := probe.Collect(p.M.List(t.Context(), "u")); err != nil || len(infos) != 0 {
			t.Errorf("%s: the store still has %v, %v", name, infos, err)
		}
	}
}

func TestSecurity_LC8_LogOutEverywhere(t *testing.T) {
	p := probe.New(t, session.Config{})
	var mine []*probe.Client
	for range 3 {
		mine = append(mine, p.Client().Must(probe.Login(t, "u")))
	}
	other := p.Client().Must(probe.Login(t, "u2"))
	guest := p.Client().Must(probe.Set(t, "k", 1))

	// Everywhere else: what List shows, but for the session at hand.
	mine[0].Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		infos, err := probe.Collect(p.M.List(r.Context(), s.Subject()))
		if err != nil || len(infos) != 3 {
			t.Errorf("%d sessions, %v; want 3", len(infos), err)
		}
		for _, info := range infos {
			if info.ID == s.ID() {
				continue
			}
			if err := p.M.Revoke(r.Context(), info.ID); err != nil {
				t.Error(err)
			}
		}
	})
	for i, want := range []string{"<u>", probe.Anonymous, probe.Anonymous} {
		mine[i].Wants(want)
	}
	mine[1].Must(probe.Login(t, "u"))
	if n, err := p.M.RevokeAll(t.Context(), "u"); n != 2 || err != nil {
		t.Errorf("RevokeAll: %d, %v; want 2", n, err)
	}
	for _, c := range mine {
		c.Wants(probe.Anonymous)
	}
	other.Wants("<u2>")
	guest.Wants("<> k=1")
}

func TestSecurity_LC8_ALoginBesideRevokeAllIsDeadOrLater(t *testing.T) {
	p := probe.New(t, session.Config{})
	for i := range 40 {
		subject := fmt.Sprint("u", i)
		c, relogin := p.Client().Must(probe.Set(t, "k", 1)), p.Client().Must(probe.Login(t, subject))
		var wg sync.WaitGroup
		for _, c := range []*probe.Client{c, relogin} {
			wg.Go(func() {
				if status := c.Visit(probe.Login(t, subject)).StatusCode; status != 200 && status != 409 {
					t.Errorf("status %d", status)
				}
			})
		}
		wg.Go(func() {
			if _, err := p.M.RevokeAll(t.Context(), subject); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		infos, err := probe.Collect(p.M.List(t.Context(), subject))
		if err != nil {
			t.Fatal(err)
		}
		alive := 0
		for _, c := range []*probe.Client{c, relogin} {
			id, _ := probe.RawToken(t, c.Token())
			listed := slices.ContainsFunc(infos, func(info session.Info) bool { return info.ID == id })
			if got := strings.HasPrefix(c.State(), "<u"); got != listed {
				t.Errorf("signed in: %v, listed: %v", got, listed)
			} else if got {
				alive++
			}
		}
		if alive != len(infos) {
			t.Errorf("%d sessions are listed, of which %d have a client", len(infos), alive)
		}
		if _, err := p.M.RevokeAll(t.Context(), subject); err != nil {
			t.Fatal(err)
		}
		c.Wants(probe.Anonymous)
		relogin.Wants(probe.Anonymous)
	}
}

func TestSecurity_LC9_AnAdministratorEndsSessions(t *testing.T) {
	p := probe.New(t, session.Config{})
	a, b := p.Client().Must(probe.Login(t, "u")), p.Client().Must(probe.Login(t, "u"))
	infos, err := probe.Collect(p.M.List(t.Context(), "u"))
	if err != nil || len(infos) != 2 {
		t.Fatal(infos, err)
	}
	id, _ := probe.RawToken(t, a.Token())
	if err := p.M.Revoke(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	a.Wants(probe.Anonymous)
	b.Wants("<u>")
	if n, err := p.M.RevokeAll(t.Context(), "u"); n != 1 || err != nil { // the account is disabled
		t.Errorf("RevokeAll: %d, %v", n, err)
	}
	b.Wants(probe.Anonymous)
	if err := p.M.Revoke(t.Context(), id); err != nil {
		t.Errorf("to revoke what is gone: %v", err)
	}
}

func TestSecurity_LC10_AListShowsTheLiveOnesAndNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := probe.NewTap()
		p := probe.Over(t, tap, session.Config{})
		elsewhere := probe.Over(t, tap, session.Config{App: "another", Cookie: session.Cookie{Name: probe.CookieName}})
		elsewhere.Client().Must(probe.Login(t, "u"))
		p.Client().Must(probe.Login(t, "u"))
		time.Sleep(2 * time.Hour) // both have expired
		elsewhere.Client().Must(probe.Login(t, "u"))
		c := p.Client().Must(probe.Login(t, "u"))
		infos, err := probe.Collect(p.M.List(t.Context(), "u"))
		if err != nil || len(infos) != 1 {
			t.Fatalf("the sessions are %v, %v; want one", infos, err)
		}
		id, secret := probe.RawToken(t, c.Token())
		info := infos[0]
		if info.ID != id || info.Subject != "u" || !info.AuthenticatedAt.Equal(time.Now()) || !info.Seen.Equal(time.Now()) {
			t.Errorf("the session is %+v", info)
		}
		for _, form := range spellings(secret[:]) {
			if bytes.Contains(fmt.Appendf(nil, "%+v %#v %x", info, info, info), []byte(form)) {
				t.Error("the list holds a secret")
			}
		}
		for _, handle := range []string{info.ID.String(), info.ID.String() + c.Token()[:42]} {
			p.With(handle).Wants(probe.Anonymous)
		}
	})
}
