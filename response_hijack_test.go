package session_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
)

// A socket is a connection that a handler hijacked, as one for WebSockets.
type socket struct {
	conn net.Conn
	in   *bufio.Reader
}

// dial connects with a token, and reads the answer to the upgrade.
func dial(t *testing.T, srv *httptest.Server, token string) *socket {
	t.Helper()
	conn, err := tls.Dial("tcp", srv.Listener.Addr().String(), srv.Client().Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: app.test\r\nUpgrade: lines\r\nCookie: %s=%s\r\n\r\n", cookieName, token)
	s := &socket{conn, bufio.NewReader(conn)}
	if line := s.read(t); line != "ready" {
		t.Fatalf("the server says %q", line)
	}
	return s
}

func (s *socket) read(t *testing.T) string {
	t.Helper()
	line, err := s.in.ReadString('\n')
	if err != nil {
		t.Error(err)
	}
	return strings.TrimSpace(line)
}

func (s *socket) say(line string) { fmt.Fprintln(s.conn, line) }

// lines serves a protocol of lines over hijacked connections: f answers each.
func lines(t *testing.T, before act, f func(s *session.Session, line string) string) act {
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		before(w, r, s)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		for answer := "ready"; ; {
			fmt.Fprintln(rw, answer)
			rw.Flush()
			line, err := rw.ReadString('\n')
			if err != nil {
				return
			}
			answer = f(s, strings.TrimSpace(line))
		}
	}
}

// serveLines serves h and tells when a handler has returned.
func serveLines(t *testing.T, p *probe, h act) (dialer func(token string) *socket, returned chan struct{}) {
	returned = make(chan struct{})
	inner := p.m.Handler(h)
	srv, _ := serve(t, http1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(returned)
		inner.ServeHTTP(w, r)
	}))
	return func(token string) *socket { return dial(t, srv, token) }, returned
}

func TestHijack_LateChangesAreCommittedAtReturn(t *testing.T) {
	p := newProbe(t, session.Config{})
	token := p.client().must(login(t, "u")).token()
	dial, returned := serveLines(t, p, lines(t, set(t, "before", 1), func(s *session.Session, line string) string {
		switch line {
		case "save":
			return fmt.Sprint(s.Save(context.Background()))
		default:
			return fmt.Sprint(s.Set(line, 1))
		}
	}))
	ws := dial(token)
	p.with(token).wants("<u> before=1") // committed before the connection was handed over
	ws.say("late")
	ws.read(t)
	p.with(token).wants("<u> before=1")
	ws.say("save")
	if got := ws.read(t); got != "<nil>" {
		t.Errorf("Save: %s", got)
	}
	p.with(token).wants("<u> before=1 late=1")
	ws.say("last")
	ws.read(t)
	ws.conn.Close()
	<-returned
	p.with(token).wants("<u> before=1 last=1 late=1")
}

func TestHijack_ASocketLearnsOfALogout(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	token := c.token()
	dial, returned := serveLines(t, p, lines(t, idle, func(s *session.Session, line string) string {
		return fmt.Sprintf("%v %v %s", errors.Is(s.Touch(context.Background()), session.ErrEnded), s.Set("k", 1), s.Subject())
	}))
	ws := dial(token)
	ws.say("?")
	if got := ws.read(t); got != "false <nil> u" {
		t.Errorf("before: %q", got)
	}
	c.must(logout(t))
	ws.say("?")
	if got := ws.read(t); !strings.HasPrefix(got, "true session: the session has ended") {
		t.Errorf("after: %q", got)
	}
	p.saw()
	ws.conn.Close()
	<-returned // without a panic: the connection was the handler's
	if infos, err := collect(p.m.List(t.Context(), "u")); err != nil || len(infos) != 0 {
		t.Errorf("the session is back: %v, %v", infos, err)
	}
	if got := p.heard(); got != "commit failed, change not saved" {
		t.Errorf("the events are %q, want that the change was lost", got)
	}
}

func TestHijack_ACookieThatIsDueRefuses(t *testing.T) {
	sign := func(t *testing.T) act { return login(t, "u") }
	for name, tt := range map[string]struct {
		begin  func(t *testing.T) act
		before func(t *testing.T) act
		status int
	}{
		"a new session":         {nil, func(t *testing.T) act { return set(t, "k", 1) }, 426},
		"a saved one":           {nil, save, 426},
		"login":                 {sign, sign, 426},
		"renew":                 {sign, func(t *testing.T) act { return renew(t) }, 426},
		"logout":                {sign, func(t *testing.T) act { return logout(t) }, 426},
		"change":                {sign, func(t *testing.T) act { return set(t, "k", 1) }, 101},
		"nothing":               {sign, func(t *testing.T) act { return idle }, 101},
		"nothing, anonymous":    {nil, func(t *testing.T) act { return idle }, 101},
		"set and deleted again": {nil, func(t *testing.T) act { return setAndDelete }, 101},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProbe(t, session.Config{})
			c := p.client()
			if tt.begin != nil {
				c.must(tt.begin(t))
			}
			a := &able{plain: *newPlain()}
			r, _ := http.NewRequest("GET", appURL, nil)
			if token := c.token(); token != "" {
				r.Header.Set("Cookie", cookieName+"="+token)
			}
			p.m.Handler(act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				tt.before(t)(w, r, s)
				p.tap.took()
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
				if calls := p.tap.took(); len(calls) != 0 {
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

// read looks at all of the session, and changes nothing.
func read(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
	for key := range s.Keys() {
		s.Get(key)
	}
}

func save(t *testing.T) act {
	return succeed(t, func(r *http.Request, s *session.Session) error {
		return errors.Join(s.Set("k", 1), s.Save(r.Context()))
	})
}

func setAndDelete(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
	s.Set("k", 1)
	s.Delete("k")
}

func TestHijack_HTTP2GoesOnWithAnAnswer(t *testing.T) {
	p := newProbe(t, session.Config{})
	srv, c := serve(t, http2, p.m.Handler(act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
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
	res, body := get(t, c, srv.URL)
	if res.StatusCode != 200 || body != "polling" || sessionCookie(res) == nil {
		t.Errorf("%d %q %q", res.StatusCode, body, res.Header)
	}
}

// A rotation needs a cookie, and an upgrade has none to give.
func TestHijack_DoesNotRotate(t *testing.T) {
	for name, upgrade := range map[string]bool{"Upgrade": true, "hijacked without it": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProbe(t, session.Config{RotateEvery: 10 * time.Minute})
				c := p.client().must(login(t, "u"))
				token := c.token()
				time.Sleep(11 * time.Minute)
				a := &able{plain: *newPlain()}
				r, _ := http.NewRequest("GET", appURL, nil)
				r.Header.Set("Cookie", cookieName+"="+token)
				if upgrade {
					r.Header.Set("Upgrade", "lines")
				}
				p.m.Handler(act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					set(t, "k", 1)(w, r, s)
					if upgrade {
						w.WriteHeader(101)
					} else if _, _, err := http.NewResponseController(w).Hijack(); err != nil {
						t.Error(err)
					}
				})).ServeHTTP(a, r)
				if got := p.heard(); len(a.header["Set-Cookie"]) != 0 || strings.Contains(got, "rotated") {
					t.Errorf("rotated: %q %q", a.header, got)
				}
				if c.must(show); c.token() == token {
					t.Error("the next request did not rotate")
				}
				c.wants("<u> k=1")
			})
		})
	}
}
