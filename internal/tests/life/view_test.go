package life

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

func TestViewShowsASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u")).Must(probe.Set(t, "k", "v"))
		was := p.Only("u")
		time.Sleep(59*time.Minute + 30*time.Second)
		p.Tap.Took()
		mine := errors.New("mine")
		err := p.M.View(t.Context(), was.ID, func(s *session.Session) error {
			if s.ID() != was.ID || probe.Describe(s) != "<u> k=v" || s.IsNew() || !s.Expires().Equal(was.Expires) {
				t.Errorf("it shows %v, %q, new %v, until %v", s, probe.Describe(s), s.IsNew(), s.Expires())
			}
			return mine
		})
		if err != mine {
			t.Errorf("View returns %v", err)
		}
		if calls := p.Tap.Took(); !slices.Equal(calls, []string{"load"}) {
			t.Errorf("the store was asked to %v", calls)
		}
		if now := p.Only("u"); !now.Seen.Equal(was.Seen) || !now.Expires.Equal(was.Expires) {
			t.Errorf("it was a use: seen %v, expires %v", now.Seen, now.Expires)
		}
		time.Sleep(time.Minute)
		c.Wants(probe.Anonymous)
	})
}

// Each change says what is the matter, and none is made.
func TestNothingIsChangedInView(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u")).Must(probe.Set(t, "k", "v"))
	id := p.Only("u").ID
	p.Tap.Took()
	var s *session.Session
	probe.Must(t, p.M.View(t.Context(), id, func(own *session.Session) error {
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
		if _, err := p.M.RevokeOthers(t.Context(), s); err == nil {
			t.Error("RevokeOthers is no error")
		}
		if _, err := p.M.Commit(t.Context(), s); err != nil {
			t.Errorf("Commit of nothing: %v", err)
		}
		return nil
	}))
	if calls := p.Tap.Took(); !slices.Equal(calls, []string{"load"}) {
		t.Errorf("the store was asked to %v", calls)
	}
	everyChange(t, s, session.ErrDone)
	c.Wants("<u> k=v")
}

func TestViewIsReloaded(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	probe.Must(t, p.M.View(t.Context(), p.Only("u").ID, func(s *session.Session) error {
		c.Must(probe.Set(t, "k", "v"))
		probe.Must(t, s.Reload(t.Context()))
		if probe.Describe(s) != "<u> k=v" {
			t.Errorf("it shows %q", probe.Describe(s))
		}
		c.Must(probe.Logout(t))
		if err := s.Reload(t.Context()); !errors.Is(err, session.ErrEnded) || probe.Describe(s) != probe.Anonymous {
			t.Errorf("%v, and it shows %q", err, probe.Describe(s))
		}
		return nil
	}))
}

func TestViewAndEditOfNoSession(t *testing.T) {
	p := probe.New(t, session.Config{})
	other := probe.Over(t, p.Tap, session.Config{App: "other"})
	gone := p.Client().Must(probe.Login(t, "gone"))
	there := p.Only("gone").ID
	gone.Must(probe.Logout(t))
	p.Client().Must(probe.Login(t, "u"))
	down := errors.New("down")
	never := func(*session.Session) error { t.Error("the function runs"); return nil }
	for name, call := range map[string]func(*session.Manager, session.ID) error{
		"View": func(m *session.Manager, id session.ID) error { return m.View(t.Context(), id, never) },
		"Edit": func(m *session.Manager, id session.ID) error { return m.Edit(t.Context(), id, never) },
	} {
		for what, err := range map[string]error{
			"one that has ended":         call(p.M, there),
			"one that never was":         call(p.M, session.ID{1}),
			"one of another application": call(other.M, p.Only("u").ID),
		} {
			if !errors.Is(err, session.ErrEnded) {
				t.Errorf("%s of %s: %v, want ErrEnded", name, what, err)
			}
		}
		p.Tap.Fail("load", down)
		if err := call(p.M, there); !errors.Is(err, down) || session.ErrorStatus(err) != http.StatusServiceUnavailable {
			t.Errorf("%s: %v", name, err)
		}
		p.Tap.Put(nil)
		sealed := probe.SealedSite(t, probe.NewRing(t), session.Config{})
		if err := call(sealed.M, there); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s of a sealed session: %v", name, err)
		}
	}
}
