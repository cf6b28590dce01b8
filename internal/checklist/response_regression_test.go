package checklist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// tcp counts how often a connection is asked to send a file by itself.
type tcp struct {
	*net.TCPConn
	sent *atomic.Int64 // bytes
}

func (c tcp) ReadFrom(r io.Reader) (int64, error) {
	n, err := c.TCPConn.ReadFrom(r)
	c.sent.Add(n)
	return n, err
}

type tcpListener struct {
	net.Listener
	sent *atomic.Int64
}

func (l tcpListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tcp{conn.(*net.TCPConn), l.sent}, nil
}

func TestRegression_SendfileIsLost(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	path := filepath.Join(t.TempDir(), "file.txt")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	p := probe.New(t, session.Config{Cookie: session.Cookie{Name: "id", Insecure: true}})
	var sent atomic.Int64
	served := make(chan struct{}, 1)
	app := p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Set("k", 1)
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		w.Header().Set("Etag", `"v1"`)
		http.ServeContent(w, r, "file.txt", time.Time{}, f)
	}))
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		app.ServeHTTP(w, r)
		served <- struct{}{}
	}))
	srv.Listener = tcpListener{srv.Listener, &sent}
	srv.Start()
	defer srv.Close()

	for _, tt := range []struct {
		name, header, value string
		status              int
		body                []byte
		sendfile            bool
	}{
		{"whole", "", "", 200, content, true},
		{"range", "Range", "bytes=5-500004", 206, content[5:500_005], true},
		{"end", "Range", "bytes=-10", 206, content[len(content)-10:], false}, // too short to be worth it
		{"not modified", "If-None-Match", `"v1"`, 304, nil, false},
		{"not satisfiable", "Range", "bytes=9999999-", 416, nil, false},
		{"ranges", "Range", "bytes=0-3,10-13", 206, nil, false},
	} {
		sent.Store(0)
		r, _ := http.NewRequest("GET", srv.URL, nil)
		if tt.header != "" {
			r.Header.Set(tt.header, tt.value)
		}
		res, body, err := probe.Fetch(t, srv.Client(), r)
		if err != nil || res.StatusCode != tt.status || tt.body != nil && body != string(tt.body) || len(res.Header["Set-Cookie"]) != 1 {
			t.Errorf("%s: %v %v, %d bytes", tt.name, res, err, len(body))
		}
		<-served // the client may have the last byte before the server has counted it
		if tt.name == "ranges" && strings.Count(body, "\r\n0123\r\n") != 2 {
			t.Errorf("two ranges are %q", body)
		}
		if tt.name == "not modified" && res.Header.Get("Etag") != `"v1"` {
			t.Errorf("304 without its ETag: %q", res.Header)
		}
		if got := sent.Load() > 0; got != tt.sendfile {
			t.Errorf("%s: sent by the connection itself: %v (%d bytes), want %v", tt.name, got, sent.Load(), tt.sendfile)
		}
	}
}

func TestRegression_EveryStaticGETWritesToTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{RotateEvery: time.Hour})
		for name, f := range map[string]probe.Act{
			"static": func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
				http.ServeContent(w, r, "x.css", time.Time{}, strings.NewReader("css"))
			},
			"reads": probe.Show,
		} {
			c := p.Client().Must(probe.Login(t, "u"))
			p.Tap.Took()
			for range 60 {
				time.Sleep(time.Second)
				if res := c.Visit(f); len(res.Header["Set-Cookie"]) != 0 {
					t.Errorf("%s: a cookie is set: %q", name, res.Header)
				}
			}
			calls := p.Tap.Took()
			touches := slices.DeleteFunc(slices.Clone(calls), func(op string) bool { return op == "load" })
			if !slices.Equal(touches, []string{"touch"}) { // one in the touch interval
				t.Errorf("%s: beside loads the store was asked to %v", name, touches)
			}
		}
		skipped := probe.New(t, session.Config{Skip: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, ".css") }})
		c := skipped.Client().Must(probe.Login(t, "u"))
		skipped.Tap.Took()
		c.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s != nil {
				t.Error("a skipped request has a session")
			}
		}, func(r *http.Request) { r.URL.Path = "/x.css" })
		if calls := skipped.Tap.Took(); len(calls) != 0 {
			t.Errorf("a skipped request had the store %v", calls)
		}
	})
}

func TestRegression_AClientThatHangsUpCancelsTheSave(t *testing.T) {
	for _, version := range []probe.Version{probe.HTTP1, probe.HTTP2} {
		t.Run(string(version), func(t *testing.T) {
			p := probe.New(t, session.Config{})
			token := p.Client().Must(probe.Login(t, "u")).Token()
			entered, done := make(chan struct{}), make(chan struct{})
			inner := p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				close(entered)
				<-r.Context().Done() // the client is gone
				probe.Set(t, "k", 1)(w, r, s)
			}))
			srv, c := probe.Serve(t, version, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(done)
				inner.ServeHTTP(w, r)
			}))
			ctx, cancel := context.WithCancel(t.Context())
			r, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
			r.Header.Set("Cookie", probe.CookieName+"="+token)
			go func() { <-entered; cancel() }()
			probe.Fetch(t, c, r) // with what error, if any, is the client's affair
			<-done
			p.With(token).Wants("<u> k=1")
		})
	}
}

func TestRegression_TwoSavesSetTwoCookies(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client()
	res := c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		http.SetCookie(w, &http.Cookie{Name: probe.CookieName + "2", Value: "another"})
		for i := range 3 {
			probe.Set(t, fmt.Sprint("k", i), i)(w, r, s)
			if err := s.Save(r.Context()); err != nil {
				t.Error(err)
			}
		}
		http.SetCookie(w, &http.Cookie{Name: probe.CookieName, Value: "by hand"})
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	if got := res.Header["Set-Cookie"]; len(got) != 2 || !strings.HasPrefix(got[0], probe.CookieName+"2=") {
		t.Errorf("the cookies are %q, want the handler's other and one of the session", got)
	}
	c.Wants("<> k0=0 k1=1 k2=2")
}

func TestRegression_DestroyingAnAnonymousSessionCosts(t *testing.T) {
	p := probe.New(t, session.Config{})
	for name, token := range map[string]string{"none": "", "malformed": "x"} {
		c := p.Client()
		if token != "" {
			c = p.With(token)
		}
		for _, f := range []probe.Act{probe.Logout(t), func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			probe.Set(t, "k", 1)(w, r, s)
			probe.Logout(t)(w, r, s)
			probe.Logout(t)(w, r, s)
		}, func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
			if err := p.M.Destroy(w, r); err != nil {
				t.Error(err)
			}
		}} {
			held := c.Token()
			if res := c.Visit(f); len(res.Header["Set-Cookie"]) != 0 && (held == "" || c.Token() != "") {
				t.Errorf("%s: a cookie is set: %q", name, res.Header)
			}
		}
	}
	if calls := p.Tap.Took(); len(calls) != 0 {
		t.Errorf("the store was asked to %v", calls)
	}
	if got := p.Heard(); strings.Contains(got, "destroyed") {
		t.Errorf("the events are %q", got)
	}
}

func TestRegression_ConcurrentUseOfOneSessionRaces(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	const workers, rounds = 8, 20
	c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		var wg sync.WaitGroup
		for i := range workers {
			wg.Go(func() {
				own := fmt.Sprint("k", i)
				for j := range rounds {
					if err := probe.Increment(s); err != nil {
						t.Error(err)
					}
					if err := s.Set(own, j); err != nil {
						t.Error(err)
					}
					if got := s.Get(own); got != j {
						t.Errorf("%s is %v, want %d", own, got, j)
					}
					s.Delete("none")
					s.Pop(own)
					for range s.Keys() {
						_ = s.String()
					}
					_, _, _, _, _ = s.ID(), s.Subject(), s.Expires(), s.AuthenticatedAt(), s.IsNew()
					if j%5 == 0 {
						if err := s.Save(r.Context()); err != nil {
							t.Error(err)
						}
						s.Touch(r.Context())
					}
				}
			})
		}
		wg.Go(func() { io.WriteString(w, "page") })
		wg.Wait()
	})
	c.Wants(fmt.Sprintf("<u> n=%d", workers*rounds))
}

func TestRegression_EarlyHintsLoseTheCookie(t *testing.T) {
	for _, version := range []probe.Version{probe.HTTP1, probe.HTTP2} {
		t.Run(string(version), func(t *testing.T) {
			p := probe.New(t, session.Config{})
			srv, c := probe.Serve(t, version, p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				s.Set("before", 1)
				w.Header().Set("Link", "</style.css>; rel=preload")
				w.WriteHeader(http.StatusEarlyHints)
				s.Set("after", 1)
				io.WriteString(w, "page")
			})))
			var hints []textproto.MIMEHeader
			r, _ := http.NewRequest("GET", srv.URL, nil)
			r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
				Got1xxResponse: func(code int, h textproto.MIMEHeader) error { hints = append(hints, h); return nil },
			}))
			res, body, err := probe.Fetch(t, c, r)
			if err != nil || body != "page" || probe.SessionCookie(res) == nil {
				t.Errorf("%q, %v, %v", body, err, res)
			}
			if len(hints) != 1 || len(hints[0]["Set-Cookie"]) != 0 || hints[0].Get("Link") == "" {
				t.Errorf("the hints are %v, want one without a cookie", hints)
			}
		})
	}
}

func TestRegression_FlushBeforeTheFirstWriteLosesTheCookie(t *testing.T) {
	p := probe.New(t, session.Config{})
	srv, c := probe.Serve(t, probe.HTTP1, p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if r.URL.Path == "/show" {
			probe.Show(w, r, s)
			return
		}
		s.Login("u")
		http.NewResponseController(w).Flush()
		io.WriteString(w, "page")
	})))
	if res, body := probe.Get(t, c, srv.URL); body != "page" || probe.SessionCookie(res) == nil {
		t.Errorf("%q %q", body, res.Header)
	}
	if _, got := probe.Get(t, c, srv.URL+"/show"); got != "<u>" {
		t.Errorf("the session is %q", got)
	}
}

func TestRegression_AChangeAfterTheFirstByteVanishes(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		io.WriteString(w, "page")
		w.(http.Flusher).Flush()
		if err := s.Set("late", 1); err != nil {
			t.Error(err)
		}
	})
	c.Wants("<u> late=1")
}

func TestRegression_AFailedCommitMixesTwoPages(t *testing.T) {
	p := probe.New(t, session.Config{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
		if session.FromContext(r.Context()) == nil || !errors.Is(err, probe.ErrDown) {
			t.Errorf("the error handler is given %v", err)
		}
		w.WriteHeader(session.ErrorStatus(err))
		io.WriteString(w, "sorry")
	}})
	p.Tap.Fail("create", probe.ErrDown)
	srv, c := probe.Serve(t, probe.HTTP1, p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Login("u")
		w.Header().Set("Content-Length", "9")
		for range 3 {
			if n, err := io.WriteString(w, "signed in"); n != 0 || !errors.Is(err, probe.ErrDown) {
				t.Errorf("Write: %d, %v", n, err)
			}
		}
		w.WriteHeader(200)
	})))
	res, body := probe.Get(t, c, srv.URL)
	if res.StatusCode != 503 || body != "sorry" || len(res.Header["Set-Cookie"]) != 0 {
		t.Errorf("%d %q %q", res.StatusCode, body, res.Header)
	}
}

func TestRegression_AHijackedConnectionSavesAStaleSnapshot(t *testing.T) {
	for _, own := range []bool{false, true} {
		t.Run(fmt.Sprint("own change: ", own), func(t *testing.T) {
			p := probe.New(t, session.Config{})
			c := p.Client().Must(probe.Login(t, "u")).Must(probe.Set(t, "old", 1))
			token := c.Token()
			dial, returned := probe.ServeLines(t, p, probe.Lines(t, probe.Read, func(s *session.Session, line string) string {
				return fmt.Sprint(s.Set(line, 1))
			}))
			ws := dial(token)
			if own {
				ws.Say("socket")
				ws.Read(t)
			}
			c.Must(probe.Set(t, "other", 1)).Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Delete("old") })
			ws.Conn.Close()
			<-returned
			c.Wants(map[bool]string{false: "<u> other=1", true: "<u> other=1 socket=1"}[own])
		})
	}
}
