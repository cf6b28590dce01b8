package answer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

func TestHijack_LateChangesAreCommittedAtReturn(t *testing.T) {
	p := probe.New(t, session.Config{})
	token := p.Client().Must(probe.Login(t, "u")).Token()
	dial, returned := probe.ServeLines(t, p, probe.Lines(t, probe.Set(t, "before", 1), func(s *session.Session, line string) string {
		switch line {
		case "save":
			return fmt.Sprint(s.Save(context.Background()))
		default:
			return fmt.Sprint(s.Set(line, 1))
		}
	}))
	ws := dial(token)
	p.With(token).Wants("<u> before=1") // committed before the connection was handed over
	ws.Say("late")
	ws.Read(t)
	p.With(token).Wants("<u> before=1")
	ws.Say("save")
	if got := ws.Read(t); got != "<nil>" {
		t.Errorf("Save: %s", got)
	}
	p.With(token).Wants("<u> before=1 late=1")
	ws.Say("last")
	ws.Read(t)
	ws.Conn.Close()
	<-returned
	p.With(token).Wants("<u> before=1 last=1 late=1")
}

func TestHijack_ASocketLearnsOfALogout(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	token := c.Token()
	dial, returned := probe.ServeLines(t, p, probe.Lines(t, probe.Idle, func(s *session.Session, line string) string {
		return fmt.Sprintf("%v %v %s", errors.Is(s.Touch(context.Background()), session.ErrEnded), s.Set("k", 1), s.Subject())
	}))
	ws := dial(token)
	ws.Say("?")
	if got := ws.Read(t); got != "false <nil> u" {
		t.Errorf("before: %q", got)
	}
	c.Must(probe.Logout(t))
	ws.Say("?")
	if got := ws.Read(t); !strings.HasPrefix(got, "true session: the session has ended") {
		t.Errorf("after: %q", got)
	}
	p.Saw()
	ws.Conn.Close()
	<-returned // without a panic: the connection was the handler's
	if infos, err := probe.Collect(p.M.List(t.Context(), "u")); err != nil || len(infos) != 0 {
		t.Errorf("the session is back: %v, %v", infos, err)
	}
	if got := p.Heard(); got != "commit failed, change not saved" {
		t.Errorf("the events are %q, want that the change was lost", got)
	}
}

func TestHijack_ACookieThatIsDueRefuses(t *testing.T) {
	sign := func(t *testing.T) probe.Act { return probe.Login(t, "u") }
	for name, tt := range map[string]struct {
		begin  func(t *testing.T) probe.Act
		before func(t *testing.T) probe.Act
		status int
	}{
		"a new session":         {nil, func(t *testing.T) probe.Act { return probe.Set(t, "k", 1) }, 426},
		"a saved one":           {nil, save, 426},
		"login":                 {sign, sign, 426},
		"renew":                 {sign, func(t *testing.T) probe.Act { return probe.Renew(t) }, 426},
		"logout":                {sign, func(t *testing.T) probe.Act { return probe.Logout(t) }, 426},
		"change":                {sign, func(t *testing.T) probe.Act { return probe.Set(t, "k", 1) }, 101},
		"nothing":               {sign, func(t *testing.T) probe.Act { return probe.Idle }, 101},
		"nothing, anonymous":    {nil, func(t *testing.T) probe.Act { return probe.Idle }, 101},
		"set and deleted again": {nil, func(t *testing.T) probe.Act { return setAndDelete }, 101},
	} {
		t.Run(name, func(t *testing.T) {
			p := probe.New(t, session.Config{})
			c := p.Client()
			if tt.begin != nil {
				c.Must(tt.begin(t))
			}
			a := &able{plain: *newPlain()}
			r, _ := http.NewRequest("GET", probe.URL, nil)
			if token := c.Token(); token != "" {
				r.Header.Set("Cookie", probe.CookieName+"="+token)
			}
			p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				tt.before(t)(w, r, s)
				p.Tap.Took()
				_, _, err := http.NewResponseController(w).Hijack()
				if tt.status == 101 {
					if err != nil || !slices.Equal(a.log, []string{"hijack"}) {
						t.Errorf("%v; below happened %q", err, a.log)
					}
					return
				}
				if !errors.Is(err, session.ErrHeadersSent) || len(a.log) != 0 {
					t.Errorf("%v; below happened %q", err, a.log)
				}
				if calls := p.Tap.Took(); len(calls) != 0 {
					t.Errorf("the store was asked to %v before the refusal", calls)
				}
				w.WriteHeader(http.StatusUpgradeRequired) // and goes on as an answer
			})).ServeHTTP(a, r)
			if tt.status != 101 && (a.status != tt.status || len(a.header["Set-Cookie"]) != 1) {
				t.Errorf("%d %q, want %d and the cookie", a.status, a.header, tt.status)
			}
			if tt.status == 101 && len(a.header["Set-Cookie"]) != 0 {
				t.Errorf("a cookie nobody sees: %q", a.header)
			}
		})
	}
}

func save(t *testing.T) probe.Act {
	return probe.Succeed(t, func(r *http.Request, s *session.Session) error {
		return errors.Join(s.Set("k", 1), s.Save(r.Context()))
	})
}

func setAndDelete(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
	s.Set("k", 1)
	s.Delete("k")
}

func TestHijack_HTTP2GoesOnWithAnAnswer(t *testing.T) {
	p := probe.New(t, session.Config{})
	srv, c := probe.Serve(t, probe.HTTP2, p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if conn, _, err := w.(http.Hijacker).Hijack(); !errors.Is(err, http.ErrNotSupported) || conn != nil {
			t.Errorf("Hijack: %v", err)
		}
		if err := s.Set("k", 1); err != nil {
			t.Error(err)
		}
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Hijack with a cookie due: %v", err)
		}
		io.WriteString(w, "polling")
	})))
	res, body := probe.Get(t, c, srv.URL)
	if res.StatusCode != 200 || body != "polling" || probe.SessionCookie(res) == nil {
		t.Errorf("%d %q %q", res.StatusCode, body, res.Header)
	}
}

// A rotation needs a cookie, and an upgrade has none to give.
func TestHijack_DoesNotRotate(t *testing.T) {
	for name, upgrade := range map[string]bool{"Upgrade": true, "hijacked without it": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probe.New(t, session.Config{RotateEvery: 10 * time.Minute})
				c := p.Client().Must(probe.Login(t, "u"))
				token := c.Token()
				time.Sleep(11 * time.Minute)
				a := &able{plain: *newPlain()}
				r, _ := http.NewRequest("GET", probe.URL, nil)
				r.Header.Set("Cookie", probe.CookieName+"="+token)
				if upgrade {
					r.Header.Set("Upgrade", "lines")
				}
				p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					probe.Set(t, "k", 1)(w, r, s)
					if upgrade {
						w.WriteHeader(101)
					} else if _, _, err := http.NewResponseController(w).Hijack(); err != nil {
						t.Error(err)
					}
				})).ServeHTTP(a, r)
				if got := p.Heard(); len(a.header["Set-Cookie"]) != 0 || strings.Contains(got, "rotated") {
					t.Errorf("rotated: %q %q", a.header, got)
				}
				if c.Must(probe.Show); c.Token() == token {
					t.Error("the next request did not rotate")
				}
				c.Wants("<u> k=1")
			})
		})
	}
}
