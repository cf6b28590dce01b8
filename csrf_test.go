package session_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
	"github.com/justinas/alice"
)

const formCookieName = cookieName + "-csrf"

// formToken has the client shown a form, and returns the token in it.
func (c *client) formToken() string {
	c.p.t.Helper()
	var token string
	res := c.visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		var err error
		if token, err = s.CSRFToken(); err != nil {
			c.p.t.Error(err)
		}
	})
	for _, ck := range res.Cookies() {
		if ck.Name == formCookieName && (!ck.HttpOnly || !ck.Secure || ck.MaxAge != 0 || res.Header.Get("Cache-Control") != "no-store") {
			c.p.t.Errorf("the cookie is %q, with Cache-Control %q", ck.Raw, res.Header["Cache-Control"])
		}
	}
	return token
}

// accepts tells whether a request with a token passes.
func (c *client) accepts(token string, edits ...func(*http.Request)) bool {
	c.p.t.Helper()
	passed := false
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true })
	edits = append([]func(*http.Request){func(r *http.Request) {
		r.Method = http.MethodPost
		r.Header.Set("X-CSRF-Token", token)
	}}, edits...)
	res := c.visit(func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
		session.RequireCSRF(next).ServeHTTP(w, r)
	}, edits...)
	if want := map[bool]int{true: 200, false: 403}[passed]; res.StatusCode != want {
		c.p.t.Errorf("passed: %v, with status %d", passed, res.StatusCode)
	}
	return passed
}

func (c *client) mustAccept(what, token string, want bool) {
	c.p.t.Helper()
	if got := c.accepts(token); got != want {
		c.p.t.Errorf("%s: accepted: %v, want %v", what, got, want)
	}
}

func TestAFormForAnAnonymousVisitorCostsNoRow(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client()
	token := c.formToken()
	c.mustAccept("its token", token, true)
	c.mustAccept("another one", c.formToken(), true)
	if calls := p.tap.took(); len(calls) > 0 || c.token() != "" {
		t.Errorf("the store was asked: %v; the session's cookie is %q", calls, c.token())
	}
	// A session that begins between the form and its answer changes nothing.
	c.must(set(t, "k", 1))
	c.mustAccept("the token of before the session", token, true)
	p.client().mustAccept("a client that was shown no form", token, false)
	other := p.client()
	other.formToken()
	other.mustAccept("another visitor's token", token, false)
}

func TestSecurity_CS2_TheTokenIsBoundToTheSignIn(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(set(t, "k", 1))
	tokens := map[string]string{"before the sign-in": c.formToken()} // of the anonymous session, which ends with it
	for _, step := range []struct {
		name string
		act  act
	}{
		{"login", login(t, "u")},
		{"renew", renew(t)},
		{"reauthenticate", succeed(t, func(_ *http.Request, s *session.Session) error { return s.Reauthenticate(1) })},
		{"another login", login(t, "u")},
		{"another subject's", login(t, "v")},
		{"logout", logout(t)},
	} {
		c.must(step.act)
		for name, token := range tokens {
			c.mustAccept("after "+step.name+", the token of "+name, token, false)
		}
		token := c.formToken()
		c.mustAccept("after "+step.name, token, true)
		tokens[step.name] = token
	}

	// With the cookie of the one and the session of the other, as somebody on a
	// sibling host could plant it, nothing is good.
	a, b := p.client().must(login(t, "a")), p.client().must(login(t, "b"))
	token := a.formToken()
	b.jar.SetCookies(b.url, []*http.Cookie{{Name: formCookieName, Value: a.cookie(formCookieName), Path: "/", Secure: true}})
	a.mustAccept("a's token", token, true)
	b.mustAccept("a's token and cookie in b's session", token, false)
}

// A sibling host is another site: it may send this one's cookies, and plant some
// of its own, but has no page of this site to read a token from.
func TestSecurity_CS3_ASiblingHostIsAnotherSite(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	token := c.formToken()
	from := func(site, origin, token string) func(*http.Request) {
		return func(r *http.Request) {
			r.Method = "POST"
			r.Header.Set("Sec-Fetch-Site", site)
			r.Header.Set("Origin", origin)
			r.Header.Set("X-CSRF-Token", token)
		}
	}
	ran := 0
	count := act(func(http.ResponseWriter, *http.Request, *session.Session) { ran++ })
	for name, guard := range map[string]func(http.Handler) http.Handler{
		"CrossOriginProtection": http.NewCrossOriginProtection().Handler, "RequireCSRF": session.RequireCSRF,
	} {
		ran = 0
		guarded := act(func(w http.ResponseWriter, r *http.Request, _ *session.Session) { guard(count).ServeHTTP(w, r) })
		if res := c.visit(guarded, from("same-site", "https://blog.app.test", strings.Repeat("A", 128))); res.StatusCode != 403 || ran != 0 {
			t.Errorf("%s: from a sibling: status %d, and the handler ran %d times", name, res.StatusCode, ran)
		}
		if res := c.visit(guarded, from("same-origin", "https://app.test", token)); res.StatusCode != 200 || ran != 1 {
			t.Errorf("%s: from here: status %d, and the handler ran %d times", name, res.StatusCode, ran)
		}
	}
}

func TestAFormOutlivesARotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{RotateEvery: 10 * time.Minute})
		c := p.client().must(login(t, "u"))
		token, first := c.formToken(), c.token()
		for range 4 {
			time.Sleep(11 * time.Minute)
			c.must(idle).must(idle)
			c.mustAccept("the token of before", token, true)
			c.mustAccept("a new one", c.formToken(), true)
		}
		if c.token() == first {
			t.Error("the session's token was not rotated")
		}
		c.must(renew(t))
		c.mustAccept("after Renew, the token of before", token, false)
	})
}

func TestTheTokenOfTheRequestThatSignsIn(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client()
	var token string
	c.must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		must(t, s.Login("u"))
		token, _ = s.CSRFToken()
	})
	c.mustAccept("the token", token, true)
}

func TestNoTwoTokensAreAlike(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	seen := map[string]bool{}
	for range 100 {
		token := c.formToken()
		for _, half := range []string{token[:64], token[64:]} {
			if seen[half] {
				t.Fatalf("%q again", half)
			}
			seen[half] = true
		}
	}
}

func TestOnlyAGoodTokenPasses(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	good := c.formToken()
	raw, _ := base64.RawURLEncoding.DecodeString(good)
	flip := func(i int) string {
		bad := bytes.Clone(raw)
		bad[i] ^= 1
		return base64.RawURLEncoding.EncodeToString(bad)
	}
	bad := map[string]string{
		"none": "", "short": good[:127], "long": good + "A", "zeros": strings.Repeat("A", 128), "half": good[:64],
		"padded": good + "====", "no base64": strings.Repeat("*", 128), "line break": good[:40] + "\n" + good[40:],
		"line break in its place": good[:40] + "\n" + good[41:], "very long": strings.Repeat("A", 1<<20),
	}
	for i := range raw {
		bad[fmt.Sprint("bit of byte ", i)] = flip(i)
	}
	for name, token := range bad {
		c.mustAccept(name, token, false)
	}
	c.mustAccept("the good one", good, true)
	if n := strings.Count(p.heard(), "csrf token refused"); n != len(bad) {
		t.Errorf("%d refusals were reported, want %d", n, len(bad))
	}
}

func TestATokenIsTakenFromTheFormOrTheHeaderAlone(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	good := c.formToken()
	form := func(body, kind string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Del("X-CSRF-Token")
			r.Header.Set("Content-Type", kind)
			r.Body = http.NoBody
			if body != "" {
				again := httptest.NewRequest("POST", "/", strings.NewReader(body))
				r.Body, r.ContentLength = again.Body, again.ContentLength
			}
		}
	}
	const urlencoded = "application/x-www-form-urlencoded"
	multipart := "--x\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n" + good + "\r\n--x--\r\n"
	for name, tt := range map[string]struct {
		edit func(*http.Request)
		want bool
	}{
		"form":      {form("a=1&csrf_token="+good, urlencoded), true},
		"multipart": {form(multipart, "multipart/form-data; boundary=x"), true},
		"URL": {func(r *http.Request) {
			form("a=1", urlencoded)(r)
			r.URL.RawQuery = url.Values{"csrf_token": {good}}.Encode()
		}, false},
		"cookie": {func(r *http.Request) {
			form("", urlencoded)(r)
			r.AddCookie(&http.Cookie{Name: "csrf_token", Value: good})
		}, false},
		"JSON":    {form(`{"csrf_token":"`+good+`"}`, "application/json"), false},
		"GET":     {func(r *http.Request) { r.Method = "GET"; r.Header.Del("X-CSRF-Token") }, true},
		"DELETE":  {func(r *http.Request) { r.Method = "DELETE"; r.Header.Del("X-CSRF-Token") }, false},
		"unknown": {func(r *http.Request) { r.Method = "GETS"; r.Header.Del("X-CSRF-Token") }, false},
		"two cookies": {func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: formCookieName, Value: strings.Repeat("A", 43)})
		}, false},
	} {
		if got := c.accepts(good, tt.edit); got != tt.want {
			t.Errorf("%s: accepted: %v, want %v", name, got, tt.want)
		}
	}
}

func TestCSRFFieldInATemplate(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client()
	page := template.Must(template.New("").Funcs(template.FuncMap{"csrf": session.CSRFField}).Parse(`<form>{{csrf .}}</form>`))
	c.visit(func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
		// The beginning of the page has left before the field: its cookie cannot.
		if err := page.Execute(w, r); !errors.Is(err, session.ErrHeadersSent) {
			t.Errorf("without a buffer: %v", err)
		}
	})
	html := text(t, c.visit(func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
		var buf bytes.Buffer
		if err := page.Execute(&buf, r); err != nil {
			t.Error(err)
		}
		w.Write(buf.Bytes())
	}))
	found := regexp.MustCompile(`^<form><input type="hidden" name="csrf_token" value="([\w-]{128})"></form>$`).FindStringSubmatch(html)
	if found == nil {
		t.Fatalf("the page is %q", html)
	}
	c.mustAccept("the token of the page", found[1], true)
}

func TestATokenTakesAResponseThatCanSetItsCookie(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client()
	c.visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(200)
		if _, err := s.CSRFToken(); err != session.ErrHeadersSent {
			t.Errorf("after the header: %v", err)
		}
	})
	c.formToken()
	c.visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(200)
		if _, err := s.CSRFToken(); err != nil {
			t.Errorf("after the header, for a client that has the cookie: %v", err)
		}
	})
	if _, err := (*session.Session)(nil).CSRFToken(); err != session.ErrNoSession {
		t.Errorf("no session: %v", err)
	}
	s, err := p.m.Load(httptest.NewRequest("GET", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CSRFToken(); err == nil {
		t.Error("a token is given where its cookie cannot be set")
	}
	w := httptest.NewRecorder()
	if s, err = p.m.Start(w, httptest.NewRequest("GET", "/", nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CSRFToken(); err != nil || len(w.Result().Cookies()) != 2 {
		t.Errorf("after Start: %v, cookies %v", err, w.Result().Cookies())
	}
}

func TestRequireCSRFTakesASession(t *testing.T) {
	for _, method := range []string{"POST", "GET"} {
		passed := false
		w := httptest.NewRecorder()
		next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true })
		session.RequireCSRF(next).ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		if want := method == "GET"; passed != want || (w.Code == 200) != want {
			t.Errorf("%s: passed: %v, status %d", method, passed, w.Code)
		}
	}
	if (*session.Session)(nil).VerifyCSRF("") {
		t.Error("no session verifies")
	}
}

// Another site cannot send the header that has the token of the session.
func TestWithAHeaderNoTokenIsNeeded(t *testing.T) {
	m, err := session.NewManager(memstore.New(), session.Config{Header: "Authorization"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	passed := false
	w := httptest.NewRecorder()
	m.Handler(session.RequireCSRF(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		token, err := session.FromContext(r.Context()).CSRFToken()
		passed = token == "" && err == nil
	}))).ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if !passed || len(w.Result().Cookies()) > 0 {
		t.Errorf("passed: %v, cookies %v", passed, w.Result().Cookies())
	}
}

// Neither secret of the token is in the store, so that who reads it can make none.
func TestAStolenStoreMakesNoCSRFToken(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	token := c.formToken()
	c.must(set(t, "k", 1))
	secret, err := base64.RawURLEncoding.DecodeString(c.cookie(formCookieName))
	if err != nil || len(secret) != 32 {
		t.Fatalf("the cookie has %d bytes, %v", len(secret), err)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(token)
	unmasked := make([]byte, 48)
	for i := range unmasked {
		unmasked[i] = raw[i] ^ raw[48+i]
	}
	for _, rec := range p.tap.given() {
		for name, b := range map[string][]byte{"the cookie's secret": secret, "a half of the token": unmasked[:16], "the other": unmasked[16:]} {
			if bytes.Contains(rec.Data, b) {
				t.Errorf("%s is in the store", name)
			}
		}
	}
}

// A session in its cookie is sealed anew with each change: its forms stay good.
func TestAFormOfASealedSession(t *testing.T) {
	site := newSealedSite(t, newRing(t), session.Config{})
	var token string
	site.handle("/form", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		var err error
		if token, err = s.CSRFToken(); err != nil {
			t.Error(err)
		}
	})
	site.handle("/verify", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fmt.Fprint(w, s.VerifyCSRF(token))
	})
	for path, f := range map[string]act{"/in": login(t, "u"), "/put": set(t, "k", 1), "/again": renew(t)} {
		site.handle(path, func(w http.ResponseWriter, r *http.Request, s *session.Session) { f(w, r, s) })
	}
	cookies := map[string]string{}
	visit := func(path string) string {
		r := httptest.NewRequest("GET", path, nil)
		for name, val := range cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: val})
		}
		w := httptest.NewRecorder()
		site.handler.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			cookies[c.Name] = c.Value
		}
		return w.Body.String()
	}
	visit("/in")
	visit("/form")
	for _, step := range []struct{ path, want string }{{"/put", "true"}, {"/put", "true"}, {"/again", "false"}} {
		visit(step.path)
		if got := visit("/verify"); got != step.want {
			t.Errorf("after %s the token is good: %s, want %s", step.path, got, step.want)
		}
	}
}

// behind makes an act of a middleware before a handler that answers 200.
func behind(guard func(http.Handler) http.Handler) act {
	h := guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "inside") }))
	return func(w http.ResponseWriter, r *http.Request, _ *session.Session) { h.ServeHTTP(w, r) }
}

// Of two nested managers each has forms of its own: a form of the one is none of the
// other's.
func TestAFormIsOfItsManager(t *testing.T) {
	admins := newProbe(t, session.Config{Cookie: session.Cookie{Name: "__Host-admin"}})
	users := newProbe(t, session.Config{Cookie: session.Cookie{Name: "__Host-user"}})
	inner := users.h
	users.h = admins.m.Handler(inner)
	user := users.client().must(login(t, "u"))
	form := func(c session.CSRF) string {
		var field string
		user.must(func(_ http.ResponseWriter, r *http.Request, _ *session.Session) {
			html, err := c.Field(r)
			if err != nil {
				t.Fatal(err)
			}
			field = string(html)
		})
		return strings.TrimSuffix(field[strings.Index(field, `value="`)+len(`value="`):], `">`)
	}
	ofAdmins, ofUsers := form(session.CSRF{Manager: admins.m}), form(session.CSRF{})
	send := func(c session.CSRF, token string) int {
		return user.visit(behind(c.Require), headers("X-CSRF-Token", token), func(r *http.Request) { r.Method = "POST" }).StatusCode
	}
	for i, got := range []int{send(session.CSRF{Manager: admins.m}, ofAdmins), send(session.CSRF{}, ofUsers), send(session.CSRF{Manager: admins.m}, ofUsers), send(session.CSRF{}, ofAdmins)} {
		if want := []int{200, 200, 403, 403}[i]; got != want {
			t.Errorf("form %d: %d, want %d", i, got, want)
		}
	}
}

// Anybody can send requests to where RequireCSRF stands and there is no session.
func TestAMisplacedRequireCSRFWritesOneLine(t *testing.T) {
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	var handled error
	p := newProbe(t, session.Config{
		Skip:         func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/static/") },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { handled = err },
	})
	for name, tt := range map[string]struct {
		guard alice.Constructor
		named bool
	}{
		"RequireCSRF, innermost": {session.RequireCSRF, false},
		"RequireCSRF":            {session.CSRF{Manager: p.m}.Require, true},
	} {
		log.Reset()
		handled = nil
		guarded := behind(tt.guard)
		for range 50 {
			res := p.client().visit(guarded, asks("/static/app.css"), func(r *http.Request) { r.Method = "POST" })
			if res.StatusCode != 500 || text(t, res) == "inside" {
				t.Errorf("%s: %d, want 500", name, res.StatusCode)
			}
		}
		out := log.String()
		if lines := strings.Count(out, "\n"); lines != 1 || !strings.Contains(out, "RequireCSRF") || !strings.Contains(out, "/static/app.css") {
			t.Errorf("%s: %d lines: %s", name, lines, out)
		}
		if tt.named != errors.Is(handled, session.ErrNoSession) {
			t.Errorf("%s: the ErrorHandler is given %v", name, handled)
		}
	}
}
