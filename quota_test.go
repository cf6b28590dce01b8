package session_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

func TestALoginOverMaxSessionsIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{MaxSessions: 2, RefuseLogin: true})
		first, second := p.client().must(login(t, "u")), p.client().must(login(t, "u"))
		third := p.client().must(set(t, "k", 1))
		if res := third.visit(login(t, "u")); res.StatusCode != http.StatusForbidden || len(res.Cookies()) > 0 {
			t.Errorf("status %d, cookies %v", res.StatusCode, res.Cookies())
		}
		third.visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			must(t, s.Login("u"))
			if err := s.Save(r.Context()); !errors.Is(err, session.ErrTooManySessions) {
				t.Errorf("Save: %v", err)
			}
		})
		third.wants("<> k=1")
		first.must(login(t, "u")).wants("<u>") // has a place already
		p.client().must(login(t, "v"))
		// A session that ends makes room at once.
		second.must(logout(t))
		third.must(login(t, "u")).wants("<u> k=1")
		if res := second.visit(login(t, "u")); res.StatusCode != http.StatusForbidden {
			t.Errorf("status %d, want 403", res.StatusCode)
		}
		time.Sleep(25 * time.Hour)
		second.must(login(t, "u"))
		if ids := p.idsOf("u"); len(ids) != 1 {
			t.Errorf("%d sessions, want 1", len(ids))
		}
	})
}

// A process that dies between the place and the session keeps the place for a
// minute, and no longer.
func TestAPlaceThatIsNeverUsedIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{MaxSessions: 2, RefuseLogin: true})
		creates := 0
		p.tap.put(func(_ context.Context, op string, do func() error) error {
			if op == "create" {
				creates++
			}
			if creates >= 2 || op == "save" { // the session, and whatever comes after it
				return errors.New("the process is gone")
			}
			return do()
		})
		p.client().visit(login(t, "u"))
		p.tap.put(nil)
		if creates < 2 {
			t.Fatal("no place was reserved")
		}
		time.Sleep(40 * time.Second)
		p.client().must(login(t, "u"))
		c := p.client()
		if res := c.visit(login(t, "u")); res.StatusCode != http.StatusForbidden {
			t.Errorf("status %d, want 403", res.StatusCode)
		}
		time.Sleep(21 * time.Second)
		c.must(login(t, "u")).wants("<u>")
	})
}

// A sign-in whose session could not be stored does not keep a place.
func TestAFailedLoginGivesItsPlaceBack(t *testing.T) {
	p := newProbe(t, session.Config{MaxSessions: 1, RefuseLogin: true})
	p.tap.failFrom("create", 1, errors.New("down"))
	p.client().visit(login(t, "u"))
	p.tap.put(nil)
	p.client().must(login(t, "u")).wants("<u>")
}

// What the library keeps of a subject beside sessions has IDs that can be worked
// out. To present one is to present nothing.
func TestAMarkIsNoSession(t *testing.T) {
	p := newProbe(t, session.Config{MaxSessions: 2, RefuseLogin: true})
	if _, err := p.m.RevokeAll(t.Context(), "u"); err != nil {
		t.Fatal(err)
	}
	p.client().must(login(t, "u"))
	p.saw()
	marks := map[session.ID]bool{}
	for _, rec := range p.tap.given() {
		if rec.Subject != "" || marks[rec.ID] {
			continue
		}
		marks[rec.ID] = true
		c := p.with(base64.RawURLEncoding.EncodeToString(append(rec.ID[:], make([]byte, 32)...)))
		c.wants(anonymous)
		if got := p.heard(); got != "unknown session" {
			t.Errorf("the events are %q", got)
		}
		if res := c.visit(set(t, "k", 1)); res.StatusCode != 200 || strings.HasPrefix(c.token(), rec.ID.String()[:21]) {
			t.Errorf("status %d, and the token %q", res.StatusCode, c.token())
		}
		p.saw()
		if ended, err := p.m.RevokeFor(t.Context(), "u", rec.ID); ended || err != nil {
			t.Errorf("RevokeFor: %v, %v", ended, err)
		}
	}
	if len(marks) != 2 {
		t.Errorf("%d marks are kept, want 2", len(marks))
	}
}

// Nor is it a corrupt session, where it comes beside other tokens.
func TestAMarkBesideOtherTokensIsNoSession(t *testing.T) {
	p := newProbe(t, session.Config{})
	_, err := p.m.RevokeAll(t.Context(), "u")
	must(t, err)
	id := p.tap.given()[0].ID
	token := base64.RawURLEncoding.EncodeToString(append(id[:], make([]byte, 32)...))
	p.saw()
	p.client().visit(logout(t), cookies(cookieName+"="+token+"; "+cookieName+"=x"))
	if got := p.heard(); strings.Contains(got, "corrupt") {
		t.Errorf("the events are %q", got)
	}
}

func TestAnAnonymousSessionHasALifetimeOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{AnonymousLifetime: 10 * time.Minute})
		guest, user := p.client().must(set(t, "k", 1)), p.client().must(set(t, "k", 1))
		time.Sleep(9 * time.Minute)
		guest.wants("<> k=1")
		user.must(login(t, "u"))
		time.Sleep(time.Minute)
		guest.wants(anonymous)
		for range 23 {
			user.wants("<u> k=1")
			time.Sleep(time.Hour - time.Minute)
		}
		user.wants("<u> k=1")
	})
}

func TestSaveTellsOfARefusal(t *testing.T) {
	why := errors.New("not from there")
	var asked []string
	p := newProbe(t, session.Config{AdmitAnonymous: func(r *http.Request) error {
		asked = append(asked, r.Header.Get("From"))
		return why
	}})
	p.client().visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Set("k", 1))
		if err := s.Save(r.Context()); !errors.Is(err, session.ErrRefused) || !errors.Is(err, why) {
			t.Errorf("Save: %v", err)
		}
		if s.Get("k") != nil {
			t.Error("what was refused is there still")
		}
	}, func(r *http.Request) { r.Header.Set("From", "there") })
	if len(asked) != 1 || asked[0] != "there" {
		t.Errorf("asked for %q", asked)
	}
	w := p.client().visit(func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
		if _, err := p.m.Start(w, r); !errors.Is(err, session.ErrRefused) {
			t.Errorf("Start: %v", err)
		}
	})
	if len(w.Cookies()) > 0 || len(p.tap.given()) > 0 {
		t.Error("a refused session is stored")
	}
}

func TestLimitRatePanicsWhereItMakesNoSense(t *testing.T) {
	for _, f := range []func(){func() { session.LimitRate(0, time.Second) }, func() { session.LimitRate(1, 0) }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		}()
	}
}

// A lazy store keeps what has expired until it is collected, and Create says so.
type lazyStore struct {
	store.Lister
	created map[store.ID]bool
}

func (l lazyStore) Create(ctx context.Context, rec store.Record) error {
	if l.created[rec.ID] {
		return store.ErrExists
	}
	l.created[rec.ID] = true
	return l.Lister.Create(ctx, rec)
}

func TestPlacesAreTakenInAStoreThatCollectsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tap := newTap()
		tap.under = lazyStore{tap.under, map[store.ID]bool{}}
		p := probeOver(t, tap, session.Config{MaxSessions: 2, RefuseLogin: true})
		c := p.client().must(login(t, "u"))
		time.Sleep(2 * time.Minute)
		p.client().must(login(t, "u"))
		c.must(logout(t))
		for _, after := range []time.Duration{time.Minute, time.Hour, 30 * day} {
			time.Sleep(after)
			p.client().must(login(t, "u")).must(logout(t))
		}
	})
}
