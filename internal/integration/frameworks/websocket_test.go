package frameworks_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/websocket"
	"github.com/justinas/alice"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
)

// A socket is a WebSocket of one of the libraries, as its server has it.
type socket interface {
	read() (string, error)
	write(text string) error
	close()
}

type gorillaSocket struct{ *gorilla.Conn }

func (s gorillaSocket) read() (string, error) {
	_, b, err := s.ReadMessage()
	return string(b), err
}
func (s gorillaSocket) write(text string) error {
	return s.WriteMessage(gorilla.TextMessage, []byte(text))
}
func (s gorillaSocket) close() { s.Close() }

type coderSocket struct{ *coder.Conn }

func (s coderSocket) read() (string, error) {
	_, b, err := s.Read(context.Background())
	return string(b), err
}
func (s coderSocket) write(text string) error {
	return s.Write(context.Background(), coder.MessageText, []byte(text))
}
func (s coderSocket) close() { s.CloseNow() }

// upgraders accept a handshake as the documentation says.
var upgraders = map[string]func(w http.ResponseWriter, r *http.Request) (socket, error){
	"gorilla": func(w http.ResponseWriter, r *http.Request) (socket, error) {
		conn, err := new(gorilla.Upgrader).Upgrade(w, r, nil)
		return gorillaSocket{conn}, err
	},
	"coder": func(w http.ResponseWriter, r *http.Request) (socket, error) {
		conn, err := coder.Accept(w, r, nil)
		return coderSocket{conn}, err
	},
}

func onEachUpgrader(t *testing.T, test func(t *testing.T, upgrade func(http.ResponseWriter, *http.Request) (socket, error))) {
	for name, upgrade := range upgraders {
		t.Run(name, func(t *testing.T) { test(t, upgrade) })
	}
}

// dial opens a WebSocket as a page of this origin does, with the cookies of the
// browser, and keeps those that the handshake sets.
func (b *browser) dial(path, origin string) (*gorilla.Conn, *http.Response, error) {
	b.t.Helper()
	d := gorilla.Dialer{
		TLSClientConfig:  b.srv.Client().Transport.(*http.Transport).TLSClientConfig,
		Jar:              b.c.Jar,
		HandshakeTimeout: 30 * time.Second,
	}
	conn, res, err := d.Dial("wss"+strings.TrimPrefix(b.srv.URL, "https")+path, http.Header{"Origin": {origin}})
	if conn != nil {
		b.t.Cleanup(func() { conn.Close() })
		conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	}
	return conn, res, err
}

// mustDial opens a WebSocket from a page of the site's own.
func (b *browser) mustDial(path string) *gorilla.Conn {
	b.t.Helper()
	conn, res, err := b.dial(path, b.srv.URL)
	if err != nil {
		b.t.Fatalf("%v: %v", err, res)
	}
	return conn
}

// ask sends a text, and returns what comes back.
func ask(t *testing.T, conn *gorilla.Conn, text string) string {
	t.Helper()
	if err := conn.WriteMessage(gorilla.TextMessage, []byte(text)); err != nil {
		t.Error(err)
	}
	_, b, err := conn.ReadMessage()
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// sockets is an application: a page, a sign-in, and a WebSocket that answers
// what it is asked about its session. Before it upgrades it calls prepare.
func sockets(t *testing.T, prepare func(w http.ResponseWriter, r *http.Request) error, upgrade func(http.ResponseWriter, *http.Request) (socket, error)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(who(r))) })
	mux.HandleFunc("/signin", func(w http.ResponseWriter, r *http.Request) { signIn(r) })
	mux.HandleFunc("/signout", func(w http.ResponseWriter, r *http.Request) {
		session.FromContext(r.Context()).Destroy(r.Context())
	})
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		if err := prepare(w, r); err != nil {
			t.Error(err)
		}
		conn, err := upgrade(w, r)
		if err != nil {
			t.Log(err)
			return
		}
		defer conn.close()
		s := session.FromContext(r.Context())
		for {
			text, err := conn.read()
			if err != nil {
				return
			}
			answer := who(r)
			switch text {
			case "count":
				if _, err := count(r); err != nil {
					answer = err.Error()
				} else if err := s.Save(context.Background()); err != nil {
					answer = err.Error()
				}
			case "touch":
				if err := s.Touch(context.Background()); errors.Is(err, session.ErrEnded) {
					answer = "signed out"
				} else if err != nil {
					answer = err.Error()
				}
			}
			if err := conn.write(answer); err != nil {
				t.Error(err)
			}
		}
	})
	return mux
}

func asItIs(http.ResponseWriter, *http.Request) error { return nil }

func TestWebSockets_UseTheSessionOfTheHandshake(t *testing.T) {
	onEachUpgrader(t, func(t *testing.T, upgrade func(http.ResponseWriter, *http.Request) (socket, error)) {
		s := newSite(t, session.Config{})
		b := browse(t, serve(t, s.m.Handler(sockets(t, asItIs, upgrade))))
		b.get("/signin")
		conn := b.mustDial("/socket")
		if got := ask(t, conn, "who"); got != "<ada> 0" {
			t.Errorf("the socket's session is %q", got)
		}
		ask(t, conn, "count")
		b.want("/who", 200, "<ada> 1") // saved at once, and not when the socket is closed
		if got := ask(t, conn, "touch"); got != "<ada> 1" {
			t.Errorf("Touch: %q", got)
		}
		b.get("/signout")
		if got := ask(t, conn, "touch"); got != "signed out" {
			t.Errorf("Touch after the sign-out: %q", got)
		}
	})
}

// A visitor has no session yet. Coder/websocket writes its answer through the
// ResponseWriter, so that the cookie is in it.
func TestWebSockets_CoderSendsAVisitorsCookieWithTheHandshake(t *testing.T) {
	s := newSite(t, session.Config{})
	b := browse(t, serve(t, s.m.Handler(sockets(t, func(w http.ResponseWriter, r *http.Request) error {
		_, err := count(r)
		return err
	}, upgraders["coder"]))))
	conn := b.mustDial("/socket")
	b.want("/who", 200, "<> 1")
	ask(t, conn, "count")
	b.want("/who", 200, "<> 2")
}

// Gorilla/websocket takes the connection and writes its answer itself, so that
// the cookie would be lost: the handshake is refused, and nothing is stored.
func TestWebSockets_GorillaIsRefusedWhereACookieIsDue(t *testing.T) {
	s := newSite(t, session.Config{})
	refused := make(chan error, 1)
	b := browse(t, serve(t, s.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := count(r); err != nil {
			t.Error(err)
		}
		u := gorilla.Upgrader{Error: func(w http.ResponseWriter, r *http.Request, status int, reason error) {
			refused <- reason
			http.Error(w, http.StatusText(status), status)
		}}
		u.Upgrade(w, r, nil)
	}))))
	if _, res, _ := b.dial("/", b.srv.URL); res == nil || res.StatusCode != 500 {
		t.Errorf("the handshake: %v", res)
	}
	if err := <-refused; !strings.Contains(err.Error(), "Manager.Start") {
		t.Errorf("the error %q does not say what to do", err)
	}
	if n := s.store.writes.Load(); n != 0 {
		t.Errorf("the session was written %d times", n)
	}
}

// What that error advises, and the documentation: Skip, Start, and the header
// handed to the upgrade.
func TestWebSockets_StartSetsAVisitorsCookieForGorilla(t *testing.T) {
	s := newSite(t, session.Config{Skip: func(r *http.Request) bool { return r.URL.Path == "/socket" }})
	mux := http.NewServeMux()
	mux.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, who(r)) })
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		started, err := s.m.Start(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		r = r.WithContext(session.NewContext(r.Context(), started))
		for _, step := range []func() error{
			func() error { _, err := count(r); return err },
			func() error { return started.Save(r.Context()) },
		} {
			if err := step(); err != nil {
				t.Error(err)
			}
		}
		conn, err := new(gorilla.Upgrader).Upgrade(w, r, w.Header())
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		conn.WriteMessage(gorilla.TextMessage, []byte(who(r)))
	})
	b := browse(t, serve(t, s.m.Handler(mux)))
	for _, want := range []string{"<> 1", "<> 2"} {
		_, text, err := b.mustDial("/socket").ReadMessage()
		if err != nil || string(text) != want {
			t.Errorf("the socket's session is %q, %v, want %q", text, err, want)
		}
		b.want("/who", 200, want)
	}
}

// A handshake is a GET, so what refuses forged forms lets it pass. Both libraries
// compare Origin with Host by themselves.
func TestWebSockets_TheOriginIsForTheUpgraderToCheck(t *testing.T) {
	onEachUpgrader(t, func(t *testing.T, upgrade func(http.ResponseWriter, *http.Request) (socket, error)) {
		s := newSite(t, session.Config{})
		reached := make(chan struct{}, 10)
		app := sockets(t, func(http.ResponseWriter, *http.Request) error { reached <- struct{}{}; return nil }, upgrade)
		crossOrigin := http.NewCrossOriginProtection()
		b := browse(t, serve(t, alice.New(crossOrigin.Handler, s.m.Handler, csrf.Require).Then(app)))
		_, res, err := b.dial("/socket", "https://evil.example")
		if len(reached) != 1 {
			t.Error("a protection refuses handshakes: the documentation says that none does")
		}
		if res == nil || res.StatusCode != http.StatusForbidden {
			t.Errorf("a handshake from another site: %v %v", res, err)
		}
		b.mustDial("/socket")
	})
}

func TestWebSockets_BehindGinAndAProxy(t *testing.T) {
	onEachUpgrader(t, func(t *testing.T, upgrade func(http.ResponseWriter, *http.Request) (socket, error)) {
		s := newSite(t, session.Config{})
		engine := newGin()
		app := sockets(t, asItIs, upgrade)
		engine.GET("/*any", gin.WrapH(app))
		up := serve(t, s.m.Handler(engine))
		gateway := newSite(t, session.Config{Cookie: session.Cookie{Name: "__Host-gateway"}})
		b := browse(t, serve(t, gateway.m.Handler(reverseProxy(t, up))))
		b.get("/signin")
		if got := ask(t, b.mustDial("/socket"), "who"); got != "<ada> 0" {
			t.Errorf("the socket's session is %q", got)
		}
	})
}
