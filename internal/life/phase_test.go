package life_test

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/life"
	"github.com/b4468f51/session/store"
)

var (
	errEnded    = change.ErrEnded
	errTooLarge = change.ErrTooLarge
)

// phaseTable reads the table in phase.go: what each phase allows, by the heads of its columns.
func phaseTable(t *testing.T) map[string]map[string]string {
	t.Helper()
	b, err := os.ReadFile("phase.go")
	if err != nil {
		t.Fatal(err)
	}
	columns := regexp.MustCompile(` {2,}`)
	table := map[string]map[string]string{}
	var heads []string
	for line := range strings.Lines(string(b)) {
		line, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "//\t")
		cells := columns.Split(line, -1)
		switch {
		case ok && cells[0] == "phase":
			heads = cells
		case !ok || heads == nil:
			heads = nil
		case !strings.HasPrefix(line, "-"):
			table[cells[0]] = map[string]string{}
			for i, cell := range cells[1:] {
				table[cells[0]][heads[i+1]] = cell
			}
		}
	}
	return table
}

// phases bring a session of a=x into each phase, and return the error of a commit that failed.
var phases = map[string]func(w *world) (*life.Session, error){
	"fresh": func(w *world) (*life.Session, error) {
		s := w.visit()
		w.must(set(s, "a", "x"))
		return s, nil
	},
	"stored": func(w *world) (*life.Session, error) { return w.visit(w.stored("", "a=x")), nil },
	"viewed": func(w *world) (*life.Session, error) {
		id := w.visit(w.stored("", "a=x")).ID()
		s := new(life.Session)
		w.must(w.host.ByID(w.t.Context(), "view", id, s))
		s.OnlyView()
		return s, nil
	},
	"failed": func(w *world) (*life.Session, error) {
		s := w.visit(w.stored("", "a=x"))
		w.must(set(s, "b", "y"))
		w.store.save = func(store.Record) error { return store.ErrUnconfirmed }
		err := s.Commit(w.t.Context(), false)
		w.store.save = nil
		return s, err
	},
	"ended": func(w *world) (*life.Session, error) {
		token := w.stored("", "a=x")
		s := w.visit(token)
		w.must(w.elsewhere(token).Destroy(w.t.Context(), func() {}))
		w.fails("Reload of what was destroyed", s.Reload(w.t.Context()), errEnded)
		return s, nil
	},
	"done": func(w *world) (*life.Session, error) {
		s := w.visit(w.stored("", "a=x"))
		s.Close()
		return s, nil
	},
}

// phaseTries do what the heads of the table say.
var phaseTries = map[string]map[string]func(w *world, s *life.Session) error{
	"Set and others": {
		"Set":    func(_ *world, s *life.Session) error { return set(s, "b", "z") },
		"Delete": func(_ *world, s *life.Session) error { return remove(s, "a") },
		"Pop": func(_ *world, s *life.Session) error {
			return s.Apply(change.Op{Kind: change.Pop, Key: "a", Value: text("x")})
		},
		"Clear": func(_ *world, s *life.Session) error { return s.Apply(change.Op{Kind: change.Clear}) },
		"Label": func(_ *world, s *life.Session) error {
			return s.Apply(change.Op{Kind: change.Label, Value: text("phone")})
		},
		"Update":   func(_ *world, s *life.Session) error { return count(s, "n") },
		"Take":     func(w *world, s *life.Session) error { _, _, err := s.Take(w.t.Context(), "a"); return err },
		"Renew":    func(_ *world, s *life.Session) error { return renew(s) },
		"Lifetime": func(_ *world, s *life.Session) error { return s.Sign(change.Lifetime, change.Signing{}) },
		"Ready":    func(_ *world, s *life.Session) error { return s.Ready() },
	},
	"Login":   {"Login": func(w *world, s *life.Session) error { return login(w.host, s, "u") }},
	"Save":    {"Save": func(w *world, s *life.Session) error { return s.Save(w.t.Context()) }},
	"Reload":  {"Reload": func(w *world, s *life.Session) error { return s.Reload(w.t.Context()) }},
	"Touch":   {"Touch": func(w *world, s *life.Session) error { return s.Touch(w.t.Context()) }},
	"Destroy": {"Destroy": func(w *world, s *life.Session) error { return s.Destroy(w.t.Context(), func() {}) }},
}

func TestAPhaseAllowsWhatTheTableSays(t *testing.T) {
	table := phaseTable(t)
	if len(table) != len(phases) {
		t.Fatalf("phase.go has %d phases, want %d", len(table), len(phases))
	}
	for phase, bring := range phases {
		w := newWorld(t)
		s, _ := bring(w)
		reads := "yes"
		if _, ok := s.Lookup("a"); !ok {
			reads = "empty"
		}
		w.is(phase+", reading", reads, table[phase]["reading"])
		for what, tries := range phaseTries {
			for name, try := range tries {
				w := newWorld(t)
				s, doubt := bring(w)
				was := s.ID()
				got := phaseWord(try(w, s), doubt)
				if got == "yes" && name == "Login" && s.ID() != was {
					got = "begins anew"
				}
				w.is(phase+", "+name, got, table[phase][what])
			}
		}
	}
}

func phaseWord(err, doubt error) string {
	switch {
	case err == nil:
		return "yes"
	case errors.Is(err, errEnded):
		return "ErrEnded"
	case errors.Is(err, life.ErrDone):
		return "ErrDone"
	case err == doubt:
		return "the error"
	default:
		return "an error"
	}
}

// Nothing brings a session on that its handler has left.
func TestNothingFollowsDone(t *testing.T) {
	w := newWorld(t)
	token := w.stored("v", "a=x")
	s := w.visit(token)
	w.must(set(s, "a", "y"))
	w.must(login(w.host, s, "u")) // which Discard would take back
	s.Close()
	w.written()
	w.must(s.Commit(t.Context(), true))
	w.is("writes", w.written(), 0)
	for name, try := range map[string]func(){"OnlyView": s.OnlyView, "Discard": s.Discard, "Fail": func() { s.Fail(errLost) }} {
		try()
		w.fails(name, set(s, "b", "z"), life.ErrDone)
	}
	w.finds(token, "v: a=x")
}

// What a session has to write keeps it open when its handler returns.
func TestAnIdleSessionClosesWhenItsHandlerReturns(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(w *world) *life.Session
		want bool
	}{
		"only read":              {func(w *world) *life.Session { return w.visit(w.stored("", "a=x")) }, true},
		"without a session":      {func(w *world) *life.Session { return w.visit() }, true},
		"a change":               {func(w *world) *life.Session { s := w.visit(w.stored("", "a=x")); w.must(set(s, "a", "y")); return s }, false},
		"the first value":        {func(w *world) *life.Session { s := w.visit(); w.must(set(s, "a", "y")); return s }, false},
		"a change that was lost": {func(w *world) *life.Session { return lostChange(w) }, false},
		"with its commit": {func(w *world) *life.Session {
			s := w.visit()
			w.must(set(s, "a", "y"))
			w.must(s.Commit(w.t.Context(), false))
			return s
		}, true},
	} {
		w := newWorld(t)
		s := test.do(w)
		w.is(name+": closed", s.CloseIdle(), test.want)
		w.is(name+": done", errors.Is(set(s, "b", "y"), life.ErrDone), test.want)
	}
}

// lostChange is a session that has ended with a change pending.
func lostChange(w *world) *life.Session {
	token := w.stored("", "a=x")
	s := w.visit(token)
	w.must(set(s, "a", "y"))
	w.must(w.elsewhere(token).Destroy(w.t.Context(), func() {}))
	w.fails("Reload", s.Reload(w.t.Context()), errEnded)
	return s
}

func TestALostChangeIsAnErrorUntilItIsDropped(t *testing.T) {
	w := newWorld(t)
	s := lostChange(w)
	w.fails("Commit", s.Commit(t.Context(), false), errEnded)
	s.Discard()
	w.must(s.Commit(t.Context(), false))
	w.is("it shows", shows(s), ":")
	w.is("a token is due", s.Owes(), false)
}

// A session that no client has presented is changed as any other, and nothing is sent.
func TestASessionIsChangedByItsID(t *testing.T) {
	w := newWorld(t)
	token := w.stored("u", "a=x")
	s := new(life.Session)
	w.must(w.host.ByID(t.Context(), "edit", w.visit(token).ID(), s))
	w.must(set(s, "a", "y"))
	w.fails("Renew", renew(s), life.ErrHeadersSent)
	w.must(s.Commit(t.Context(), false))
	w.is("a token is due", s.Owes(), false)
	w.finds(token, "u: a=y")
	w.is("new", s.IsNew(), false)
	w.fails("of no session", w.host.ByID(t.Context(), "edit", store.ID{1}, new(life.Session)), errEnded)
}
