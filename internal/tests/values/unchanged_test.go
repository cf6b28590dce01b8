package values

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

func filled(t *testing.T) probe.Act {
	return probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
		return errors.Join(s.Login("u"), s.SetLabel("Laptop"), s.Set("n", 1), s.Set("text", "a"), s.Set("list", notice{"a", "b"}))
	})
}

// steps that leave the session of filled as it was.
var nothingNew = map[string]func(s *session.Session) error{
	"Set":        func(s *session.Session) error { return s.Set("n", 1) },
	"Key.Set":    func(s *session.Session) error { return probe.Counter.Set(s, 1) },
	"of a codec": func(s *session.Session) error { return s.Set("list", notice{"a", "b"}) },
	"there and back": func(s *session.Session) error {
		return errors.Join(s.Set("text", "a"), s.Set("text", "b"), s.Set("text", "a"))
	},
	"deleted and set": func(s *session.Session) error { return errors.Join(s.Delete("n"), s.Set("n", 1)) },
	"set and deleted": func(s *session.Session) error { return errors.Join(s.Set("x", 1), s.Delete("x")) },
	"never there":     func(s *session.Session) error { return s.Delete("x") },
	"Update": func(s *session.Session) error {
		return probe.Counter.Update(s, func(n int) (int, error) { return n, nil })
	},
	"SetLabel": func(s *session.Session) error { return s.SetLabel("Laptop") },
	"all at once": func(s *session.Session) error {
		return errors.Join(s.SetLabel("x"), s.Set("n", 1), s.Set("text", "a"), s.SetLabel("Laptop"))
	},
}

func TestToSetWhatIsThereWritesNothing(t *testing.T) {
	for name, step := range nothingNew {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(filled(t))
		p.Tap.Took()
		c.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return step(s) }))
		if calls := p.Tap.Took(); !slices.Equal(calls, []string{"load"}) {
			t.Errorf("%s: the store is asked for %v, want a load alone", name, calls)
		}
		c.Must(probe.Succeed(t, func(r *http.Request, s *session.Session) error {
			return errors.Join(step(s), s.Save(r.Context()), step(s))
		}))
		c.Must(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			w.WriteHeader(200)
			probe.Must(t, step(s))
		})
		id, _ := probe.RawToken(t, c.Token())
		probe.Must(t, p.M.Edit(t.Context(), id, step))
		if calls := p.Tap.Took(); slices.Contains(calls, "save") {
			t.Errorf("%s: the store is asked for %v", name, calls)
		}
		c.Wants(fmt.Sprintf("<u> list=%v n=1 text=a", json.RawMessage(`{"Kind":"a","Text":"b"}`)))
	}
}

func TestToSetWhatIsThereSealsNothing(t *testing.T) {
	for name, step := range nothingNew {
		p := probe.Sealed(t, probe.NewRing(t), session.Config{})
		c := p.Client().Must(filled(t))
		res := c.Visit(probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return step(s) }))
		if len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("%s: a cookie is set", name)
		}
	}
}

func TestToSetAnythingElseIsAWrite(t *testing.T) {
	for name, step := range map[string]func(s *session.Session) error{
		"another value":      func(s *session.Session) error { return s.Set("n", 2) },
		"another type":       func(s *session.Session) error { return s.Set("n", int64(1)) },
		"another text":       func(s *session.Session) error { return s.Set("text", "") },
		"another key":        func(s *session.Session) error { return s.Set("x", 1) },
		"one of two":         func(s *session.Session) error { return errors.Join(s.Set("n", 1), s.Set("text", "b")) },
		"deleted":            func(s *session.Session) error { return s.Delete("n") },
		"cleared and set":    func(s *session.Session) error { return errors.Join(s.Clear(), s.Set("n", 1)) },
		"another label":      func(s *session.Session) error { return s.SetLabel("Phone") },
		"no label":           func(s *session.Session) error { return s.SetLabel("") },
		"taken and put back": func(s *session.Session) error { s.Pop("n"); return s.Set("n", 1) },
		"a new token":        func(s *session.Session) error { return errors.Join(s.Set("n", 1), s.Renew()) },
	} {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(filled(t))
		p.Tap.Took()
		c.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return step(s) }))
		if calls := p.Tap.Took(); !slices.Equal(calls, []string{"load", "save"}) {
			t.Errorf("%s: the store is asked for %v, want a load and a save", name, calls)
		}
	}
}

// What another request has committed meanwhile stays where this one has changed
// nothing, and gives way where it has.
func TestToSetWhatIsThereUndoesNoOtherRequest(t *testing.T) {
	for _, beside := range []bool{false, true} {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Set(t, "k", "a"))
		c.Must(probe.Succeed(t, func(r *http.Request, s *session.Session) error {
			c.On(p).Must(probe.Set(t, "k", "b"))
			err := s.Set("k", "a")
			if beside {
				err = errors.Join(err, s.Set("beside", 1))
			}
			return err
		}))
		if beside {
			c.Wants("<> beside=1 k=a")
		} else {
			c.Wants("<> k=b")
		}
	}
}

// Of what a request has set, the last counts, whatever it did in between.
func TestTheLastSetOfARequestCounts(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "k", "a"))
	c.Must(probe.Succeed(t, func(r *http.Request, s *session.Session) error {
		return errors.Join(s.Set("k", "b"), s.Save(r.Context()), s.Set("k", "a"))
	}))
	c.Wants("<> k=a")
	// A commit that is under way.
	saving, saved := make(chan struct{}), make(chan struct{})
	p.Tap.Put(func(_ context.Context, op string, do func() error) error {
		if op == "save" {
			p.Tap.Put(nil)
			close(saving)
			<-saved
		}
		return do()
	})
	c.Must(probe.Succeed(t, func(r *http.Request, s *session.Session) error {
		probe.Must(t, s.Set("k", "b"))
		done := make(chan error)
		go func() { done <- s.Save(r.Context()) }()
		<-saving
		err := s.Set("k", "a")
		close(saved)
		return errors.Join(err, <-done)
	}))
	c.Wants("<> k=a")
}

func TestToSetWhatIsThereIsUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Set(t, "k", "a"))
		for range 3 {
			time.Sleep(45 * time.Minute)
			c.Must(probe.Set(t, "k", "a"))
		}
		c.Wants("<> k=a")
	})
}
