package concurrent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/flash"
	"github.com/b4468f51/session/internal/probe"
)

// A pending change may fail on what others have stored meanwhile. If the request sees that state
// before it commits, the commit fails all the same. The ways to see it:
var sights = map[string]func(ctx context.Context, t *testing.T, s *session.Session) error{
	"Reload": func(ctx context.Context, _ *testing.T, s *session.Session) error { return s.Reload(ctx) },
	"Touch":  func(ctx context.Context, _ *testing.T, s *session.Session) error { return s.Touch(ctx) },
	"Take": func(ctx context.Context, _ *testing.T, s *session.Session) error {
		_, _, err := session.NewKey[string]("another").Take(ctx, s)
		return err
	},
	"a message": func(ctx context.Context, t *testing.T, s *session.Session) error {
		r, err := http.NewRequestWithContext(ctx, "GET", probe.URL, nil)
		probe.Must(t, err)
		_, err = flash.New[string]("notices").Take(r, s)
		return err
	},
	"nothing": func(context.Context, *testing.T, *session.Session) error { return nil },
}

func TestAChangeThatFailsOnANewerStateFailsItsCommit(t *testing.T) {
	errSoldOut := errors.New("sold out")
	buy := func(s *session.Session) error {
		return probe.Counter.Update(s, func(n int) (int, error) {
			if n < 1 {
				return 0, errSoldOut
			}
			return n - 1, nil
		})
	}
	for change, test := range map[string]struct {
		mine, others func(s *session.Session) error
	}{
		"Pop":            {pop, pop},
		"Update":         {buy, buy},
		"Set, too large": {setLarge("mine"), setLarge("others")},
	} {
		for sight, look := range sights {
			t.Run(change+"/"+sight, func(t *testing.T) {
				p := probe.New(t, session.Config{MaxSize: 1000})
				c := p.Client().Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
					return errors.Join(s.Set("once", "x"), s.Set("another", "y"), probe.Counter.Set(s, 1), flash.New[string]("notices").Add(s, "m"))
				}))
				other := p.With(c.Token())
				res := c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					probe.Must(t, test.mine(s))
					other.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return test.others(s) }))
					probe.Must(t, look(r.Context(), t, s))
					io.WriteString(w, "done")
				})
				if res.StatusCode == http.StatusOK {
					t.Errorf("both have done it: %s", c.State())
				}
			})
		}
	}
}

func pop(s *session.Session) error {
	if s.Pop("once") != "x" {
		return errors.New("no value")
	}
	return nil
}

func setLarge(key string) func(s *session.Session) error {
	return func(s *session.Session) error { return s.Set(key, strings.Repeat("m", 600)) }
}

// The change is made while a Save of the same request is in the store, and another machine was
// first.
func TestAChangeBesideASaveThatMeetsANewerStateFails(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "once", "x"))
	other := p.With(c.Token()).On(probe.Over(t, p.Tap, session.Config{}))
	res := c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		inStore, goOn := atSave(p)
		saved := make(chan error)
		probe.Must(t, s.Set("second", 1))
		go func() { saved <- s.Save(r.Context()) }()
		<-inStore
		probe.Must(t, pop(s))
		other.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return pop(s) }))
		close(goOn)
		probe.Must(t, <-saved)
		io.WriteString(w, "I have it")
	})
	if res.StatusCode == http.StatusOK {
		t.Error("both have taken the value")
	}
}

// atSave holds the next Save of the store until goOn is closed.
func atSave(p *probe.Probe) (inStore, goOn chan bool) {
	inStore, goOn = make(chan bool), make(chan bool)
	p.Tap.Put(func(_ context.Context, op string, do func() error) error {
		if op == "save" {
			p.Tap.Put(nil)
			close(inStore)
			<-goOn
		}
		return do()
	})
	return inStore, goOn
}

// A request that looks again, and then replaces what has failed, goes on.
func TestAChangeThatFailedMayBeReplaced(t *testing.T) {
	p := probe.New(t, session.Config{MaxSize: 1000})
	c := p.Client().Must(probe.Set(t, "a", "x"))
	other := p.With(c.Token())
	c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, setLarge("mine")(s))
		other.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return setLarge("others")(s) }))
		probe.Must(t, s.Reload(r.Context()), s.Set("mine", "short"))
	})
	if state := c.State(); !strings.Contains(state, "mine=short") {
		t.Errorf("the session is %q", state)
	}
}

// What failed may be deleted: then there is nothing left to fail, and nothing to store.
func TestAChangeThatFailedMayBeDeleted(t *testing.T) {
	for name, more := range map[string]func(s *session.Session) error{
		"it alone":                 func(*session.Session) error { return nil },
		"and what is in its place": func(s *session.Session) error { return s.Delete("others") },
	} {
		t.Run(name, func(t *testing.T) {
			p := probe.New(t, session.Config{MaxSize: 1000})
			c := p.Client().Must(probe.Set(t, "a", "x"))
			other := p.With(c.Token())
			c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				probe.Must(t, setLarge("mine")(s))
				other.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return setLarge("others")(s) }))
				probe.Must(t, s.Reload(r.Context()), s.Delete("mine"), more(s), s.Reload(r.Context()), s.Save(r.Context()))
				if s.Get("mine") != nil {
					t.Error("the session shows what was deleted")
				}
			})
			if state := c.State(); strings.Contains(state, "mine") {
				t.Errorf("what was deleted is stored: %q", state)
			}
		})
	}
}

// A Save that fails drops what it was to commit, and nothing that another goroutine has set since.
func TestASaveThatFailsDropsItsOwnChangesAlone(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "once", "x"))
	c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, pop(s))
		p.With(c.Token()).Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return pop(s) }))
		inStore, goOn := atSave(p)
		saved := make(chan error)
		go func() { saved <- s.Save(r.Context()) }()
		<-inStore
		probe.Must(t, s.Set("mine", "kept"))
		close(goOn)
		if err := <-saved; !errors.Is(err, session.ErrConflict) {
			t.Errorf("the first Save returns %v", err)
		}
		if s.Get("mine") != "kept" {
			t.Error("the session does not show what was set")
		}
		probe.Must(t, s.Save(r.Context()))
	})
	c.Wants("<> mine=kept")
}

// One goroutine sets keys while another saves: none of them is lost. The function of a
// pending Update takes as long as a Set by the other goroutine does.
func TestNoSetIsLostBesideASlowUpdate(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "first", 1))
	const sets = 120
	seen := 0
	c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		inStore, goOn := atSave(p)
		ask, done := make(chan bool), make(chan bool)
		go func() { // the other goroutine
			for n := range sets {
				<-ask
				if err := s.Set(fmt.Sprint("k", n), n); err != nil {
					t.Error(err)
				}
				done <- true
			}
		}()
		probe.Must(t, s.Set("second", 1))
		saved := make(chan error)
		go func() { saved <- s.Save(r.Context()) }()
		<-inStore
		calls := 0
		probe.Must(t, probe.Counter.Update(s, func(n int) (int, error) { // takes its time
			if calls++; calls > 1 && calls <= sets+1 {
				ask <- true
				<-done
			}
			return n + 1, nil
		}))
		close(goOn)
		probe.Must(t, <-saved)
		for n := max(calls-1, 0); n < sets; n++ {
			ask <- true
			<-done
		}
		seen = keysOf(s)
	})
	if seen != sets {
		t.Errorf("the request sees %d of the %d values that it has set", seen, sets)
	}
	stored := 0
	c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { stored = keysOf(s) })
	if stored != sets {
		t.Errorf("%d of %d values are stored", stored, sets)
	}
}

// Each of a hundred and one slow Updates is recorded while the one before runs again.
func TestNoUpdateIsLostBesideManySlowOnes(t *testing.T) {
	p := probe.New(t, session.Config{MaxPending: 200})
	c := p.Client().Must(probe.Set(t, "first", 1))
	const updates = 101
	seen := 0
	c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		inStore, goOn := atSave(p)
		probe.Must(t, s.Set("second", 1))
		saved := make(chan error)
		go func() { saved <- s.Save(r.Context()) }()
		<-inStore
		update := func(int) error { return nil }
		update = func(n int) error {
			runs := 0
			return session.NewKey[int](fmt.Sprint("k", n)).Update(s, func(int) (int, error) {
				if runs++; runs == 2 && n+1 < updates {
					done := make(chan error)
					go func() { done <- update(n + 1) }()
					return n, <-done
				}
				return n, nil
			})
		}
		probe.Must(t, update(0))
		close(goOn)
		probe.Must(t, <-saved)
		seen = keysOf(s)
	})
	if seen != updates {
		t.Errorf("the request sees %d of %d values", seen, updates)
	}
	stored := 0
	c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { stored = keysOf(s) })
	if stored != updates {
		t.Errorf("%d of %d values are stored", stored, updates)
	}
}

// keysOf counts the keys k0, k1 and so on.
func keysOf(s *session.Session) (n int) {
	for k := range s.Keys() {
		if strings.HasPrefix(k, "k") {
			n++
		}
	}
	return n
}

// An Update whose function changes its own key, against the rules, ends with an error.
func TestAnUpdateThatChangesItsOwnKeyEnds(t *testing.T) {
	p := probe.New(t, session.Config{})
	p.Client().Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		runs := 0
		err := probe.Counter.Update(s, func(int) (int, error) {
			runs++
			return runs, probe.Counter.Set(s, runs)
		})
		if !errors.Is(err, session.ErrConflict) || runs > 1000 {
			t.Errorf("%d runs, and the error is %v", runs, err)
		}
	})
}
