package guard_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/guard"
	"github.com/b4468f51/session/internal/probe"
	"github.com/justinas/alice"
)

func TestRequire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		anybody, user, recent, strong := p.Client(), p.Client().Must(probe.Login(t, "u")), p.Client(), p.Client()
		time.Sleep(10 * time.Minute)
		recent.Must(probe.Login(t, "u"))
		strong.Must(probe.Login(t, "u")).Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { probe.Must(t, s.Reauthenticate(2)) })
		for _, tt := range []struct {
			name   string
			rule   alice.Constructor
			passes []*probe.Client
			fails  []*probe.Client
		}{
			{"a subject", guard.RequireSubject("/signin"), []*probe.Client{user, recent, strong}, []*probe.Client{anybody}},
			{"a recent sign-in", guard.RequireRecent(5*time.Minute, "/signin"), []*probe.Client{recent, strong}, []*probe.Client{anybody, user}},
			{"a sign-in of just then", guard.RequireRecent(10*time.Minute, "/signin"), []*probe.Client{user}, []*probe.Client{anybody}},
			{"one of a moment later", guard.RequireRecent(10*time.Minute-time.Millisecond, "/signin"), nil, []*probe.Client{user}},
			{"level 0", guard.RequireLevel(0, "/signin"), []*probe.Client{user, recent, strong}, []*probe.Client{anybody}},
			{"level 2", guard.RequireLevel(2, "/signin"), []*probe.Client{strong}, []*probe.Client{anybody, user, recent}},
			{"level 3", guard.RequireLevel(3, "/signin"), nil, []*probe.Client{anybody, user, recent, strong}},
		} {
			ran := 0
			guarded := alice.New(tt.rule).ThenFunc(func(http.ResponseWriter, *http.Request) { ran++ })
			visit := func(c *probe.Client, edits ...func(*http.Request)) *http.Response {
				return c.Visit(func(w http.ResponseWriter, r *http.Request, _ *session.Session) { guarded.ServeHTTP(w, r) }, edits...)
			}
			for i, c := range tt.passes {
				if res := visit(c); res.StatusCode != 200 || ran != i+1 {
					t.Errorf("%s: client %d gets %d", tt.name, i, res.StatusCode)
				}
			}
			ran = 0
			for i, c := range tt.fails {
				res := visit(c, probe.Navigate, probe.Asks("/account?tab=2&x=/"))
				want := "/signin?return_to=%2Faccount%3Ftab%3D2%26x%3D%2F"
				if res.StatusCode != 303 || res.Header.Get("Location") != want || ran != 0 {
					t.Errorf("%s: client %d gets %d to %q, and the handler ran %d times", tt.name, i, res.StatusCode, res.Header.Get("Location"), ran)
				}
				if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Vary") != "Cookie" {
					t.Errorf("%s: the redirect may be kept: %q", tt.name, res.Header)
				}
				res = visit(c, probe.Navigate, func(r *http.Request) { r.Method = "POST" })
				if got := res.Header.Get("Location"); got != "/signin" {
					t.Errorf("%s: a form is sent to %q", tt.name, got)
				}
			}
		}
	})
}

func TestRequireWithoutASessionLetsNobodyPass(t *testing.T) {
	w := httptest.NewRecorder()
	guard.RequireSubject("/signin")(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", w.Code)
	}
}

func TestAGuardThatNobodyCouldPassPanics(t *testing.T) {
	next := http.NotFoundHandler()
	for name, wire := range map[string]func(){
		"a page without a slash": func() { guard.RequireSubject("signin")(next) },
		"no address":             func() { guard.RequireSubject("/%zz")(next) },
		"a page to confirm at":   func() { guard.Guard{Confirm: "confirm"}.RequireSubject(next) },
		"no time":                func() { guard.RequireRecent(0, "/confirm") },
		"a level too high":       func() { guard.RequireLevel(256, "/confirm") },
		"a level too low":        func() { guard.RequireLevel(-1, "/confirm") },
	} {
		func() {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "guard: Require") {
					t.Errorf("%s: the panic says %q", name, text)
				}
			}()
			wire()
		}()
	}
	guard.RequireSubject("https://accounts.example/signin")(next)
	guard.RequireLevel(255, "/confirm?why=level#form")(next)
}

// Of two nested managers the inner one has the users, the outer one the
// administrators: a user is none.
func TestAGuardNamesItsManager(t *testing.T) {
	admins := probe.New(t, session.Config{Cookie: session.Cookie{Name: "__Host-admin"}})
	users := probe.New(t, session.Config{Cookie: session.Cookie{Name: "__Host-user"}})
	inner := users.H
	users.H = admins.M.Handler(inner)
	user := users.Client().Must(probe.Login(t, "u"))
	g := guard.Guard{Manager: admins.M}
	for name, rule := range map[string]alice.Constructor{
		"a subject": g.RequireSubject, "a recent sign-in": g.RequireRecent(time.Hour), "a level": g.RequireLevel(0),
	} {
		if res := user.Visit(probe.Behind(rule)); res.StatusCode != 401 {
			t.Errorf("%s: a user gets %d, want 401", name, res.StatusCode)
		}
		admin := users.Client().Must(func(_ http.ResponseWriter, r *http.Request, _ *session.Session) {
			probe.Must(t, admins.M.FromContext(r.Context()).Login("a"))
		})
		if res := admin.Visit(probe.Behind(rule)); res.StatusCode != 200 {
			t.Errorf("%s: an administrator gets %d, want 200", name, res.StatusCode)
		}
		if res := user.Visit(probe.Behind(guard.RequireSubject(""))); res.StatusCode != 200 {
			t.Errorf("%s: the innermost: %d, want 200", name, res.StatusCode)
		}
	}
}

// Anybody can send requests to where a guard stands that has no session there.
func TestAMisplacedGuardWritesOneLine(t *testing.T) {
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	var handled error
	p := probe.New(t, session.Config{
		Skip:         func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/static/") },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { handled = err },
	})
	for name, tt := range map[string]struct {
		guard alice.Constructor
		named bool
	}{
		"RequireSubject": {guard.RequireSubject("/signin"), false},
		"RequireRecent":  {guard.RequireRecent(time.Hour, ""), false},
		"RequireLevel":   {guard.Guard{Manager: p.M}.RequireLevel(1), true},
	} {
		log.Reset()
		handled = nil
		guarded := probe.Behind(tt.guard)
		for range 50 {
			res := p.Client().Visit(guarded, probe.Asks("/static/app.css"), func(r *http.Request) { r.Method = "POST" })
			if res.StatusCode != 500 || probe.Text(t, res) == "inside" {
				t.Errorf("%s: %d, want 500", name, res.StatusCode)
			}
		}
		out := log.String()
		if lines := strings.Count(out, "\n"); lines != 1 || !strings.Contains(out, name) || !strings.Contains(out, "/static/app.css") {
			t.Errorf("%s: %d lines: %s", name, lines, out)
		}
		if tt.named != errors.Is(handled, session.ErrNoSession) {
			t.Errorf("%s: the ErrorHandler is given %v", name, handled)
		}
	}
}
