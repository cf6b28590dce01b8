package session_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
)

func TestViewShowsASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		c := p.client().must(login(t, "u")).must(set(t, "k", "v"))
		was := p.only("u")
		time.Sleep(59*time.Minute + 30*time.Second)
		p.tap.took()
		mine := errors.New("mine")
		err := p.m.View(t.Context(), was.ID, func(s *session.Session) error {
			if s.ID() != was.ID || state(s) != "<u> k=v" || s.IsNew() || !s.Expires().Equal(was.Expires) {
				t.Errorf("it shows %v, %q, new %v, until %v", s, state(s), s.IsNew(), s.Expires())
			}
			return mine
		})
		if err != mine {
			t.Errorf("View returns %v", err)
		}
		if calls := p.tap.took(); !slices.Equal(calls, []string{"load"}) {
			t.Errorf("the store was asked to %v", calls)
		}
		if now := p.only("u"); !now.Seen.Equal(was.Seen) || !now.Expires.Equal(was.Expires) {
			t.Errorf("it was a use: seen %v, expires %v", now.Seen, now.Expires)
		}
		time.Sleep(time.Minute)
		c.wants(anonymous)
	})
}

// Each change says what is the matter, and none is made.
func TestNothingIsChangedInView(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u")).must(set(t, "k", "v"))
	id := p.only("u").ID
	p.tap.took()
	var s *session.Session
	must(t, p.m.View(t.Context(), id, func(own *session.Session) error {
		s = own
		for name, change := range failing {
			if name == "Reload" {
				continue
			}
			if err := change(t.Context(), s); err == nil || !strings.Contains(err.Error(), "View") || !strings.Contains(err.Error(), "Edit") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if v := s.Pop("k"); v != nil {
			t.Errorf("Pop returns %v", v)
		}
		if _, err := p.m.RevokeOthers(t.Context(), s); err == nil {
			t.Error("RevokeOthers is no error")
		}
		if _, err := p.m.Commit(t.Context(), s); err != nil {
			t.Errorf("Commit of nothing: %v", err)
		}
		return nil
	}))
	if calls := p.tap.took(); !slices.Equal(calls, []string{"load"}) {
		t.Errorf("the store was asked to %v", calls)
	}
	everyChange(t, s, session.ErrDone)
	c.wants("<u> k=v")
}

func TestViewIsReloaded(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	must(t, p.m.View(t.Context(), p.only("u").ID, func(s *session.Session) error {
		c.must(set(t, "k", "v"))
		must(t, s.Reload(t.Context()))
		if state(s) != "<u> k=v" {
			t.Errorf("it shows %q", state(s))
		}
		c.must(logout(t))
		if err := s.Reload(t.Context()); !errors.Is(err, session.ErrEnded) || state(s) != anonymous {
			t.Errorf("%v, and it shows %q", err, state(s))
		}
		return nil
	}))
}

func TestViewAndEditOfNoSession(t *testing.T) {
	p := newProbe(t, session.Config{})
	other := probeOver(t, p.tap, session.Config{App: "other"})
	gone := p.client().must(login(t, "gone"))
	there := p.only("gone").ID
	gone.must(logout(t))
	p.client().must(login(t, "u"))
	down := errors.New("down")
	never := func(*session.Session) error { t.Error("the function runs"); return nil }
	for name, call := range map[string]func(*session.Manager, session.ID) error{
		"View": func(m *session.Manager, id session.ID) error { return m.View(t.Context(), id, never) },
		"Edit": func(m *session.Manager, id session.ID) error { return m.Edit(t.Context(), id, never) },
	} {
		for what, err := range map[string]error{
			"one that has ended":         call(p.m, there),
			"one that never was":         call(p.m, session.ID{1}),
			"one of another application": call(other.m, p.only("u").ID),
		} {
			if !errors.Is(err, session.ErrEnded) {
				t.Errorf("%s of %s: %v, want ErrEnded", name, what, err)
			}
		}
		p.tap.fail("load", down)
		if err := call(p.m, there); !errors.Is(err, down) || session.ErrorStatus(err) != http.StatusServiceUnavailable {
			t.Errorf("%s: %v", name, err)
		}
		p.tap.put(nil)
		sealed := newSealedSite(t, newRing(t), session.Config{})
		if err := call(sealed.m, there); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s of a sealed session: %v", name, err)
		}
	}
}
