package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session"
)

func responseStays(t *testing.T, e *env) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		over := func(check func(*testing.T, *env, *machine)) func(*testing.T, *env) {
			return func(t *testing.T, e *env) { check(t, e, e.newTLSMachine(protocol)) }
		}
		e.rule("what a handler finds on its writer, "+protocol, over(abilities))
		e.rule("the cookie leaves with the first byte, "+protocol, over(cookieFirst))
		e.rule("early hints commit nothing, "+protocol, over(earlyHints))
		e.rule("a failed handler commits nothing, "+protocol, over(failedHandler))
		e.rule("a panic commits nothing, "+protocol, over(panics))
		e.rule("the files of an upload are removed, "+protocol, over(uploads))
	}
	e.rule("hijack with a cookie due", hijackWithCookie)
	e.rule("hijack without one", hijackCommits)
}

// newTLSMachine starts a server with the default settings.
func (e *env) newTLSMachine(protocol string) *machine {
	m := e.build(session.Config{})
	m.server.EnableHTTP2 = protocol == "HTTP/2.0"
	m.server.StartTLS()
	m.handle("/protocol", func(_ http.ResponseWriter, r *http.Request, _ *session.Session) {
		equal(e.t, "the protocol", r.Proto, protocol)
	})
	e.newClient().trust(m).get(m, "/protocol").want("the protocol", http.StatusOK, "")
	return m
}

// trust makes a client take the certificate of a machine, and its protocol.
func (c *client) trust(m *machine) *client {
	c.http.Transport = m.server.Client().Transport
	return c
}

// uploads checks what the server does with its own request once the handler has returned.
func uploads(t *testing.T, e *env, m *machine) {
	var path string
	m.handle("/upload", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := r.ParseMultipartForm(0); err != nil {
			t.Error(err)
			return
		}
		f, err := r.MultipartForm.File["file"][0].Open()
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		path = f.(*os.File).Name()
		if err := s.Set("upload", path); err != nil {
			t.Error(err)
		}
	})
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, _ := form.CreateFormFile("file", "large")
	part.Write(make([]byte, 1<<16))
	form.Close()
	res, err := e.newClient().trust(m).http.Post(m.server.URL+"/upload", form.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	equal(t, "the status", res.StatusCode, http.StatusOK)
	// The client may have the answer before the server is done with the request.
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q is still there", path)
		}
	}
}

func abilities(t *testing.T, e *env, m *machine) {
	soon := time.Now().Add(time.Minute)
	m.handle("/all", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if _, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
			t.Error("Unwrap lets handlers walk around the commit")
		}
		rc := http.NewResponseController(w)
		if err := errors.Join(rc.SetReadDeadline(soon), rc.SetWriteDeadline(soon), rc.EnableFullDuplex()); err != nil {
			t.Errorf("ResponseController: %v", err)
		}
		if n, err := w.(io.StringWriter).WriteString("a"); n != 1 || err != nil {
			t.Errorf("WriteString: %d, %v", n, err)
		}
		w.(http.Flusher).Flush()
		if err := rc.Flush(); err != nil {
			t.Errorf("Flush: %v", err)
		}
		if n, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("bcd")); n != 3 || err != nil {
			t.Errorf("ReadFrom: %d, %v", n, err)
		}
		if err := w.(http.Pusher).Push("/x", nil); err == nil {
			t.Error("Push to a client that takes none")
		}
		if r.ProtoMajor == 2 {
			if _, _, err := rc.Hijack(); !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("Hijack over HTTP/2: %v", err)
			}
		}
	})
	e.newClient().trust(m).get(m, "/all").want("all of it", http.StatusOK, "abcd")

	const size = 1 << 20
	m.handle("/file", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		http.ServeContent(w, r, "file.txt", time.Time{}, strings.NewReader(strings.Repeat("x", size)))
	})
	a := e.newClient().trust(m).get(m, "/file")
	equal(t, "the size of a file", len(a.body), size)
	equal(t, "its Content-Length", a.header.Get("Content-Length"), fmt.Sprint(size))
}

func cookieFirst(t *testing.T, e *env, m *machine) {
	for i, first := range firstBytes {
		if first.name == "hijack" {
			continue
		}
		path := fmt.Sprint("/first", i)
		m.handle(path, func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			if err := s.Set("k", first.name); err != nil {
				t.Error(err)
			}
			w.Header().Set("Cache-Control", "public, max-age=60")
			w.Header().Set("Vary", "Accept")
			if err := first.send(w); err != nil {
				t.Error(err)
			}
		})
		c := e.newClient().trust(m)
		a := c.get(m, path)
		if a.newToken(first.name) != c.token(m) {
			t.Errorf("%s: the client holds another token than the answer sets", first.name)
		}
		equal(t, "Cache-Control with "+first.name, a.header.Get("Cache-Control"), "no-store")
		equal(t, "Vary with "+first.name, strings.Join(a.header.Values("Vary"), ", "), "Accept, Cookie")
		c.get(m, "/read").want(first.name, http.StatusOK, "nobody map[k:"+first.name+"]")
	}
}

func earlyHints(t *testing.T, e *env, m *machine) {
	m.handle("/hints", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Set("early", "1"); err != nil {
			t.Error(err)
		}
		w.Header().Set("Link", "</style.css>; rel=preload")
		calls := m.store.during(func() {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusProcessing)
		})
		equal(t, "calls of the store", len(calls), 0)
		if err := s.Login("u"); err != nil {
			t.Errorf("Login after the hints: %v", err)
		}
		io.WriteString(w, "page")
	})
	hints := 0
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		Got1xxResponse: func(status int, header textproto.MIMEHeader) error {
			hints++
			if status == http.StatusEarlyHints {
				equal(t, "Link", header.Get("Link"), "</style.css>; rel=preload")
			}
			equal(t, "Set-Cookie of the hints", header.Get("Set-Cookie"), "")
			return nil
		},
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.server.URL+"/hints", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := e.newClient().trust(m)
	a := c.do(m, req)
	a.want("the page", http.StatusOK, "page")
	a.newToken("the page")
	equal(t, "informational answers", hints, 2)
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[early:1]")
}

func failedHandler(t *testing.T, e *env, m *machine) {
	fail := func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if r.URL.RawQuery == "save" {
			if err := errors.Join(s.Set("saved", "1"), s.Save(r.Context())); err != nil {
				t.Error(err)
			}
		}
		if err := errors.Join(s.Set("k", "v"), s.Login("v")); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusBadGateway)
		io.WriteString(w, "sorry")
	}
	m.handle("/fail", fail)
	c := e.newClient().trust(m)
	calls := m.store.during(func() {
		a := c.get(m, "/fail")
		a.want("nobody", http.StatusBadGateway, "sorry")
		a.wantNoCookie("nobody")
	})
	equal(t, "calls of the store", len(calls), 0)
	a := c.get(m, "/fail?save")
	a.want("saved before", http.StatusBadGateway, "sorry")
	a.newToken("saved before")
	c.get(m, "/read").want("what was saved before", http.StatusOK, "nobody map[saved:1]")
	c.get(m, "/fail").wantNoCookie("a stored session")
	c.get(m, "/read").want("what was there", http.StatusOK, "nobody map[saved:1]")
	m.handle("/destroy", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.Destroy(r.Context()); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	if a := c.get(m, "/destroy"); len(a.tokens) != 1 || a.tokens[0] != "" {
		t.Errorf("Destroy before status 500 sets the cookies %q, want it cleared", a.tokens)
	}
	equal(t, "records", e.live(), 0)
}

func panics(t *testing.T, e *env, m *machine) {
	m.handle("/panic", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if r.URL.RawQuery == "save" {
			if err := errors.Join(s.Set("saved", "1"), s.Save(r.Context())); err != nil {
				t.Error(err)
			}
		}
		if r.URL.RawQuery == "late" {
			w.(http.Flusher).Flush()
		}
		if err := s.Set("k", "v"); err != nil {
			t.Error(err)
		}
		panic("a bug of the handler")
	})
	c := e.newClient().trust(m)
	c.get(m, "/login?u").newToken("login")
	for _, query := range []string{"", "?late", "?save"} {
		if a := c.post(m, "/panic"+query); a.err == nil {
			t.Errorf("the answer is %d %q", a.status, a.body)
		}
		want := "u map[]"
		if query == "?save" {
			want = "u map[saved:1]"
		}
		c.get(m, "/read").want("afterwards", http.StatusOK, want)
	}
}

func hijackWithCookie(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	m.handle("/hijack", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		var err error
		switch r.URL.RawQuery {
		case "login":
			err = s.Login("v")
		case "renew":
			err = s.Renew()
		case "destroy":
			err = s.Destroy(r.Context())
		default:
			err = s.Set("k", "v")
		}
		if err != nil {
			t.Error(err)
		}
		calls := m.store.during(func() {
			conn, _, err := http.NewResponseController(w).Hijack()
			if !errors.Is(err, session.ErrHeadersSent) {
				t.Errorf("Hijack: %v", err)
			}
			if err == nil {
				conn.Close()
			}
		})
		equal(t, "calls of the store", len(calls), 0)
		io.WriteString(w, "not hijacked")
	})
	c := e.newClient()
	for _, query := range []string{"", "?login", "?renew", "?destroy"} {
		a := c.get(m, "/hijack"+query)
		a.want("the answer after all", http.StatusOK, "not hijacked")
		equal(t, "cookies with "+query, len(a.tokens), 1)
	}
}

func hijackCommits(t *testing.T, e *env) {
	m := e.newMachine(session.Config{IdleTimeout: 12 * time.Hour, RotateEvery: time.Hour})
	c, id := e.signedIn(m, "u")
	e.age(id, 2*time.Hour) // no reason to refuse: a rotation can wait
	m.handle("/hijack", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Set("k", "v"); err != nil {
			t.Error(err)
		}
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return
		}
		defer conn.Close()
		io.WriteString(rw, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhijacked")
		rw.Flush()
	})
	c.get(m, "/hijack").want("what was hijacked", http.StatusOK, "hijacked")
	m.running.Wait()
	equal(t, "rotations of which nobody was told", m.events.count(session.EventRotated), 0)
	a := c.get(m, "/read")
	a.want("afterwards", http.StatusOK, "u map[k:v]")
	a.newToken("the rotation that waited")
}
