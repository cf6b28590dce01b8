package csrf_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
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
	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store/cookiestore"
	"github.com/b4468f51/session/store/memstore"
	"github.com/justinas/alice"
)

const formCookieName = probe.CookieName + "-csrf"

// formToken has the client shown a form, and returns the token in it.
func formToken(c *probe.Client) string {
	c.P.T.Helper()
	var token string
	res := c.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		var err error
		if token, err = csrf.Token(s); err != nil {
			c.P.T.Error(err)
		}
	})
	for _, ck := range res.Cookies() {
		if ck.Name == formCookieName && (!ck.HttpOnly || !ck.Secure || ck.MaxAge != 0 || res.Header.Get("Cache-Control") != "no-store") {
			c.P.T.Errorf("the cookie is %q, with Cache-Control %q", ck.Raw, res.Header["Cache-Control"])
		}
	}
	return token
}

// accepts tells whether a request with a token passes.
func accepts(c *probe.Client, token string, edits ...func(*http.Request)) bool {
	c.P.T.Helper()
	passed := false
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true })
	edits = append([]func(*http.Request){func(r *http.Request) {
		r.Method = http.MethodPost
		r.Header.Set("X-CSRF-Token", token)
	}}, edits...)
	res := c.Visit(func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
		csrf.Require(next).ServeHTTP(w, r)
	}, edits...)
	if want := map[bool]int{true: 200, false: 403}[passed]; res.StatusCode != want {
		c.P.T.Errorf("passed: %v, with status %d", passed, res.StatusCode)
	}
	return passed
}

func mustAccept(c *probe.Client, what, token string, want bool) {
	c.P.T.Helper()
	if got := accepts(c, token); got != want {
		c.P.T.Errorf("%s: accepted: %v, want %v", what, got, want)
	}
}

func TestAFormForAnAnonymousVisitorCostsNoRow(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client()
	token := formToken(c)
	mustAccept(c, "its token", token, true)
	mustAccept(c, "another one", formToken(c), true)
	if calls := p.Tap.Took(); len(calls) > 0 || c.Token() != "" {
		t.Errorf("the store was asked: %v; the session's cookie is %q", calls, c.Token())
	}
	// A session that begins between the form and its answer changes nothing.
	c.Must(probe.Set(t, "k", 1))
	mustAccept(c, "the token of before the session", token, true)
	mustAccept(p.Client(), "a client that was shown no form", token, false)
	other := p.Client()
	formToken(other)
	mustAccept(other, "another visitor's token", token, false)
}

func TestSecurity_CS2_TheTokenIsBoundToTheSignIn(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "k", 1))
	tokens := map[string]string{"before the sign-in": formToken(c)} // of the anonymous session, which ends with it
	for _, step := range []struct {
		name string
		act  probe.Act
	}{
		{"login", probe.Login(t, "u")},
		{"renew", probe.Renew(t)},
		{"reauthenticate", probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return s.Reauthenticate(1) })},
		{"another login", probe.Login(t, "u")},
		{"another subject's", probe.Login(t, "v")},
		{"logout", probe.Logout(t)},
	} {
		c.Must(step.act)
		for name, token := range tokens {
			mustAccept(c, "after "+step.name+", the token of "+name, token, false)
		}
		token := formToken(c)
		mustAccept(c, "after "+step.name, token, true)
		tokens[step.name] = token
	}

	// With the cookie of the one and the session of the other, as somebody on a
	// sibling host could plant it, nothing is good.
	a, b := p.Client().Must(probe.Login(t, "a")), p.Client().Must(probe.Login(t, "b"))
	token := formToken(a)
	b.Jar.SetCookies(b.URL, []*http.Cookie{{Name: formCookieName, Value: a.Cookie(formCookieName), Path: "/", Secure: true}})
	mustAccept(a, "a's token", token, true)
	mustAccept(b, "a's token and cookie in b's session", token, false)
}

// A sibling host is another site: it may send this one's cookies, and plant some
// of its own, but has no page of this site to read a token from.
func TestSecurity_CS3_ASiblingHostIsAnotherSite(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	token := formToken(c)
	from := func(site, origin, token string) func(*http.Request) {
		return func(r *http.Request) {
			r.Method = "POST"
			r.Header.Set("Sec-Fetch-Site", site)
			r.Header.Set("Origin", origin)
			r.Header.Set("X-CSRF-Token", token)
		}
	}
	ran := 0
	count := probe.Act(func(http.ResponseWriter, *http.Request, *session.Session) { ran++ })
	for name, guard := range map[string]func(http.Handler) http.Handler{
		"CrossOriginProtection": http.NewCrossOriginProtection().Handler, "Require": csrf.Require,
	} {
		ran = 0
		guarded := probe.Act(func(w http.ResponseWriter, r *http.Request, _ *session.Session) { guard(count).ServeHTTP(w, r) })
		if res := c.Visit(guarded, from("same-site", "https://blog.app.test", strings.Repeat("A", 128))); res.StatusCode != 403 || ran != 0 {
			t.Errorf("%s: from a sibling: status %d, and the handler ran %d times", name, res.StatusCode, ran)
		}
		if res := c.Visit(guarded, from("same-origin", "https://app.test", token)); res.StatusCode != 200 || ran != 1 {
			t.Errorf("%s: from here: status %d, and the handler ran %d times", name, res.StatusCode, ran)
		}
	}
}

func TestAFormOutlivesARotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{RotateEvery: 10 * time.Minute})
		c := p.Client().Must(probe.Login(t, "u"))
		token, first := formToken(c), c.Token()
		for range 4 {
			time.Sleep(11 * time.Minute)
			c.Wants("<u>")
			c.Wants("<u>")
			mustAccept(c, "the token of before", token, true)
			mustAccept(c, "a new one", formToken(c), true)
		}
		if c.Token() == first {
			t.Error("the session's token was not rotated")
		}
		c.Must(probe.Renew(t))
		mustAccept(c, "after Renew, the token of before", token, false)
	})
}

func TestTheTokenOfTheRequestThatSignsIn(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client()
	var token string
	c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		probe.Must(t, s.Login("u"))
		token, _ = csrf.Token(s)
	})
	mustAccept(c, "the token", token, true)
}

func TestNoTwoTokensAreAlike(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	seen := map[string]bool{}
	for range 100 {
		token := formToken(c)
		for _, half := range []string{token[:64], token[64:]} {
			if seen[half] {
				t.Fatalf("%q again", half)
			}
			seen[half] = true
		}
	}
}

func TestOnlyAGoodTokenPasses(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	good := formToken(c)
	raw, _ := base64.RawURLEncoding.DecodeString(good)
	flip := func(i int) string {
		bad := bytes.Clone(raw)
		bad[i] ^= 1
		return base64.RawURLEncoding.EncodeToString(bad)
	}
	bad := map[string]string{
		"none": "", "short": good[:127], "long": good + "A", "zeros": strings.Repeat("A", 128), "half": good[:64],
		"padded": good + "====", "no base64": strings.Repeat("*", 128), "line break": good[:40] + "\n" + good[40:],
		"line break in its place": good[:40] + "\n" + good[41:], "very long": strings.Repeat("A", 1<<20), "line breaks alone": strings.Repeat("\n", 128),
	}
	for i := range raw {
		bad[fmt.Sprint("bit of byte ", i)] = flip(i)
	}
	for name, token := range bad {
		mustAccept(c, name, token, false)
	}
	mustAccept(c, "the good one", good, true)
	if n := strings.Count(p.Heard(), "csrf token refused"); n != len(bad) {
		t.Errorf("%d refusals were reported, want %d", n, len(bad))
	}
}

func TestATokenIsTakenFromTheFormOrTheHeaderAlone(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	good := formToken(c)
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
		if got := accepts(c, good, tt.edit); got != tt.want {
			t.Errorf("%s: accepted: %v, want %v", name, got, tt.want)
		}
	}
}

func TestAFieldInATemplate(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client()
	page := template.Must(template.New("").Funcs(template.FuncMap{"csrf": csrf.Field}).Parse(`<form>{{csrf .}}</form>`))
	c.Visit(func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
		// The beginning of the page has left before the field: its cookie cannot.
		if err := page.Execute(w, r); !errors.Is(err, session.ErrHeadersSent) {
			t.Errorf("without a buffer: %v", err)
		}
	})
	html := probe.Text(t, c.Visit(func(w http.ResponseWriter, r *http.Request, _ *session.Session) {
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
	mustAccept(c, "the token of the page", found[1], true)
}

func TestATokenTakesAResponseThatCanSetItsCookie(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client()
	c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(200)
		if _, err := csrf.Token(s); err != session.ErrHeadersSent {
			t.Errorf("after the header: %v", err)
		}
	})
	formToken(c)
	c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(200)
		if _, err := csrf.Token(s); err != nil {
			t.Errorf("after the header, for a client that has the cookie: %v", err)
		}
	})
	if _, err := csrf.Token(nil); err != session.ErrNoSession {
		t.Errorf("no session: %v", err)
	}
	s, err := p.M.Load(httptest.NewRequest("GET", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := csrf.Token(s); err == nil {
		t.Error("a token is given where its cookie cannot be set")
	}
	w := httptest.NewRecorder()
	if s, err = p.M.Start(w, httptest.NewRequest("GET", "/", nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := csrf.Token(s); err != nil || len(w.Result().Cookies()) != 2 {
		t.Errorf("after Start: %v, cookies %v", err, w.Result().Cookies())
	}
}

func TestRequireTakesASession(t *testing.T) {
	for _, method := range []string{"POST", "GET"} {
		passed := false
		w := httptest.NewRecorder()
		next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true })
		csrf.Require(next).ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		if want := method == "GET"; passed != want || (w.Code == 200) != want {
			t.Errorf("%s: passed: %v, status %d", method, passed, w.Code)
		}
	}
	if err := csrf.Verify(nil, ""); err != session.ErrNoSession {
		t.Errorf("no session: %v", err)
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
	m.Handler(csrf.Require(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		token, err := csrf.Token(session.FromContext(r.Context()))
		passed = token == "" && err == nil
	}))).ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if !passed || len(w.Result().Cookies()) > 0 {
		t.Errorf("passed: %v, cookies %v", passed, w.Result().Cookies())
	}
}

// Neither secret of the token is in the store, so that who reads it can make none.
func TestAStolenStoreMakesNoToken(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	token := formToken(c)
	c.Must(probe.Set(t, "k", 1))
	secret, err := base64.RawURLEncoding.DecodeString(c.Cookie(formCookieName))
	if err != nil || len(secret) != 32 {
		t.Fatalf("the cookie has %d bytes, %v", len(secret), err)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(token)
	unmasked := make([]byte, 48)
	for i := range unmasked {
		unmasked[i] = raw[i] ^ raw[48+i]
	}
	for _, rec := range p.Tap.Given() {
		for name, b := range map[string][]byte{"the cookie's secret": secret, "a half of the token": unmasked[:16], "the other": unmasked[16:]} {
			if bytes.Contains(rec.Data, b) {
				t.Errorf("%s is in the store", name)
			}
		}
	}
}

// A session in its cookie is sealed anew with each change: its forms stay good.
func TestAFormOfASealedSession(t *testing.T) {
	ring, err := cookiestore.New(cookiestore.GenerateKey())
	probe.Must(t, err)
	c := probe.Sealed(t, ring, session.Config{}).Client().Must(probe.Login(t, "u"))
	token := formToken(c)
	for _, step := range []struct {
		name string
		act  probe.Act
		want bool
	}{{"a change", probe.Set(t, "k", 1), true}, {"another", probe.Set(t, "k", 2), true}, {"a renewal", probe.Renew(t), false}} {
		c.Must(step.act)
		mustAccept(c, "after "+step.name, token, step.want)
	}
}

// Of two nested managers each has forms of its own: a form of the one is none of the
// other's.
func TestAFormIsOfItsManager(t *testing.T) {
	admins := probe.New(t, session.Config{Cookie: session.Cookie{Name: "__Host-admin"}})
	users := probe.New(t, session.Config{Cookie: session.Cookie{Name: "__Host-user"}})
	inner := users.H
	users.H = admins.M.Handler(inner)
	user := users.Client().Must(probe.Login(t, "u"))
	form := func(c csrf.Protection) string {
		var field string
		user.Must(func(_ http.ResponseWriter, r *http.Request, _ *session.Session) {
			html, err := c.Field(r)
			if err != nil {
				t.Fatal(err)
			}
			field = string(html)
		})
		return strings.TrimSuffix(field[strings.Index(field, `value="`)+len(`value="`):], `">`)
	}
	ofAdmins, ofUsers := form(csrf.Protection{Manager: admins.M}), form(csrf.Protection{})
	send := func(c csrf.Protection, token string) int {
		return user.Visit(probe.Behind(c.Require), probe.Headers("X-CSRF-Token", token), func(r *http.Request) { r.Method = "POST" }).StatusCode
	}
	for i, got := range []int{send(csrf.Protection{Manager: admins.M}, ofAdmins), send(csrf.Protection{}, ofUsers), send(csrf.Protection{Manager: admins.M}, ofUsers), send(csrf.Protection{}, ofAdmins)} {
		if want := []int{200, 200, 403, 403}[i]; got != want {
			t.Errorf("form %d: %d, want %d", i, got, want)
		}
	}
}

// Anybody can send requests to where Require stands and there is no session.
func TestAMisplacedRequireWritesOneLine(t *testing.T) {
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	var handled error
	p := probe.New(t, session.Config{
		Skip:         func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/static/") },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { handled = err },
	})
	for name, tt := range map[string]struct {
		guard alice.Constructor
		named bool
	}{
		"Require, innermost": {csrf.Require, false},
		"Require":            {csrf.Protection{Manager: p.M}.Require, true},
	} {
		log.Reset()
		handled = nil
		guarded := probe.Behind(tt.guard)
		for range 50 {
			res := p.Client().Visit(guarded, probe.Asks("/static/app.css"), func(r *http.Request) { r.Method = "POST" })
			if res.StatusCode != 500 || probe.Text(t, res) == "inside" {
				t.Errorf("%s: %d, want 500", name, res.StatusCode)
			}
		}
		out := log.String()
		if lines := strings.Count(out, "\n"); lines != 1 || !strings.Contains(out, "csrf.Require") || !strings.Contains(out, "/static/app.css") {
			t.Errorf("%s: %d lines: %s", name, lines, out)
		}
		if tt.named != errors.Is(handled, session.ErrNoSession) {
			t.Errorf("%s: the ErrorHandler is given %v", name, handled)
		}
	}
}
