package accounts

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
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
)

func TestALoginOverMaxSessionsIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{MaxSessions: 2, RefuseLogin: true})
		first, second := p.Client().Must(probe.Login(t, "u")), p.Client().Must(probe.Login(t, "u"))
		third := p.Client().Must(probe.Set(t, "k", 1))
		if res := third.Visit(probe.Login(t, "u")); res.StatusCode != http.StatusForbidden || len(res.Cookies()) > 0 {
			t.Errorf("status %d, cookies %v", res.StatusCode, res.Cookies())
		}
		third.Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			probe.Must(t, s.Login("u"))
			if err := s.Save(r.Context()); !errors.Is(err, session.ErrTooManySessions) {
				t.Errorf("Save: %v", err)
			}
		})
		third.Wants("<> k=1")
		first.Must(probe.Login(t, "u")).Wants("<u>") // has a place already
		p.Client().Must(probe.Login(t, "v"))
		// A session that ends makes room at once.
		second.Must(probe.Logout(t))
		third.Must(probe.Login(t, "u")).Wants("<u> k=1")
		if res := second.Visit(probe.Login(t, "u")); res.StatusCode != http.StatusForbidden {
			t.Errorf("status %d, want 403", res.StatusCode)
		}
		time.Sleep(25 * time.Hour)
		second.Must(probe.Login(t, "u"))
		if ids := p.IDsOf("u"); len(ids) != 1 {
			t.Errorf("%d sessions, want 1", len(ids))
		}
	})
}

// A process that dies between the place and the session keeps the place for a
// minute, and no longer.
func TestAPlaceThatIsNeverUsedIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{MaxSessions: 2, RefuseLogin: true})
		creates := 0
		p.Tap.Put(func(_ context.Context, op string, do func() error) error {
			if op == "create" {
				creates++
			}
			if creates >= 2 || op == "save" { // the session, and whatever comes after it
				return errors.New("the process is gone")
			}
			return do()
		})
		p.Client().Visit(probe.Login(t, "u"))
		p.Tap.Put(nil)
		if creates < 2 {
			t.Fatal("no place was reserved")
		}
		time.Sleep(40 * time.Second)
		p.Client().Must(probe.Login(t, "u"))
		c := p.Client()
		if res := c.Visit(probe.Login(t, "u")); res.StatusCode != http.StatusForbidden {
			t.Errorf("status %d, want 403", res.StatusCode)
		}
		time.Sleep(21 * time.Second)
		c.Must(probe.Login(t, "u")).Wants("<u>")
	})
}

// A sign-in whose session could not be stored does not keep a place.
func TestAFailedLoginGivesItsPlaceBack(t *testing.T) {
	p := probe.New(t, session.Config{MaxSessions: 1, RefuseLogin: true})
	p.Tap.FailFrom("create", 1, errors.New("down"))
	p.Client().Visit(probe.Login(t, "u"))
	p.Tap.Put(nil)
	p.Client().Must(probe.Login(t, "u")).Wants("<u>")
}

// What the library keeps of a subject beside sessions has IDs that can be worked
// out. To present one is to present nothing.
func TestAMarkIsNoSession(t *testing.T) {
	p := probe.New(t, session.Config{MaxSessions: 2, RefuseLogin: true})
	if _, err := p.M.RevokeAll(t.Context(), "u"); err != nil {
		t.Fatal(err)
	}
	p.Client().Must(probe.Login(t, "u"))
	p.Saw()
	marks := map[session.ID]bool{}
	for _, rec := range p.Tap.Given() {
		if rec.Subject != "" || marks[rec.ID] {
			continue
		}
		marks[rec.ID] = true
		c := p.With(base64.RawURLEncoding.EncodeToString(append(rec.ID[:], make([]byte, 32)...)))
		c.Wants(probe.Anonymous)
		if got := p.Heard(); got != "unknown session" {
			t.Errorf("the events are %q", got)
		}
		if res := c.Visit(probe.Set(t, "k", 1)); res.StatusCode != 200 || strings.HasPrefix(c.Token(), rec.ID.String()[:21]) {
			t.Errorf("status %d, and the token %q", res.StatusCode, c.Token())
		}
		p.Saw()
		if ended, err := p.M.RevokeFor(t.Context(), "u", rec.ID); ended || err != nil {
			t.Errorf("RevokeFor: %v, %v", ended, err)
		}
	}
	if len(marks) != 2 {
		t.Errorf("%d marks are kept, want 2", len(marks))
	}
}

// Nor is it a corrupt session, where it comes beside other tokens.
func TestAMarkBesideOtherTokensIsNoSession(t *testing.T) {
	p := probe.New(t, session.Config{})
	_, err := p.M.RevokeAll(t.Context(), "u")
	probe.Must(t, err)
	id := p.Tap.Given()[0].ID
	token := base64.RawURLEncoding.EncodeToString(append(id[:], make([]byte, 32)...))
	p.Saw()
	p.Client().Visit(probe.Logout(t), probe.Cookies(probe.CookieName+"="+token+"; "+probe.CookieName+"=x"))
	if got := p.Heard(); strings.Contains(got, "corrupt") {
		t.Errorf("the events are %q", got)
	}
}

func TestAnAnonymousSessionHasALifetimeOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{AnonymousLifetime: 10 * time.Minute})
		guest, user := p.Client().Must(probe.Set(t, "k", 1)), p.Client().Must(probe.Set(t, "k", 1))
		time.Sleep(9 * time.Minute)
		guest.Wants("<> k=1")
		user.Must(probe.Login(t, "u"))
		time.Sleep(time.Minute)
		guest.Wants(probe.Anonymous)
		for range 23 {
			user.Wants("<u> k=1")
			time.Sleep(time.Hour - time.Minute)
		}
		user.Wants("<u> k=1")
	})
}

func TestSaveTellsOfARefusal(t *testing.T) {
	why := errors.New("not from there")
	var asked []string
	p := probe.New(t, session.Config{AdmitAnonymous: func(r *http.Request) error {
		asked = append(asked, r.Header.Get("From"))
		return why
	}})
	p.Client().Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Set("k", 1))
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
	w := p.Client().Visit(func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
		if _, err := p.M.Start(w, r); !errors.Is(err, session.ErrRefused) {
			t.Errorf("Start: %v", err)
		}
	})
	if len(w.Cookies()) > 0 || len(p.Tap.Given()) > 0 {
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
		tap := probe.NewTap()
		tap.Under = lazyStore{tap.Under, map[store.ID]bool{}}
		p := probe.Over(t, tap, session.Config{MaxSessions: 2, RefuseLogin: true})
		c := p.Client().Must(probe.Login(t, "u"))
		time.Sleep(2 * time.Minute)
		p.Client().Must(probe.Login(t, "u"))
		c.Must(probe.Logout(t))
		for _, after := range []time.Duration{time.Minute, time.Hour, 30 * 24 * time.Hour} {
			time.Sleep(after)
			p.Client().Must(probe.Login(t, "u")).Must(probe.Logout(t))
		}
	})
}
