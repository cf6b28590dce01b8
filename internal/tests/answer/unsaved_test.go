package answer

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

func TestAnIgnoredErrorIsTold(t *testing.T) {
	big := strings.Repeat("x", 2000)
	text := session.NewKey[string]("k")
	for name, tt := range map[string]struct {
		step func(s *session.Session)
		key  string
		err  error // nil for any
	}{
		"Set":              {func(s *session.Session) { s.Set("k", big) }, "k", session.ErrTooLarge},
		"Key.Set":          {func(s *session.Session) { text.Set(s, big) }, "k", session.ErrTooLarge},
		"Update":           {func(s *session.Session) { text.Update(s, func(string) (string, error) { return big, nil }) }, "k", session.ErrTooLarge},
		"many":             {func(s *session.Session) { s.Set("k", big); s.Set("l", big); s.Set("k", big) }, "k", session.ErrTooLarge},
		"the codec":        {func(s *session.Session) { s.Set("k", make(chan int)) }, "k", nil},
		"Key, codec":       {func(s *session.Session) { session.NewKey[func()]("k").Set(s, nil) }, "k", nil},
		"no key":           {func(s *session.Session) { s.Set("", 1) }, "", nil},
		"SetLabel":         {func(s *session.Session) { s.SetLabel("x") }, "", nil},
		"Login":            {func(s *session.Session) { s.Login("") }, "", nil},
		"another, made":    {func(s *session.Session) { s.Set("j", big); s.Set("k", big); s.Set("j", 1) }, "k", session.ErrTooLarge},
		"SetLifetime":      {func(s *session.Session) { s.SetLifetime(session.Lifetime{Absolute: -1}) }, "", nil},
		"Reauthenticate":   {func(s *session.Session) { s.Reauthenticate(1) }, "", nil},
		"a level too high": {func(s *session.Session) { s.Reauthenticate(256) }, "", nil},
		"others, made":     {func(s *session.Session) { s.SetLabel("x"); s.SetLifetime(session.Lifetime{}); s.Renew() }, "", nil},
		"beside others":    {func(s *session.Session) { s.Set("a", 1); s.Set("k", big) }, "k", session.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			p := probe.New(t, session.Config{MaxSize: 1000})
			c := p.Client()
			check := func(how string) {
				t.Helper()
				var told []session.Event
				for _, e := range p.Saw() {
					if e.Kind == session.EventUnsaved {
						told = append(told, e)
					}
				}
				if len(told) != 1 || told[0].Key != tt.key || told[0].Err == nil || tt.err != nil && !errors.Is(told[0].Err, tt.err) {
					t.Errorf("%s: told is %+v", how, told)
				}
			}
			c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { tt.step(s); tt.step(s) })
			check("Handler")
			c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				tt.step(s)
				probe.Must(t, s.Save(r.Context()))
				w.Write([]byte("saved"))
			})
			check("Save")
			if name == "beside others" {
				c.Wants("<> a=1")
			}
			s, err := p.M.Load(probe.Request())
			probe.Must(t, err)
			tt.step(s)
			_, err = p.M.Commit(t.Context(), s)
			probe.Must(t, err)
			check("Commit")
			w := httptest.NewRecorder()
			s, err = p.M.Start(w, probe.Request())
			probe.Must(t, err)
			tt.step(s)
			probe.Must(t, s.Save(t.Context()))
			check("Start")
			if name != "Login" { // which is refused in Edit by another error
				probe.Must(t, p.M.Edit(t.Context(), s.ID(), func(s *session.Session) error { tt.step(s); return nil }))
				check("Edit")
			}
		})
	}
}

func TestAnErrorThatTheHandlerAnswersIsNotTold(t *testing.T) {
	big := strings.Repeat("x", 2000)
	stop := errors.New("stop")
	var p *probe.Probe
	for name, f := range map[string]probe.Act{
		"the middleware's error page": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			p.Tap.Fail("create", probe.ErrDown)
			_ = s.Set("k", big)
			probe.Must(t, s.Set("other", 1))
		},
		"an error page": func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			if err := s.Set("k", big); err != nil {
				http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			}
		},
		"made after all": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if err := s.Set("k", big); err != nil {
				probe.Must(t, s.Set("k", big[:100]))
			}
		},
		"of the function": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			probe.Counter.Update(s, func(int) (int, error) { return 0, stop })
		},
		"nothing": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { probe.Must(t, s.Set("k", 1)) },
	} {
		p = probe.New(t, session.Config{MaxSize: 1000})
		p.Client().Visit(f)
		if got := p.Heard(); strings.Contains(got, string(session.EventUnsaved)) {
			t.Errorf("%s: the events are %q", name, got)
		}
	}
}

// A goroutine that outlives its handler has nobody to answer.
func TestAChangeAfterTheHandlerIsTold(t *testing.T) {
	p := probe.New(t, session.Config{})
	var kept *session.Session
	p.Client().Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { kept = s })
	for range 3 {
		if err := probe.Counter.Set(kept, 1); !errors.Is(err, session.ErrDone) {
			t.Errorf("Set: %v", err)
		}
	}
	if got := p.Heard(); got != "change not saved" {
		t.Errorf("the events are %q", got)
	}
}
