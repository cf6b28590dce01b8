package session_test

import (
	"errors"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store/memstore"
)

// phaseTable reads the table of phases in a file: what each allows, by the heads of
// its columns.
func phaseTable(t *testing.T, file string) map[string]map[string]string {
	t.Helper()
	b, err := os.ReadFile(file)
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

// What the documentation and the code say of the phases of a session is what happens.
func TestPhasesAllowWhatTheTableSays(t *testing.T) {
	documented, inCode := phaseTable(t, "doc.go"), phaseTable(t, "internal/life/phase.go")
	if len(documented) != len(phases) {
		t.Fatalf("the documentation has %d phases, want %d", len(documented), len(phases))
	}
	for phase, bring := range phases {
		for what, try := range phaseTries {
			want := documented[phase][what]
			if code := inCode[phase][what]; code != want || want == "" {
				t.Errorf("%s, %s: doc.go says %q, phase.go %q", phase, what, want, code)
			}
			s, commit := bring(t)
			if got := try(t, s, commit); got != want {
				t.Errorf("%s: %s: %s, and the table says %s", phase, what, got, want)
			}
		}
	}
}

// phases bring a session into each phase, and return the error of the commit
// that failed.
var phases = map[string]func(t *testing.T) (s *session.Session, failure error){
	"fresh": func(t *testing.T) (*session.Session, error) {
		return probe.NewDirect(t, memstore.New(), session.Config{}).Load(nil), nil
	},
	"stored": func(t *testing.T) (*session.Session, error) {
		d := probe.NewDirect(t, memstore.New(), session.Config{})
		return d.Load(d.With("a", "b")), nil
	},
	"viewed": func(t *testing.T) (s *session.Session, _ error) {
		d := probe.NewDirect(t, memstore.New(), session.Config{})
		id := d.Load(d.With("a", "b")).ID()
		shown, leave := make(chan bool), make(chan bool)
		left := make(chan error)
		go func() {
			left <- d.M.View(t.Context(), id, func(in *session.Session) error {
				s = in
				close(shown)
				<-leave
				return nil
			})
		}()
		<-shown
		t.Cleanup(func() { close(leave); probe.Must(t, <-left) })
		return s, nil
	},
	"failed": func(t *testing.T) (*session.Session, error) {
		f := probe.NewSilent(t, false)
		d := probe.NewDirect(t, f, session.Config{})
		s := d.Load(d.With("a", "b"))
		probe.Must(t, s.Set("c", "d"))
		f.Now.Store(true)
		err := s.Save(t.Context())
		f.Now.Store(false)
		return s, err
	},
	"ended": func(t *testing.T) (*session.Session, error) {
		d := probe.NewDirect(t, memstore.New(), session.Config{})
		s := d.Load(d.With("a", "b"))
		probe.Must(t, d.M.Revoke(t.Context(), s.ID()))
		if err := s.Reload(t.Context()); !errors.Is(err, session.ErrEnded) {
			t.Errorf("Reload of what was revoked: %v", err)
		}
		return s, nil
	},
	"done": func(t *testing.T) (s *session.Session, _ error) {
		site := probe.NewSite(t, nil, session.Config{})
		site.Handle("/", func(_ http.ResponseWriter, _ *http.Request, in *session.Session) {
			probe.Must(t, in.Set("a", "b"))
			s = in
		})
		site.Browser().Want("/", 200, "")
		return s, nil
	},
}

// phaseTries do what the heads of the table say, and tell what came of it in its
// words.
var phaseTries = map[string]func(t *testing.T, s *session.Session, failure error) string{
	"reading": func(t *testing.T, s *session.Session, _ error) string {
		if s.IsNew() && s.Get("a") == nil && s.Set("a", "b") == nil || s.Get("a") == "b" {
			return "yes"
		}
		return "empty"
	},
	"Set and others": func(t *testing.T, s *session.Session, failure error) string {
		tries := map[string]func() error{
			"Set": func() error { return s.Set("x", 1) }, "Delete": func() error { return s.Delete("a") }, "Clear": s.Clear,
			"Update": func() error { return probe.Increment(s) },
			"Renew":  s.Renew, "SetLifetime": func() error { return s.SetLifetime(session.Lifetime{}) },
		}
		got := phaseWord(tries["Set"](), failure)
		for name, try := range tries {
			if word := phaseWord(try(), failure); word != got {
				t.Errorf("Set: %s, %s: %s", got, name, word)
			}
		}
		return got
	},
	"Login": func(_ *testing.T, s *session.Session, failure error) string {
		was := s.ID()
		word := phaseWord(s.Login("u"), failure)
		if word == "yes" && s.ID() != was {
			return "begins anew"
		}
		return word
	},
	"Save": func(t *testing.T, s *session.Session, failure error) string {
		return phaseWord(s.Save(t.Context()), failure)
	},
	"Reload": func(t *testing.T, s *session.Session, failure error) string {
		return phaseWord(s.Reload(t.Context()), failure)
	},
	"Touch": func(t *testing.T, s *session.Session, failure error) string {
		return phaseWord(s.Touch(t.Context()), failure)
	},
	"Destroy": func(t *testing.T, s *session.Session, failure error) string {
		return phaseWord(s.Destroy(t.Context()), failure)
	},
}

func phaseWord(err, failure error) string {
	switch {
	case err == nil:
		return "yes"
	case errors.Is(err, session.ErrEnded):
		return "ErrEnded"
	case errors.Is(err, session.ErrDone):
		return "ErrDone"
	case err == failure:
		return "the error"
	default:
		return "an error"
	}
}
