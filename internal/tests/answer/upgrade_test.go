package answer

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// upgradeWith takes the connection over and writes an answer of its own, with the
// header it is given, as libraries for WebSockets do.
func upgradeWith(w http.ResponseWriter, h http.Header) error {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return err
	}
	defer conn.Close()
	fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n")
	h.Write(rw)
	fmt.Fprint(rw, "\r\n")
	return rw.Flush()
}

func upgrade(t *testing.T, srv *httptest.Server, c *http.Client, path string) *http.Response {
	t.Helper()
	r, err := http.NewRequest("GET", srv.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "lines")
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res
}

// An upgrade that would lose a cookie is refused with an error that says what
// works, and that does.
func TestAnUpgradeThatHasToSetACookie(t *testing.T) {
	for name, change := range map[string]probe.Act{
		"a value":       func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Set("k", 1) },
		"a saved value": func(_ http.ResponseWriter, r *http.Request, s *session.Session) { s.Set("k", 1); s.Save(r.Context()) },
		"a form":        func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Binding("forms") },
	} {
		p := probe.New(t, session.Config{Skip: func(r *http.Request) bool { return r.URL.Path == "/started" }})
		mux := http.NewServeMux()
		mux.Handle("/handled", probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			change(w, r, s)
			err := upgradeWith(w, w.Header())
			if !errors.Is(err, session.ErrHeadersSent) || !strings.Contains(fmt.Sprint(err), "Config.Skip, call Manager.Start") {
				t.Errorf("%s: the error is %v", name, err)
			}
			w.WriteHeader(http.StatusUpgradeRequired)
		}))
		mux.HandleFunc("/started", func(w http.ResponseWriter, r *http.Request) {
			s, err := p.M.Start(w, r)
			if err != nil {
				t.Error(err)
				return
			}
			probe.Set(t, "k", 1)(w, r, s)
			if err := errors.Join(s.Save(r.Context()), upgradeWith(w, w.Header())); err != nil {
				t.Error(err)
			}
		})
		mux.Handle("/show", probe.Act(probe.Show))
		srv, c := probe.Serve(t, probe.HTTP1, p.M.Handler(mux))
		if res := upgrade(t, srv, c, "/handled"); res.StatusCode != http.StatusUpgradeRequired || len(res.Cookies()) != 1 {
			t.Errorf("%s: %d %q", name, res.StatusCode, res.Header)
		}
		c.Jar = p.Client().Jar
		if res := upgrade(t, srv, c, "/started"); res.StatusCode != 101 || probe.SessionCookie(res) == nil {
			t.Errorf("%s: started: %d %q", name, res.StatusCode, res.Header)
		}
		if _, got := probe.Get(t, c, srv.URL+"/show"); got != "<> k=1" {
			t.Errorf("%s: afterwards the session is %q", name, got)
		}
	}
}

// stubborn is a writer whose connection cannot be had, though it looks like it.
type stubborn struct{ *httptest.ResponseRecorder }

func (stubborn) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, probe.ErrDown }

// After an upgrade that failed the answer is like any other.
func TestAFailedUpgradeTakesNothingFromTheAnswer(t *testing.T) {
	p := probe.New(t, session.Config{})
	for name, tt := range map[string]struct {
		before, after probe.Act
		status        int
		state         string
	}{
		"a visitor":  {probe.Idle, probe.Set(t, "k", 1), 200, "<> k=1"},
		"a sign-in":  {probe.Idle, probe.Login(t, "u"), 200, "<u>"},
		"a renewal":  {probe.Login(t, "u"), probe.Renew(t), 200, "<u>"},
		"a sign-out": {probe.Login(t, "u"), probe.Logout(t), 200, probe.Anonymous},
		"a form":     {probe.Login(t, "u"), func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Binding("forms") }, 200, "<u>"},
		"a commit fails": {probe.Login(t, "u"), func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			p.Tap.Fail("save", probe.ErrDown)
			s.Renew()
		}, 503, "<u>"},
		"nothing changed": {probe.Login(t, "u"), probe.Idle, 200, "<u>"},
	} {
		c := p.Client().Must(tt.before)
		token := c.Token()
		r := httptest.NewRequest("GET", probe.URL, nil)
		if token != "" {
			r.Header.Set("Cookie", probe.CookieName+"="+token)
		}
		w := stubborn{httptest.NewRecorder()}
		p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if token != "" {
				probe.Set(t, "upgraded", 1)(w, r, s) // is committed before
			}
			if _, _, err := http.NewResponseController(w).Hijack(); err != probe.ErrDown {
				t.Errorf("%s: Hijack: %v", name, err)
			}
			tt.after(w, r, s)
		})).ServeHTTP(w, r)
		p.Tap.Put(nil)
		res := w.Result()
		probe.CheckAnswer(t, res)
		c.Jar.SetCookies(c.URL, res.Cookies())
		want := tt.state
		if token != "" && want != probe.Anonymous {
			want += " upgraded=1"
		}
		if res.StatusCode != tt.status || res.Header.Get("Vary") != "Cookie" {
			t.Errorf("%s: %d %q", name, res.StatusCode, res.Header)
		}
		if got := c.State(); got != want {
			t.Errorf("%s: the session is %q, want %q", name, got, want)
		}
		if changes := name != "nothing changed" && tt.status == 200; changes != (len(res.Cookies()) == 1) {
			t.Errorf("%s: the cookies are %q", name, res.Header["Set-Cookie"])
		}
	}
}
