package session_test

import (
	"bufio"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/justinas/alice"
)

func TestSecurity_LC12_ReauthenticationTellsWhenAndHowAndBeginsBothTimersAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		c := p.client().must(login(t, "u")).must(set(t, "k", 1))
		old, begun := c.token(), time.Now()
		p.saw()
		time.Sleep(10 * time.Minute)
		var deadline time.Time
		c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if at := s.AuthenticatedAt(); !at.Equal(begun.Truncate(time.Millisecond)) || s.Level() != 0 {
				t.Errorf("before: at %v, level %d", at, s.Level())
			}
			deadline = s.Deadline()
			must(t, s.Reauthenticate(2))
			if !s.AuthenticatedAt().Equal(time.Now().Truncate(time.Millisecond)) || s.Level() != 2 || !s.Deadline().Equal(deadline.Add(10*time.Minute)) {
				t.Errorf("at once: at %v, level %d, until %v", s.AuthenticatedAt(), s.Level(), s.Deadline())
			}
		})
		if info, now := p.only("u"), time.Now(); info.Level != 2 || !info.AuthenticatedAt.Equal(now) ||
			!info.Expires.Equal(now.Add(time.Hour)) || !info.Deadline.Equal(deadline.Add(10*time.Minute)) {
			t.Errorf("listed as %+v", info)
		}
		if got := p.heard(); got != "reauthenticated" {
			t.Errorf("the events are %s", got)
		}
		if c.token() == old {
			t.Error("the token is as it was")
		}
		c.wants("<u> k=1")
		p.with(old).wants(anonymous)
		c.must(renew(t)).must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Level() != 2 {
				t.Errorf("a renewal leaves level %d", s.Level())
			}
		})
		c.must(login(t, "u")).must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Level() != 0 {
				t.Errorf("a sign-in leaves level %d", s.Level())
			}
		})
	})
}

func TestReauthenticateRefuses(t *testing.T) {
	p := newProbe(t, session.Config{})
	p.client().must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Reauthenticate(1); err == nil {
			t.Error("an anonymous session was reauthenticated")
		}
	})
	p.client().must(login(t, "u")).must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		for _, level := range []int{-1, 256} {
			if err := s.Reauthenticate(level); err == nil {
				t.Errorf("level %d is accepted", level)
			}
		}
	})
	if err := (*session.Session)(nil).Reauthenticate(1); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("on nil: %v", err)
	}

	// A sign-in, a sign-out and a revocation that come first are final: whoever
	// proved that they are u does not get into what is another's by now.
	for name, first := range map[string]func(c *client, id session.ID){
		"another sign-in": func(c *client, _ session.ID) { c.must(login(t, "v")) },
		"a sign-out":      func(c *client, _ session.ID) { c.must(logout(t)) },
		"a revocation":    func(_ *client, id session.ID) { must(t, p.m.Revoke(t.Context(), id)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := p.client().must(login(t, "u"))
			slow := p.with(c.token())
			res := slow.visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				first(c, s.ID())
				must(t, s.Reauthenticate(1))
			})
			if res.StatusCode != http.StatusConflict || sessionCookie(res) != nil {
				t.Errorf("the answer is %d %q", res.StatusCode, res.Header["Set-Cookie"])
			}
		})
	}
}

func TestRequire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		anybody, user, recent, strong := p.client(), p.client().must(login(t, "u")), p.client(), p.client()
		time.Sleep(10 * time.Minute)
		recent.must(login(t, "u"))
		strong.must(login(t, "u")).must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { must(t, s.Reauthenticate(2)) })
		for _, tt := range []struct {
			name   string
			rule   alice.Constructor
			passes []*client
			fails  []*client
		}{
			{"a subject", session.RequireSubject("/signin"), []*client{user, recent, strong}, []*client{anybody}},
			{"a recent sign-in", session.RequireRecent(5*time.Minute, "/signin"), []*client{recent, strong}, []*client{anybody, user}},
			{"a sign-in of just then", session.RequireRecent(10*time.Minute, "/signin"), []*client{user}, []*client{anybody}},
			{"one of a moment later", session.RequireRecent(10*time.Minute-time.Millisecond, "/signin"), nil, []*client{user}},
			{"level 0", session.RequireLevel(0, "/signin"), []*client{user, recent, strong}, []*client{anybody}},
			{"level 2", session.RequireLevel(2, "/signin"), []*client{strong}, []*client{anybody, user, recent}},
			{"level 3", session.RequireLevel(3, "/signin"), nil, []*client{anybody, user, recent, strong}},
		} {
			ran := 0
			guarded := alice.New(tt.rule).ThenFunc(func(http.ResponseWriter, *http.Request) { ran++ })
			visit := func(c *client, edits ...func(*http.Request)) *http.Response {
				return c.visit(func(w http.ResponseWriter, r *http.Request, _ *session.Session) { guarded.ServeHTTP(w, r) }, edits...)
			}
			for i, c := range tt.passes {
				if res := visit(c); res.StatusCode != 200 || ran != i+1 {
					t.Errorf("%s: client %d gets %d", tt.name, i, res.StatusCode)
				}
			}
			ran = 0
			for i, c := range tt.fails {
				res := visit(c, navigate, asks("/account?tab=2&x=/"))
				want := "/signin?return_to=%2Faccount%3Ftab%3D2%26x%3D%2F"
				if res.StatusCode != 303 || res.Header.Get("Location") != want || ran != 0 {
					t.Errorf("%s: client %d gets %d to %q, and the handler ran %d times", tt.name, i, res.StatusCode, res.Header.Get("Location"), ran)
				}
				if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Vary") != "Cookie" {
					t.Errorf("%s: the redirect may be kept: %q", tt.name, res.Header)
				}
				res = visit(c, navigate, func(r *http.Request) { r.Method = "POST" })
				if got := res.Header.Get("Location"); got != "/signin" {
					t.Errorf("%s: a form is sent to %q", tt.name, got)
				}
			}
		}
	})
}

func TestRequireWithoutASessionLetsNobodyPass(t *testing.T) {
	w := httptest.NewRecorder()
	session.RequireSubject("/signin")(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", w.Code)
	}
}

func TestReturnToStaysOnThisSite(t *testing.T) {
	for page, safe := range map[string]bool{
		"/": true, "/account?tab=2#x": true, "/a//b": true, "/%2F%2Fevil.test": true, "/:8080/": true, "/@evil.test": true,
		"": false, "account": false, "//evil.test": false, "///evil.test": false, `/\evil.test`: false, `\\evil.test`: false,
		"https://evil.test/": false, "javascript:alert(1)": false, "/\t/evil.test": false, "/\n/evil.test": false, "\t//evil.test": false,
		" //evil.test": false, "/\x00/evil.test": false, "/\x7f": false, "http:evil.test": false, "/%zz": false,
	} {
		want := "/home"
		if safe {
			want = page
		}
		for _, r := range []*http.Request{
			httptest.NewRequest("GET", "/signin?return_to="+url.QueryEscape(page), nil),
			{Method: "POST", URL: &url.URL{}, PostForm: url.Values{"return_to": {page}}, Form: url.Values{"return_to": {page}}},
		} {
			if got := session.ReturnTo(r, "/home"); got != want {
				t.Errorf("%s with %q leads to %q", r.Method, page, got)
			}
		}
	}
}

// However a request names its page and its host, it is sent to the sign-in page
// of this site, and from there to this site.
func TestRequireRemembersNoOtherSite(t *testing.T) {
	p := newProbe(t, session.Config{})
	h := p.m.Handler(session.RequireSubject("/signin")(http.NotFoundHandler()))
	for line, want := range map[string]string{
		"/account?a=b":            "/account?a=b",
		"//evil.test/x":           "/home",
		"///evil.test":            "/home",
		`/\evil.test/`:            "/%5Cevil.test/",
		"/%2F%2Fevil.test/":       "/%2F%2Fevil.test/",
		"/%0d%0aSet-Cookie:x=y":   "/%0d%0aSet-Cookie:x=y",
		"/?return_to=//evil.test": "/?return_to=//evil.test",
		"http://evil.test/x":      "/x",
		"http://evil.test//b.c/x": "/home",
		"http:evil.test":          "/home",
	} {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + line + " HTTP/1.1\r\nHost: evil.test\r\n\r\n")))
		if err != nil {
			t.Fatal(err)
		}
		navigate(r)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		location := w.Header().Get("Location")
		if !strings.HasPrefix(location, "/signin?return_to=") || len(w.Header()["Set-Cookie"]) > 0 {
			t.Errorf("%s is sent to %q, with %q", line, location, w.Header())
		}
		if got := session.ReturnTo(httptest.NewRequest("GET", location, nil), "/home"); got != want {
			t.Errorf("%s leads to %q, want %q", line, got, want)
		}
	}
}

// What ReturnTo lets through is a path on this site, as browsers read it
// (WHATWG URL, 4.4), and still is as http.Redirect puts it.
func FuzzReturnTo(f *testing.F) {
	for _, page := range []string{"/", "/account?tab=2#x", "//evil.test", `/\evil.test`, "/\t/evil.test", "/.//evil.test", "/..//evil.test", " //evil.test", "/%2F/evil.test", "https:/evil.test", "/\u2028/evil.test"} {
		f.Add(page)
	}
	asBrowsers := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/")
	f.Fuzz(func(t *testing.T, page string) {
		form := url.Values{"return_to": {page}}
		got := session.ReturnTo(&http.Request{Method: "POST", URL: &url.URL{}, PostForm: form, Form: form}, "/")
		w := httptest.NewRecorder()
		http.Redirect(w, httptest.NewRequest("GET", "/signin", nil), got, http.StatusSeeOther)
		for _, ref := range []string{got, w.Header().Get("Location")} {
			read := asBrowsers.Replace(strings.TrimLeftFunc(ref, func(r rune) bool { return r <= ' ' }))
			if !strings.HasPrefix(read, "/") || strings.HasPrefix(read, "//") {
				t.Errorf("%q leads to %q", page, ref)
			}
		}
	})
}

func TestAGuardThatNobodyCouldPassPanics(t *testing.T) {
	next := http.NotFoundHandler()
	for name, wire := range map[string]func(){
		"a page without a slash": func() { session.RequireSubject("signin")(next) },
		"no address":             func() { session.RequireSubject("/%zz")(next) },
		"a page to confirm at":   func() { session.Guard{Confirm: "confirm"}.RequireSubject(next) },
		"no time":                func() { session.RequireRecent(0, "/confirm") },
		"a level too high":       func() { session.RequireLevel(256, "/confirm") },
		"a level too low":        func() { session.RequireLevel(-1, "/confirm") },
	} {
		func() {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "session: Require") {
					t.Errorf("%s: the panic says %q", name, text)
				}
			}()
			wire()
		}()
	}
	session.RequireSubject("https://accounts.example/signin")(next)
	session.RequireLevel(255, "/confirm?why=level#form")(next)
}
