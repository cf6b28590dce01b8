package session_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/justinas/alice"
)

func TestChain_TimeoutHandlerOutside(t *testing.T) {
	p := newProbe(t, session.Config{})
	returned := make(chan struct{})
	h := alice.New(
		func(next http.Handler) http.Handler { return http.TimeoutHandler(next, time.Minute, "timeout") },
		p.m.Handler,
	).Then(act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Set("k", 1)
		io.WriteString(w, "page")
	}))
	srv, c := serve(t, http1, h)
	if res, body := get(t, c, srv.URL); res.StatusCode != 200 || body != "page" || sessionCookie(res) == nil {
		t.Errorf("in time: %d %q %q", res.StatusCode, body, res.Header)
	}
	slow := http.TimeoutHandler(p.m.Handler(act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		defer close(returned)
		<-r.Context().Done()
		s.Set("k", 1)
		var err error
		for err == nil { // until the timeout is through
			_, err = io.WriteString(w, "page")
		}
		if !errors.Is(err, http.ErrHandlerTimeout) {
			t.Errorf("Write after the timeout: %v", err)
		}
	})), time.Millisecond, "timeout")
	srv, c = serve(t, http1, slow)
	res, body := get(t, c, srv.URL)
	<-returned
	if res.StatusCode != 503 || body != "timeout" || len(res.Header["Set-Cookie"]) != 0 {
		t.Errorf("too late: %d %q %q", res.StatusCode, body, res.Header)
	}
}

func TestChain_TimeoutHandlerInside(t *testing.T) {
	p := newProbe(t, session.Config{})
	late := make(chan error, 1)
	h := func(limit time.Duration, f act) http.Handler {
		return alice.New(p.m.Handler, func(next http.Handler) http.Handler { return http.TimeoutHandler(next, limit, "timeout") }).Then(f)
	}
	srv, c := serve(t, http1, h(time.Minute, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Set("k", 1)
		io.WriteString(w, "page")
	}))
	if res, body := get(t, c, srv.URL); res.StatusCode != 200 || body != "page" || sessionCookie(res) == nil {
		t.Errorf("in time: %d %q %q", res.StatusCode, body, res.Header)
	}
	p.tap.took()
	answered := make(chan struct{})
	srv, c = serve(t, http1, h(time.Millisecond, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Set("k", 1)
		<-answered // the middleware has returned, this handler goes on
		late <- errors.Join(s.Set("late", 1), s.Save(r.Context()))
	}))
	res, body := get(t, c, srv.URL)
	close(answered)
	if err := <-late; !errors.Is(err, session.ErrDone) {
		t.Errorf("a change after the timeout: %v", err)
	}
	if res.StatusCode != 503 || body != "timeout" || len(res.Header["Set-Cookie"]) != 0 || len(p.tap.took()) != 0 {
		t.Errorf("too late: %d %q %q", res.StatusCode, body, res.Header)
	}
}

// proxied serves a ReverseProxy to a backend behind the middleware.
func proxied(t *testing.T, p *probe, use act, backend http.HandlerFunc) (string, *http.Client) {
	t.Helper()
	up := httptest.NewServer(backend)
	t.Cleanup(up.Close)
	target, err := url.Parse(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, ErrorLog: quiet}
	srv, c := serve(t, http1, p.m.Handler(act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		use(w, r, s)
		proxy.ServeHTTP(w, r)
	})))
	return srv.URL, c
}

func TestChain_ReverseProxyInside(t *testing.T) {
	p := newProbe(t, session.Config{})
	addr, c := proxied(t, p, set(t, "k", 1), func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "upstream", Value: "1"})
		w.Header().Set("Cache-Control", "public, max-age=600")
		if r.URL.Path == "/hints" {
			w.Header().Set("Link", "</style.css>")
			w.WriteHeader(http.StatusEarlyHints)
		}
		io.WriteString(w, "upstream page")
	})
	for _, path := range []string{"/", "/hints"} {
		var hints []textproto.MIMEHeader
		r, _ := http.NewRequest("GET", addr+path, nil)
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(_ int, h textproto.MIMEHeader) error { hints = append(hints, h); return nil },
		}))
		c.Jar = p.client().jar
		res, body, err := fetch(t, c, r)
		if err != nil || res.StatusCode != 200 || body != "upstream page" {
			t.Fatalf("%s: %v %q %v", path, res, body, err)
		}
		checkAnswer(t, res)
		names := []string{}
		for _, ck := range res.Cookies() {
			names = append(names, ck.Name)
		}
		if !slices.Equal(names, []string{"upstream", cookieName}) {
			t.Errorf("%s: the cookies are %q", path, names)
		}
		if (len(hints) == 1) != (path == "/hints") {
			t.Errorf("%s: the hints are %v", path, hints)
		}
	}
}

func TestChain_ReverseProxyUpgrades(t *testing.T) {
	p := newProbe(t, session.Config{})
	token := p.client().must(login(t, "u")).token()
	finished := make(chan struct{})
	addr, c := proxied(t, p, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if s.Subject() != "u" {
			t.Errorf("the subject is %q", s.Subject())
		}
		s.Set("seen", true)
		context := r.Context()
		go func() { <-context.Done(); close(finished) }()
	}, func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		rw.Flush()
		line, _ := rw.ReadString('\n')
		rw.WriteString("echo " + line)
		rw.Flush()
	})
	r, _ := http.NewRequest("GET", addr, nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "echo")
	r.Header.Set("Cookie", cookieName+"="+token)
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	rw, ok := res.Body.(io.ReadWriteCloser)
	if res.StatusCode != 101 || !ok {
		t.Fatalf("%d, want 101", res.StatusCode)
	}
	p.with(token).wants("<u> seen=true") // before the first byte
	io.WriteString(rw, "hello\n")
	line, err := bufio.NewReader(rw).ReadString('\n')
	if err != nil || line != "echo hello\n" {
		t.Errorf("%q, %v", line, err)
	}
	rw.Close()
	<-finished
}

// recovered is what a middleware makes of a panic.
func recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				http.Error(w, "recovered", 500)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func TestChain_RecoveringMiddleware(t *testing.T) {
	p := newProbe(t, session.Config{})
	for name, h := range map[string]func(act) http.Handler{
		"outside": func(f act) http.Handler { return alice.New(recovered, p.m.Handler).Then(f) },
		"inside":  func(f act) http.Handler { return alice.New(p.m.Handler, recovered).Then(f) },
	} {
		c := p.client().must(login(t, "u"))
		token := c.token()
		srv, hc := serve(t, http1, h(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			s.Set("k", 1)
			s.Renew()
			panic("boom")
		}))
		r, _ := http.NewRequest("GET", srv.URL, nil)
		r.Header.Set("Cookie", cookieName+"="+token)
		res, body, err := fetch(t, hc, r)
		if err != nil || res.StatusCode != 500 || body != "recovered\n" || len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("%s: %v %q %v", name, res, body, err)
		}
		c.wants("<u>")
	}
}

func TestChain_AHandlerThatGoesOn(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	returned := make(chan struct{})
	var wg sync.WaitGroup
	c.must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		for range 4 {
			wg.Go(func() {
				for { // beside the commit, and on
					err := s.Set("k", 1)
					s.Get("k")
					select {
					case <-returned:
						if err := s.Set("k", 2); !errors.Is(err, session.ErrDone) {
							t.Errorf("Set: %v", err)
						}
						for _, err := range []error{s.Login("x"), s.Renew(), s.Delete("k"), s.Clear(), s.Save(r.Context()), s.Touch(r.Context()), s.Destroy(r.Context()), increment(s)} {
							if !errors.Is(err, session.ErrDone) {
								t.Errorf("a change after the handler returned: %v", err)
							}
						}
						if s.Subject() != "u" {
							t.Error("reading does not work any more")
						}
						return
					default:
					}
					if err != nil && !errors.Is(err, session.ErrDone) {
						t.Errorf("Set: %v", err)
					}
				}
			})
		}
		io.WriteString(w, "page")
	})
	close(returned)
	wg.Wait()
	if got := c.state(); !strings.HasPrefix(got, "<u>") {
		t.Errorf("the session is %q", got)
	}
}

func TestChain_NestedManagers(t *testing.T) {
	a := newProbe(t, session.Config{Cookie: session.Cookie{Name: "a"}})
	b := probeOver(t, a.tap, session.Config{Cookie: session.Cookie{Name: "b"}})
	h := alice.New(a.m.Handler, b.m.Handler).Then(act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		ctx := r.Context()
		if s != b.m.FromContext(ctx) || s == a.m.FromContext(ctx) || a.m.FromContext(ctx) == nil {
			t.Error("FromContext is not the innermost session, or a manager has not its own")
		}
		if r.URL.Path == "/show" {
			show(w, r, a.m.FromContext(ctx))
			show(w, r, s)
			return
		}
		set(t, "of", "a")(w, r, a.m.FromContext(ctx))
		set(t, "of", "b")(w, r, s)
	}))
	srv, c := serve(t, http1, h)
	res, _ := get(t, c, srv.URL)
	if names := res.Cookies(); len(names) != 2 {
		t.Errorf("the cookies are %v", names)
	}
	if got := res.Header["Vary"]; !slices.Equal(got, []string{"Cookie"}) {
		t.Errorf("Vary is %q", got)
	}
	if _, got := get(t, c, srv.URL+"/show"); got != "<> of=a<> of=b" {
		t.Errorf("the sessions are %q", got)
	}
	// A failure of either is the answer, and neither sets a cookie.
	for name, n := range map[string]int{"inner": 0, "outer": 1} {
		w := httptest.NewRecorder()
		a.tap.failFrom("create", n, errDown)
		h.ServeHTTP(w, httptest.NewRequest("GET", appURL, nil))
		a.tap.put(nil)
		if w.Code != 503 || len(w.Header()["Set-Cookie"]) != 0 || w.Body.String() != "Service Unavailable\n" {
			t.Errorf("the %s commit failed: %d %q %q", name, w.Code, w.Header(), w.Body)
		}
	}
}

func TestChain_WrappedTwiceIsOneSession(t *testing.T) {
	p := newProbe(t, session.Config{})
	var first *session.Session
	inner := p.m.Handler(act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if s != first {
			t.Error("the inner handler sees another session")
		}
		set(t, "inner", 1)(w, r, s)
		io.WriteString(w, "page")
	}))
	p.h = p.m.Handler(act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		first = s
		set(t, "outer", 1)(w, r, s)
		inner.ServeHTTP(w, r)
	}))
	c := p.client()
	c.visit(nil)
	if got := p.tap.took(); !slices.Equal(got, []string{"create"}) {
		t.Errorf("the store was asked to %v", got)
	}
	p.h = p.m.Handler(act(show))
	c.wants("<> inner=1 outer=1")
}
