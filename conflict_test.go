package session_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// Two requests have loaded a value, and both take it. The second to commit fails,
// and must not go on with what the first was given.
func TestWhoeverComesSecondSeesTheNewestState(t *testing.T) {
	for name, commit := range map[string]func(d direct, s *session.Session) error{
		"Save":   func(d direct, s *session.Session) error { return s.Save(d.t.Context()) },
		"Commit": func(d direct, s *session.Session) error { _, err := d.m.Commit(d.t.Context(), s); return err },
	} {
		for what, test := range map[string]struct {
			change func(s *session.Session) error // of the second
			err    error
		}{
			"pops what is gone": {func(s *session.Session) error { s.Pop("code"); return s.Set("own", 1) }, session.ErrConflict},
			"pops and sets":     {func(s *session.Session) error { s.Pop("code"); return s.Set("code", "mine") }, session.ErrConflict},
			"updates, and its function refuses the newer value": {func(s *session.Session) error {
				return counter.Update(s, func(n int) (int, error) {
					if n == 2 {
						return 0, errNoMore
					}
					return n + 1, nil
				})
			}, errNoMore},
		} {
			t.Run(what+", "+name, func(t *testing.T) {
				d := newDirect(t, nil, session.Config{})
				s := d.load(nil)
				must(t, s.Set("code", "secret"), s.Set("n", 1))
				c := d.commit(s)
				first, second := d.load(c), d.load(c)
				if first.Pop("code") != "secret" {
					t.Error("the first gets nothing")
				}
				must(t, first.Set("n", 2), test.change(second))
				d.commit(first)
				if err := commit(d, second); !errors.Is(err, test.err) {
					t.Errorf("%v, want %v", err, test.err)
				}
				second.Discard() // Save has, Commit leaves it to the caller
				if got := state(second); got != "<> n=2" {
					t.Errorf("the second sees %q", got)
				}
				must(t, second.Set("later", 1))
				d.commit(second)
				if got := state(d.load(c)); got != "<> later=1 n=2" {
					t.Errorf("afterwards there is %q", got)
				}
			})
		}
	}
}

var errNoMore = errors.New("no more")

// What the answer to the second shows is the newest state too.
func TestTheErrorHandlerSeesTheNewestState(t *testing.T) {
	seen := ""
	p := newProbe(t, session.Config{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
		seen = state(session.FromContext(r.Context()))
		w.WriteHeader(session.ErrorStatus(err))
	}})
	c := p.client().must(set(t, "code", "secret"))
	pop := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if s.Pop("code") != "secret" {
			t.Error("there is no code")
		}
	}
	res := c.visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		pop(w, r, s)
		c.must(pop)
	})
	if res.StatusCode != http.StatusConflict || seen != anonymous {
		t.Errorf("status %d, and the second sees %q", res.StatusCode, seen)
	}
}

// Others have changed the session so often that the attempts ran out.
func TestWhoeverNeverComesFirstSeesTheNewestState(t *testing.T) {
	mem := memstore.New()
	f := &faultyStore{Store: mem}
	d, other := newDirect(t, f, session.Config{}), newDirect(t, mem, session.Config{})
	c := d.with("n", 0)
	s := d.load(c)
	must(t, s.Set("own", 1))
	others := 0
	f.save = func(ctx context.Context, rec store.Record, old uint64) error {
		others++
		must(t, other.m.Edit(ctx, rec.ID, increment))
		return mem.Save(ctx, rec, old)
	}
	if err := s.Save(t.Context()); !errors.Is(err, session.ErrConflict) {
		t.Errorf("Save: %v", err)
	}
	if n, _ := counter.Get(s); n != others || s.Get("own") != nil {
		t.Errorf("it sees %q, and others have changed it %d times", state(s), others)
	}
}
