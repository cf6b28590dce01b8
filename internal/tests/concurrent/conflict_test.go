package concurrent

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// Two requests have loaded a value, and both take it. The second to commit fails,
// and must not go on with what the first was given.
func TestWhoeverComesSecondSeesTheNewestState(t *testing.T) {
	for name, commit := range map[string]func(d probe.Direct, s *session.Session) error{
		"Save":   func(d probe.Direct, s *session.Session) error { return s.Save(d.T.Context()) },
		"Commit": func(d probe.Direct, s *session.Session) error { _, err := d.M.Commit(d.T.Context(), s); return err },
	} {
		for what, test := range map[string]struct {
			change func(s *session.Session) error // of the second
			err    error
		}{
			"pops what is gone": {func(s *session.Session) error { s.Pop("code"); return s.Set("own", 1) }, session.ErrConflict},
			"pops and sets":     {func(s *session.Session) error { s.Pop("code"); return s.Set("code", "mine") }, session.ErrConflict},
			"updates, and its function refuses the newer value": {func(s *session.Session) error {
				return probe.Counter.Update(s, func(n int) (int, error) {
					if n == 2 {
						return 0, errNoMore
					}
					return n + 1, nil
				})
			}, errNoMore},
		} {
			t.Run(what+", "+name, func(t *testing.T) {
				d := probe.NewDirect(t, nil, session.Config{})
				s := d.Load(nil)
				probe.Must(t, s.Set("code", "secret"), s.Set("n", 1))
				c := d.Commit(s)
				first, second := d.Load(c), d.Load(c)
				if first.Pop("code") != "secret" {
					t.Error("the first gets nothing")
				}
				probe.Must(t, first.Set("n", 2), test.change(second))
				d.Commit(first)
				if err := commit(d, second); !errors.Is(err, test.err) {
					t.Errorf("%v, want %v", err, test.err)
				}
				second.Discard() // Save has, Commit leaves it to the caller
				if got := probe.Describe(second); got != "<> n=2" {
					t.Errorf("the second sees %q", got)
				}
				probe.Must(t, second.Set("later", 1))
				d.Commit(second)
				if got := probe.Describe(d.Load(c)); got != "<> later=1 n=2" {
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
	p := probe.New(t, session.Config{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
		seen = probe.Describe(session.FromContext(r.Context()))
		w.WriteHeader(session.ErrorStatus(err))
	}})
	c := p.Client().Must(probe.Set(t, "code", "secret"))
	pop := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if s.Pop("code") != "secret" {
			t.Error("there is no code")
		}
	}
	res := c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		pop(w, r, s)
		c.Must(pop)
	})
	if res.StatusCode != http.StatusConflict || seen != probe.Anonymous {
		t.Errorf("status %d, and the second sees %q", res.StatusCode, seen)
	}
}

// Others have changed the session so often that the attempts ran out.
func TestWhoeverNeverComesFirstSeesTheNewestState(t *testing.T) {
	mem := memstore.New()
	f := &probe.Faulty{Store: mem}
	d, other := probe.NewDirect(t, f, session.Config{}), probe.NewDirect(t, mem, session.Config{})
	c := d.With("n", 0)
	s := d.Load(c)
	probe.Must(t, s.Set("own", 1))
	others := 0
	f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
		others++
		probe.Must(t, other.M.Edit(ctx, rec.ID, probe.Increment))
		return mem.Save(ctx, rec, old)
	}
	if err := s.Save(t.Context()); !errors.Is(err, session.ErrConflict) {
		t.Errorf("Save: %v", err)
	}
	if n, _ := probe.Counter.Get(s); n != others || s.Get("own") != nil {
		t.Errorf("it sees %q, and others have changed it %d times", probe.Describe(s), others)
	}
}
