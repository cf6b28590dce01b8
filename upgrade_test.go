package session_test

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
	for name, change := range map[string]act{
		"a value":       func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Set("k", 1) },
		"a saved value": func(_ http.ResponseWriter, r *http.Request, s *session.Session) { s.Set("k", 1); s.Save(r.Context()) },
		"a form":        func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Binding("forms") },
	} {
		p := newProbe(t, session.Config{Skip: func(r *http.Request) bool { return r.URL.Path == "/started" }})
		mux := http.NewServeMux()
		mux.Handle("/handled", act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			change(w, r, s)
			err := upgradeWith(w, w.Header())
			if !errors.Is(err, session.ErrHeadersSent) || !strings.Contains(fmt.Sprint(err), "Config.Skip, call Manager.Start") {
				t.Errorf("%s: the error is %v", name, err)
			}
			w.WriteHeader(http.StatusUpgradeRequired)
		}))
		mux.HandleFunc("/started", func(w http.ResponseWriter, r *http.Request) {
			s, err := p.m.Start(w, r)
			if err != nil {
				t.Error(err)
				return
			}
			set(t, "k", 1)(w, r, s)
			if err := errors.Join(s.Save(r.Context()), upgradeWith(w, w.Header())); err != nil {
				t.Error(err)
			}
		})
		mux.Handle("/show", act(show))
		srv, c := serve(t, http1, p.m.Handler(mux))
		if res := upgrade(t, srv, c, "/handled"); res.StatusCode != http.StatusUpgradeRequired || len(res.Cookies()) != 1 {
			t.Errorf("%s: %d %q", name, res.StatusCode, res.Header)
		}
		c.Jar = p.client().jar
		if res := upgrade(t, srv, c, "/started"); res.StatusCode != 101 || sessionCookie(res) == nil {
			t.Errorf("%s: started: %d %q", name, res.StatusCode, res.Header)
		}
		if _, got := get(t, c, srv.URL+"/show"); got != "<> k=1" {
			t.Errorf("%s: afterwards the session is %q", name, got)
		}
	}
}

// stubborn is a writer whose connection cannot be had, though it looks like it.
type stubborn struct{ *httptest.ResponseRecorder }

func (stubborn) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, errDown }

// After an upgrade that failed the answer is like any other.
func TestAFailedUpgradeTakesNothingFromTheAnswer(t *testing.T) {
	p := newProbe(t, session.Config{})
	for name, tt := range map[string]struct {
		before, after act
		status        int
		state         string
	}{
		"a visitor":  {idle, set(t, "k", 1), 200, "<> k=1"},
		"a sign-in":  {idle, login(t, "u"), 200, "<u>"},
		"a renewal":  {login(t, "u"), renew(t), 200, "<u>"},
		"a sign-out": {login(t, "u"), logout(t), 200, anonymous},
		"a form":     {login(t, "u"), func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Binding("forms") }, 200, "<u>"},
		"a commit fails": {login(t, "u"), func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			p.tap.fail("save", errDown)
			s.Renew()
		}, 503, "<u>"},
		"nothing changed": {login(t, "u"), idle, 200, "<u>"},
	} {
		c := p.client().must(tt.before)
		token := c.token()
		r := httptest.NewRequest("GET", appURL, nil)
		if token != "" {
			r.Header.Set("Cookie", cookieName+"="+token)
		}
		w := stubborn{httptest.NewRecorder()}
		p.m.Handler(act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if token != "" {
				set(t, "upgraded", 1)(w, r, s) // is committed before
			}
			if _, _, err := http.NewResponseController(w).Hijack(); err != errDown {
				t.Errorf("%s: Hijack: %v", name, err)
			}
			tt.after(w, r, s)
		})).ServeHTTP(w, r)
		p.tap.put(nil)
		res := w.Result()
		checkAnswer(t, res)
		c.jar.SetCookies(c.url, res.Cookies())
		want := tt.state
		if token != "" && want != anonymous {
			want += " upgraded=1"
		}
		if res.StatusCode != tt.status || res.Header.Get("Vary") != "Cookie" {
			t.Errorf("%s: %d %q", name, res.StatusCode, res.Header)
		}
		if got := c.state(); got != want {
			t.Errorf("%s: the session is %q, want %q", name, got, want)
		}
		if changes := name != "nothing changed" && tt.status == 200; changes != (len(res.Cookies()) == 1) {
			t.Errorf("%s: the cookies are %q", name, res.Header["Set-Cookie"])
		}
	}
}
