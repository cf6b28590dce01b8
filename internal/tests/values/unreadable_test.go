package values

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
)

// meetings are the ways to meet a record that has become unreadable while a request
// of its session runs. Each returns the error that the caller is told.
var meetings = map[string]func(c *probe.Client, r *http.Request, s *session.Session) error{
	"the next request": func(c *probe.Client, _ *http.Request, _ *session.Session) (err error) {
		handler := c.P.H
		defer func() { c.P.H = handler }()
		c.P.H = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, err = c.P.M.Load(r) })
		c.Visit(probe.Idle)
		return err
	},
	"Touch":  func(_ *probe.Client, r *http.Request, s *session.Session) error { return s.Touch(r.Context()) },
	"Reload": func(_ *probe.Client, r *http.Request, s *session.Session) error { return s.Reload(r.Context()) },
	"Save": func(c *probe.Client, r *http.Request, s *session.Session) error {
		return errors.Join(s.Set("k", 1), s.Save(r.Context()))
	},
	"Edit": func(c *probe.Client, r *http.Request, s *session.Session) error {
		return c.P.M.Edit(r.Context(), s.ID(), func(*session.Session) error { return nil })
	},
	"View": func(c *probe.Client, r *http.Request, s *session.Session) error {
		return c.P.M.View(r.Context(), s.ID(), func(*session.Session) error { return nil })
	},
	"Destroy of several": func(c *probe.Client, r *http.Request, s *session.Session) (err error) {
		c.Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) { err = s.Destroy(r.Context()) },
			func(r *http.Request) { r.Header.Add("Cookie", probe.CookieName+"=other") })
		return err
	},
}

// meet has a request meet its own record, which was written again as spoil says.
func meet(t *testing.T, spoil func(data []byte) []byte, meeting func(*probe.Client, *http.Request, *session.Session) error) (id session.ID, events []session.Event, err error) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		id = s.ID()
		c.Must(probe.Set(t, "other", 1)) // so that a commit has to look
		p.Tap.Poison(func(rec store.Record) store.Record {
			rec.Data = spoil(bytes.Clone(rec.Data))
			return rec
		})
		p.Saw()
		err = meeting(c, r, s)
		events = p.Saw()
		s.Discard()
	})
	return id, events, err
}

func TestWhateverMeetsACorruptRecordReportsIt(t *testing.T) {
	for name, meeting := range meetings {
		id, events, err := meet(t, func([]byte) []byte { return []byte("garbage") }, meeting)
		found := 0
		for _, e := range events {
			if e.Kind == session.EventCorrupt {
				found++
				if e.ID != id || e.Subject != "u" || !strings.Contains(e.Err.Error(), id.String()) {
					t.Errorf("%s: the event is %+v", name, e)
				}
			}
		}
		if found != 1 {
			t.Errorf("%s reports %v, want one corrupt record", name, events)
		}
		switch name {
		case "the next request", "Destroy of several": // it goes on without
			probe.Must(t, err)
		case "Edit", "View":
			if err == nil || errors.Is(err, session.ErrEnded) || !strings.Contains(err.Error(), id.String()) {
				t.Errorf("%s: %v", name, err)
			}
		default:
			if !errors.Is(err, session.ErrEnded) {
				t.Errorf("%s: %v, want ErrEnded", name, err)
			}
		}
	}
}

func TestListShowsACorruptRecordAndReportsIt(t *testing.T) {
	p := probe.New(t, session.Config{})
	p.Client().Must(probe.Login(t, "u"))
	rec, err := p.Tap.Under.Load(t.Context(), p.Only("u").ID)
	probe.Must(t, err)
	rec.Data = []byte("garbage")
	probe.Must(t, p.Tap.Under.Save(t.Context(), rec, rec.Version))
	p.Saw()
	if got := p.Only("u"); got.ID != rec.ID || !got.Expires.Equal(rec.Expires) {
		t.Errorf("List shows %+v", got)
	}
	if got := p.Heard(); got != string(session.EventCorrupt) {
		t.Errorf("List reports %q", got)
	}
}

// A record of a newer program waits for that program: nothing takes it for ended.
func TestARecordOfANewerFormatIsAnErrorThatNamesIt(t *testing.T) {
	newer := func(data []byte) []byte { data[3]++; return data }
	for name, meeting := range meetings {
		id, events, err := meet(t, newer, meeting)
		if err == nil || errors.Is(err, session.ErrEnded) || session.ErrorStatus(err) != http.StatusServiceUnavailable || !strings.Contains(err.Error(), id.String()) {
			t.Errorf("%s: %v", name, err)
		}
		for _, e := range events {
			if e.Kind == session.EventCorrupt {
				t.Errorf("%s reports %+v", name, e)
			}
		}
	}
}
