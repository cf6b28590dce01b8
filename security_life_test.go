package session_test

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
)

func TestSecurity_LC4_IdleSessionsEndOnTheServer(t *testing.T) {
	const timeout, interval, eps = time.Hour, time.Minute, time.Millisecond
	for name, use := range map[string]act{"read": show, "nothing": idle, "write": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Set("k", 1) }} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProbe(t, session.Config{IdleTimeout: timeout, TouchInterval: interval, Lifetime: 24 * time.Hour})
				signedIn := func(c *client) bool { return strings.HasPrefix(c.state(), "<u>") }
				begin := func() *client { return p.client().must(login(t, "u")) }

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
					c.must(use)
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
					c.must(use)
					last = time.Now()
				}
				time.Sleep(time.Until(last.Add(timeout - interval)))
				if !signedIn(c) {
					t.Error("throttling shortened the idle timeout by more than the touch interval")
				}
				c = begin()
				time.Sleep(interval / 2)
				c.must(use)
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
		p := newProbe(t, session.Config{})
		c := p.client().must(login(t, "u"))
		time.Sleep(time.Hour - time.Second) // the idle timeout is near
		c.must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			time.Sleep(time.Minute)
			set(t, "k", 1)(w, r, s)
		})
		c.wants("<u> k=1")

		// The deadline cannot be moved, and is no reason to try each time.
		p = newProbe(t, session.Config{Lifetime: time.Hour})
		c = p.client().must(login(t, "u"))
		time.Sleep(time.Hour - 4*time.Second)
		p.tap.took()
		for range 20 {
			time.Sleep(100 * time.Millisecond)
			c.wants("<u>")
		}
		if n := strings.Count(strings.Join(p.tap.took(), " "), "touch"); n > 1 {
			t.Errorf("%d touches in two seconds", n)
		}
	})
}

func TestSecurity_LC5_NothingButLoginMovesTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lifetime = 4 * time.Hour
		p := newProbe(t, session.Config{Lifetime: lifetime, IdleTimeout: time.Hour, RotateEvery: 10 * time.Minute, Cookie: session.Cookie{Persistent: true}})
		keep := func(c *client, until time.Time, uses ...act) {
			for i := 0; time.Until(until) > 30*time.Minute; i++ {
				time.Sleep(29 * time.Minute)
				c.must(uses[i%len(uses)])
			}
			time.Sleep(time.Until(until) - time.Millisecond)
		}
		c := p.client().must(login(t, "u"))
		keep(c, time.Now().Add(lifetime), show, set(t, "k", 1), renew(t), func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if err := s.Save(r.Context()); err != nil {
				t.Error(err)
			}
		})
		c.wants("<u> k=1")
		time.Sleep(time.Millisecond)
		c.wants(anonymous)

		c = p.client().must(login(t, "u")) // to authenticate again begins anew
		time.Sleep(30 * time.Minute)
		c.must(login(t, "u"))
		deadline := time.Now().Add(lifetime)
		keep(c, deadline, show)
		c.wants("<u>")
		time.Sleep(time.Millisecond)
		c.wants(anonymous)
	})
}

func TestSecurity_LC7_LogoutIsFinal(t *testing.T) {
	p := newProbe(t, session.Config{})
	for name, out := range map[string]act{
		"Session.Destroy": logout(t),
		"Manager.Destroy": func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
			if err := p.m.Destroy(w, r); err != nil {
				t.Error(err)
			}
		},
	} {
		c := p.client().must(login(t, "u"))
		token := c.token()
		c.must(out)
		if c.token() != "" {
			t.Errorf("%s: the client still holds a token", name)
		}
		p.saw()
		p.with(token).wants(anonymous)
		if got := p.heard(); got != "unknown session" {
			t.Errorf("%s: the old token makes the events %q", name, got)
		}
		if infos, err := collect(p.m.List(t.Context(), "u")); err != nil || len(infos) != 0 {
			t.Errorf("%s: the store still has %v, %v", name, infos, err)
		}
	}
}

func TestSecurity_LC8_LogOutEverywhere(t *testing.T) {
	p := newProbe(t, session.Config{})
	var mine []*client
	for range 3 {
		mine = append(mine, p.client().must(login(t, "u")))
	}
	other := p.client().must(login(t, "u2"))
	guest := p.client().must(set(t, "k", 1))

	// Everywhere else: what List shows, but for the session at hand.
	mine[0].must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		infos, err := collect(p.m.List(r.Context(), s.Subject()))
		if err != nil || len(infos) != 3 {
			t.Errorf("%d sessions, %v; want 3", len(infos), err)
		}
		for _, info := range infos {
			if info.ID == s.ID() {
				continue
			}
			if err := p.m.Revoke(r.Context(), info.ID); err != nil {
				t.Error(err)
			}
		}
	})
	for i, want := range []string{"<u>", anonymous, anonymous} {
		mine[i].wants(want)
	}
	mine[1].must(login(t, "u"))
	if n, err := p.m.RevokeAll(t.Context(), "u"); n != 2 || err != nil {
		t.Errorf("RevokeAll: %d, %v; want 2", n, err)
	}
	for _, c := range mine {
		c.wants(anonymous)
	}
	other.wants("<u2>")
	guest.wants("<> k=1")
}

func TestSecurity_LC8_ALoginBesideRevokeAllIsDeadOrLater(t *testing.T) {
	p := newProbe(t, session.Config{})
	for i := range 40 {
		subject := fmt.Sprint("u", i)
		c, relogin := p.client().must(set(t, "k", 1)), p.client().must(login(t, subject))
		var wg sync.WaitGroup
		for _, c := range []*client{c, relogin} {
			wg.Go(func() {
				if status := c.visit(login(t, subject)).StatusCode; status != 200 && status != 409 {
					t.Errorf("status %d", status)
				}
			})
		}
		wg.Go(func() {
			if _, err := p.m.RevokeAll(t.Context(), subject); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		infos, err := collect(p.m.List(t.Context(), subject))
		if err != nil {
			t.Fatal(err)
		}
		alive := 0
		for _, c := range []*client{c, relogin} {
			id, _ := rawToken(t, c.token())
			listed := slices.ContainsFunc(infos, func(info session.Info) bool { return info.ID == id })
			if got := strings.HasPrefix(c.state(), "<u"); got != listed {
				t.Errorf("signed in: %v, listed: %v", got, listed)
			} else if got {
				alive++
			}
		}
		if alive != len(infos) {
			t.Errorf("%d sessions are listed, of which %d have a client", len(infos), alive)
		}
		if _, err := p.m.RevokeAll(t.Context(), subject); err != nil {
			t.Fatal(err)
		}
		c.wants(anonymous)
		relogin.wants(anonymous)
	}
}

func TestSecurity_LC9_AnAdministratorEndsSessions(t *testing.T) {
	p := newProbe(t, session.Config{})
	a, b := p.client().must(login(t, "u")), p.client().must(login(t, "u"))
	infos, err := collect(p.m.List(t.Context(), "u"))
	if err != nil || len(infos) != 2 {
		t.Fatal(infos, err)
	}
	id, _ := rawToken(t, a.token())
	if err := p.m.Revoke(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	a.wants(anonymous)
	b.wants("<u>")
	if n, err := p.m.RevokeAll(t.Context(), "u"); n != 1 || err != nil { // the account is disabled
		t.Errorf("RevokeAll: %d, %v", n, err)
	}
	b.wants(anonymous)
	if err := p.m.Revoke(t.Context(), id); err != nil {
		t.Errorf("to revoke what is gone: %v", err)
	}
}

func TestSecurity_LC10_AListShowsTheLiveOnesAndNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := newTap()
		p := probeOver(t, tap, session.Config{})
		elsewhere := probeOver(t, tap, session.Config{App: "another", Cookie: session.Cookie{Name: cookieName}})
		elsewhere.client().must(login(t, "u"))
		p.client().must(login(t, "u"))
		time.Sleep(2 * time.Hour) // both have expired
		elsewhere.client().must(login(t, "u"))
		c := p.client().must(login(t, "u"))
		infos, err := collect(p.m.List(t.Context(), "u"))
		if err != nil || len(infos) != 1 {
			t.Fatalf("the sessions are %v, %v; want one", infos, err)
		}
		id, secret := rawToken(t, c.token())
		info := infos[0]
		if info.ID != id || info.Subject != "u" || !info.AuthenticatedAt.Equal(time.Now()) || !info.Seen.Equal(time.Now()) {
			t.Errorf("the session is %+v", info)
		}
		for _, form := range spellings(secret[:]) {
			if bytes.Contains(fmt.Appendf(nil, "%+v %#v %x", info, info, info), []byte(form)) {
				t.Error("the list holds a secret")
			}
		}
		for _, handle := range []string{info.ID.String(), info.ID.String() + c.token()[:42]} {
			p.with(handle).wants(anonymous)
		}
	})
}
