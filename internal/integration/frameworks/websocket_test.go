package frameworks_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/websocket"
	"github.com/justinas/alice"

	"github.com/b4468f51/session"
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
		// Gorilla writes the answer itself: what it should have of the header it has to be given.
		conn, err := new(gorilla.Upgrader).Upgrade(w, r, http.Header{"Set-Cookie": w.Header()["Set-Cookie"]})
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

// With coder/websocket, which writes the answer through the ResponseWriter,
// nothing has to be saved first. With gorilla/websocket the handshake is refused.
func TestWebSockets_WithoutSaveAVisitorsHandshakeIsRefusedOrComplete(t *testing.T) {
	for name, status := range map[string]int{"coder": 101, "gorilla": 500} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, session.Config{})
			b := browse(t, serve(t, s.m.Handler(sockets(t, func(w http.ResponseWriter, r *http.Request) error {
				_, err := count(r)
				return err
			}, upgraders[name]))))
			_, res, err := b.dial("/socket", b.srv.URL)
			if res == nil || res.StatusCode != status {
				t.Fatalf("%v %v", res, err)
			}
			if status == 101 {
				b.want("/who", 200, "<> 1")
			} else {
				b.want("/who", 200, "<> 0")
			}
		})
	}
}

// A handshake is a GET, so what refuses forged forms lets it pass. Both libraries
// compare Origin with Host by themselves.
func TestWebSockets_TheOriginIsForTheUpgraderToCheck(t *testing.T) {
	onEachUpgrader(t, func(t *testing.T, upgrade func(http.ResponseWriter, *http.Request) (socket, error)) {
		s := newSite(t, session.Config{})
		reached := make(chan struct{}, 10)
		app := sockets(t, func(http.ResponseWriter, *http.Request) error { reached <- struct{}{}; return nil }, upgrade)
		csrf := http.NewCrossOriginProtection()
		b := browse(t, serve(t, alice.New(csrf.Handler, s.m.Handler, session.RequireCSRF).Then(app)))
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
		target, err := url.Parse(up.URL)
		if err != nil {
			t.Fatal(err)
		}
		gateway := newSite(t, session.Config{Cookie: session.Cookie{Name: "__Host-gateway"}})
		proxy := &httputil.ReverseProxy{
			Transport: up.Client().Transport,
			ErrorLog:  quiet,
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				r.Out.Host = r.In.Host // which both libraries compare with Origin
			},
		}
		b := browse(t, serve(t, gateway.m.Handler(proxy)))
		b.get("/signin")
		if got := ask(t, b.mustDial("/socket"), "who"); got != "<ada> 0" {
			t.Errorf("the socket's session is %q", got)
		}
	})
}
