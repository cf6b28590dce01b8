package probe

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session"
)

// A Socket is a connection that a handler hijacked, as one for WebSockets.
type Socket struct {
	Conn net.Conn
	in   *bufio.Reader
}

// dial connects with a token, and reads the answer to the upgrade.
func dial(t testing.TB, srv *httptest.Server, token string) *Socket {
	t.Helper()
	conn, err := tls.Dial("tcp", srv.Listener.Addr().String(), srv.Client().Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: app.test\r\nUpgrade: lines\r\nCookie: %s=%s\r\n\r\n", CookieName, token)
	s := &Socket{conn, bufio.NewReader(conn)}
	if line := s.Read(t); line != "ready" {
		t.Fatalf("the server says %q", line)
	}
	return s
}

// Read returns the next line that the server says.
func (s *Socket) Read(t testing.TB) string {
	t.Helper()
	line, err := s.in.ReadString('\n')
	if err != nil {
		t.Error(err)
	}
	return strings.TrimSpace(line)
}

// Say sends a line.
func (s *Socket) Say(line string) { fmt.Fprintln(s.Conn, line) }

// Lines serves a protocol of lines over hijacked connections: f answers each.
func Lines(t testing.TB, before Act, f func(s *session.Session, line string) string) Act {
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

// ServeLines serves h. It returns what connects with a token, and a channel that is closed
// when the handler has returned.
func ServeLines(t testing.TB, p *Probe, h Act) (dialer func(token string) *Socket, returned chan struct{}) {
	returned = make(chan struct{})
	inner := p.M.Handler(h)
	srv, _ := Serve(t, HTTP1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(returned)
		inner.ServeHTTP(w, r)
	}))
	return func(token string) *Socket { return dial(t, srv, token) }, returned
}
