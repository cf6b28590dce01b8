package answer

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
	"github.com/b4468f51/session/internal/probe"
	"github.com/justinas/alice"
)

func TestChain_TimeoutHandlerOutside(t *testing.T) {
	p := probe.New(t, session.Config{})
	returned := make(chan struct{})
	h := alice.New(
		func(next http.Handler) http.Handler { return http.TimeoutHandler(next, time.Minute, "timeout") },
		p.M.Handler,
	).Then(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Set("k", 1)
		io.WriteString(w, "page")
	}))
	srv, c := probe.Serve(t, probe.HTTP1, h)
	if res, body := probe.Get(t, c, srv.URL); res.StatusCode != 200 || body != "page" || probe.SessionCookie(res) == nil {
		t.Errorf("in time: %d %q %q", res.StatusCode, body, res.Header)
	}
	slow := http.TimeoutHandler(p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
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
	srv, c = probe.Serve(t, probe.HTTP1, slow)
	res, body := probe.Get(t, c, srv.URL)
	<-returned
	if res.StatusCode != 503 || body != "timeout" || len(res.Header["Set-Cookie"]) != 0 {
		t.Errorf("too late: %d %q %q", res.StatusCode, body, res.Header)
	}
}

func TestChain_TimeoutHandlerInside(t *testing.T) {
	p := probe.New(t, session.Config{})
	late := make(chan error, 1)
	h := func(limit time.Duration, f probe.Act) http.Handler {
		return alice.New(p.M.Handler, func(next http.Handler) http.Handler { return http.TimeoutHandler(next, limit, "timeout") }).Then(f)
	}
	srv, c := probe.Serve(t, probe.HTTP1, h(time.Minute, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Set("k", 1)
		io.WriteString(w, "page")
	}))
	if res, body := probe.Get(t, c, srv.URL); res.StatusCode != 200 || body != "page" || probe.SessionCookie(res) == nil {
		t.Errorf("in time: %d %q %q", res.StatusCode, body, res.Header)
	}
	p.Tap.Took()
	answered := make(chan struct{})
	srv, c = probe.Serve(t, probe.HTTP1, h(time.Millisecond, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Set("k", 1)
		<-answered // the middleware has returned, this handler goes on
		late <- errors.Join(s.Set("late", 1), s.Save(r.Context()))
	}))
	res, body := probe.Get(t, c, srv.URL)
	close(answered)
	if err := <-late; !errors.Is(err, session.ErrDone) {
		t.Errorf("a change after the timeout: %v", err)
	}
	if res.StatusCode != 503 || body != "timeout" || len(res.Header["Set-Cookie"]) != 0 || len(p.Tap.Took()) != 0 {
		t.Errorf("too late: %d %q %q", res.StatusCode, body, res.Header)
	}
}

// proxied serves a ReverseProxy to a backend behind the middleware.
func proxied(t *testing.T, p *probe.Probe, use probe.Act, backend http.HandlerFunc) (string, *http.Client) {
	t.Helper()
	up := httptest.NewServer(backend)
	t.Cleanup(up.Close)
	target, err := url.Parse(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, ErrorLog: probe.Quiet}
	srv, c := probe.Serve(t, probe.HTTP1, p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		use(w, r, s)
		proxy.ServeHTTP(w, r)
	})))
	return srv.URL, c
}

func TestChain_ReverseProxyInside(t *testing.T) {
	p := probe.New(t, session.Config{})
	addr, c := proxied(t, p, probe.Set(t, "k", 1), func(w http.ResponseWriter, r *http.Request) {
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
		c.Jar = p.Client().Jar
		res, body, err := probe.Fetch(t, c, r)
		if err != nil || res.StatusCode != 200 || body != "upstream page" {
			t.Fatalf("%s: %v %q %v", path, res, body, err)
		}
		probe.CheckAnswer(t, res)
		names := []string{}
		for _, ck := range res.Cookies() {
			names = append(names, ck.Name)
		}
		if !slices.Equal(names, []string{"upstream", probe.CookieName}) {
			t.Errorf("%s: the cookies are %q", path, names)
		}
		if (len(hints) == 1) != (path == "/hints") {
			t.Errorf("%s: the hints are %v", path, hints)
		}
	}
}

func TestChain_ReverseProxyUpgrades(t *testing.T) {
	p := probe.New(t, session.Config{})
	token := p.Client().Must(probe.Login(t, "u")).Token()
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
	r.Header.Set("Cookie", probe.CookieName+"="+token)
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	rw, ok := res.Body.(io.ReadWriteCloser)
	if res.StatusCode != 101 || !ok {
		t.Fatalf("%d, want 101", res.StatusCode)
	}
	p.With(token).Wants("<u> seen=true") // before the first byte
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
	p := probe.New(t, session.Config{})
	for name, h := range map[string]func(probe.Act) http.Handler{
		"outside": func(f probe.Act) http.Handler { return alice.New(recovered, p.M.Handler).Then(f) },
		"inside":  func(f probe.Act) http.Handler { return alice.New(p.M.Handler, recovered).Then(f) },
	} {
		c := p.Client().Must(probe.Login(t, "u"))
		token := c.Token()
		srv, hc := probe.Serve(t, probe.HTTP1, h(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			s.Set("k", 1)
			s.Renew()
			panic("boom")
		}))
		r, _ := http.NewRequest("GET", srv.URL, nil)
		r.Header.Set("Cookie", probe.CookieName+"="+token)
		res, body, err := probe.Fetch(t, hc, r)
		if err != nil || res.StatusCode != 500 || body != "recovered\n" || len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("%s: %v %q %v", name, res, body, err)
		}
		c.Wants("<u>")
	}
}

func TestChain_AHandlerThatGoesOn(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	returned := make(chan struct{})
	var wg sync.WaitGroup
	c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
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
						for _, err := range []error{s.Login("x"), s.Renew(), s.Delete("k"), s.Clear(), s.Save(r.Context()), s.Touch(r.Context()), s.Destroy(r.Context()), probe.Increment(s)} {
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
	if got := c.State(); !strings.HasPrefix(got, "<u>") {
		t.Errorf("the session is %q", got)
	}
}

func TestChain_NestedManagers(t *testing.T) {
	a := probe.New(t, session.Config{Cookie: session.Cookie{Name: "a"}})
	b := probe.Over(t, a.Tap, session.Config{Cookie: session.Cookie{Name: "b"}})
	h := alice.New(a.M.Handler, b.M.Handler).Then(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		ctx := r.Context()
		if s != b.M.FromContext(ctx) || s == a.M.FromContext(ctx) || a.M.FromContext(ctx) == nil {
			t.Error("FromContext is not the innermost session, or a manager has not its own")
		}
		if r.URL.Path == "/show" {
			probe.Show(w, r, a.M.FromContext(ctx))
			probe.Show(w, r, s)
			return
		}
		probe.Set(t, "of", "a")(w, r, a.M.FromContext(ctx))
		probe.Set(t, "of", "b")(w, r, s)
	}))
	srv, c := probe.Serve(t, probe.HTTP1, h)
	res, _ := probe.Get(t, c, srv.URL)
	if names := res.Cookies(); len(names) != 2 {
		t.Errorf("the cookies are %v", names)
	}
	if got := res.Header["Vary"]; !slices.Equal(got, []string{"Cookie"}) {
		t.Errorf("Vary is %q", got)
	}
	if _, got := probe.Get(t, c, srv.URL+"/show"); got != "<> of=a<> of=b" {
		t.Errorf("the sessions are %q", got)
	}
	// A failure of either is the answer. What the inner manager has stored by then is told.
	for name, test := range map[string]struct{ n, cookies int }{"inner": {0, 0}, "outer": {1, 1}} {
		w := httptest.NewRecorder()
		a.Tap.FailFrom("create", test.n, probe.ErrDown)
		h.ServeHTTP(w, httptest.NewRequest("GET", probe.URL, nil))
		a.Tap.Put(nil)
		if w.Code != 503 || len(w.Header()["Set-Cookie"]) != test.cookies || w.Body.String() != "Service Unavailable\n" {
			t.Errorf("the %s commit failed: %d %q %q", name, w.Code, w.Header(), w.Body)
		}
	}
}

func TestChain_WrappedTwiceIsOneSession(t *testing.T) {
	p := probe.New(t, session.Config{})
	var first *session.Session
	inner := p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if s != first {
			t.Error("the inner handler sees another session")
		}
		probe.Set(t, "inner", 1)(w, r, s)
		io.WriteString(w, "page")
	}))
	p.H = p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		first = s
		probe.Set(t, "outer", 1)(w, r, s)
		inner.ServeHTTP(w, r)
	}))
	c := p.Client()
	c.Visit(nil)
	if got := p.Tap.Took(); !slices.Equal(got, []string{"create"}) {
		t.Errorf("the store was asked to %v", got)
	}
	p.H = p.M.Handler(probe.Act(probe.Show))
	c.Wants("<> inner=1 outer=1")
}
