package token

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store/memstore"
)

// A headerClient keeps the token that it is sent in a header.
type headerClient struct {
	h        http.Handler
	reads    string // the header of responses
	writes   string // the header of requests
	prefix   string
	token    string
	response *http.Response
}

func (c *headerClient) do(path string, edits ...func(*http.Request)) string {
	r := httptest.NewRequest("POST", path, nil)
	if c.token != "" {
		r.Header.Set(c.writes, c.prefix+c.token)
	}
	for _, edit := range edits {
		edit(r)
	}
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	c.response = w.Result()
	if tokens, ok := c.response.Header[c.reads]; ok {
		c.token = tokens[0]
	}
	return strings.TrimSpace(w.Body.String())
}

// headerSite has one handler for each of the calls that matter.
func headerSite(t *testing.T, cfg session.Config) http.Handler {
	m, err := session.NewManager(memstore.New(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	mux := http.NewServeMux()
	for path, f := range map[string]probe.Act{
		"/in": probe.Login(t, "u"), "/out": probe.Logout(t), "/set": probe.Set(t, "k", 1), "/who": probe.Show, "/none": probe.Idle,
	} {
		mux.Handle(path, f)
	}
	return m.Handler(mux)
}

func TestTheTokenInAHeader(t *testing.T) {
	for name, c := range map[string]headerClient{
		"Authorization": {writes: "Authorization", prefix: "Bearer ", reads: "Session-Token"},
		"x-session":     {writes: "X-Session", reads: "X-Session"},
	} {
		t.Run(name, func(t *testing.T) {
			c.h = headerSite(t, session.Config{Header: name})
			want := func(path, body string) {
				t.Helper()
				if got := c.do(path); got != body {
					t.Errorf("%s: %q, want %q", path, got, body)
				}
				if cookies := c.response.Header["Set-Cookie"]; len(cookies) > 0 {
					t.Errorf("%s: %q", path, cookies)
				}
				if _, ok := c.response.Header[c.reads]; ok && c.response.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s: a token with Cache-Control %q", path, c.response.Header["Cache-Control"])
				}
			}
			want("/none", "")
			if c.token != "" || c.response.Header.Get("Vary") != "" {
				t.Errorf("a request without a session got %q, Vary %q", c.token, c.response.Header["Vary"])
			}
			want("/set", "")
			guest := c.token
			if len(guest) != 64 {
				t.Fatalf("the token is %q", guest)
			}
			want("/who", "<> k=1")
			if got := c.response.Header["Vary"]; len(got) != 1 || got[0] != c.writes {
				t.Errorf("Vary is %q", got)
			}
			want("/in", "")
			if c.token == guest {
				t.Error("the sign-in gave no other token")
			}
			want("/who", "<u> k=1")
			signedIn := c.token
			want("/out", "")
			if got, ok := c.response.Header[c.reads]; !ok || got[0] != "" {
				t.Errorf("after sign-out the header is %q, want an empty one", got)
			}
			c.token = signedIn
			want("/who", probe.Anonymous)
		})
	}
}

func TestWithAHeaderNothingElseIsRead(t *testing.T) {
	c := headerClient{h: headerSite(t, session.Config{Header: "Authorization"}), reads: "Session-Token", writes: "Authorization", prefix: "Bearer "}
	c.do("/in")
	good := c.token
	for name, edit := range map[string]func(r *http.Request){
		"a cookie":         func(r *http.Request) { r.Header.Set("Cookie", probe.CookieName+"="+good) },
		"another header":   func(r *http.Request) { r.Header.Set("Session-Token", good) },
		"the URL":          func(r *http.Request) { r.URL.RawQuery = url.Values{"access_token": {good}}.Encode() },
		"another scheme":   func(r *http.Request) { r.Header.Set("Authorization", "Basic "+good) },
		"no scheme":        func(r *http.Request) { r.Header.Set("Authorization", good) },
		"two of them":      func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer " + good, "Bearer " + good} },
		"more beside it":   func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+good+", x") },
		"a prefix of it":   func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+good[:63]) },
		"nothing after it": func(r *http.Request) { r.Header.Set("Authorization", "Bearer") },
		"a cookie beside a bad one": func(r *http.Request) {
			r.Header.Set("Cookie", probe.CookieName+"="+good)
			r.Header.Set("Authorization", "Bearer "+probe.ForgedToken())
		},
		"a form": func(r *http.Request) {
			again := httptest.NewRequest("POST", "/who", strings.NewReader(url.Values{"access_token": {good}, "token": {good}}.Encode()))
			r.Body, r.ContentLength = again.Body, again.ContentLength
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		},
	} {
		c.token = ""
		if got := c.do("/who", edit); got != probe.Anonymous {
			t.Errorf("%s: %q", name, got)
		}
	}
	// A cookie beside it, another's or garbage, changes nothing, and stays as it is.
	c.do("/in")
	another := c.token
	for _, cookie := range []string{another, "garbage", good + "; " + probe.CookieName + "=" + another} {
		c.token = good
		if got := c.do("/set", func(r *http.Request) { r.Header.Set("Cookie", probe.CookieName+"="+cookie) }); got != "" || c.response.Header["Set-Cookie"] != nil {
			t.Errorf("with the cookie %q: %q, %q", cookie, got, c.response.Header)
		}
	}
	c.token = another
	if got := c.do("/who"); got != "<u>" {
		t.Errorf("the session of the cookie was changed: %q", got)
	}
	for _, spelling := range []string{"bearer ", "BEARER  "} {
		c.token = ""
		if got := c.do("/who", func(r *http.Request) { r.Header.Set("Authorization", spelling+good) }); got != "<u> k=1" {
			t.Errorf("%q: %q, want the session", spelling, got)
		}
	}
}

func TestAHeaderWithAMeaningOfItsOwnIsRefused(t *testing.T) {
	for _, name := range []string{"cookie", "Set-Cookie", "content-type", "X Session", "X:Session", "X-Séssion", "X-Session\r\n"} {
		if m, err := session.NewManager(memstore.New(), session.Config{Header: name}); err == nil {
			m.Close()
			t.Errorf("%q is accepted", name)
		}
	}
}

// Without the middleware, a token is told by Commit and sent by Start.
func TestTheTokenInAHeaderWithoutTheMiddleware(t *testing.T) {
	m, err := session.NewManager(memstore.New(), session.Config{Header: "Authorization"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	w := httptest.NewRecorder()
	s, err := m.Start(w, httptest.NewRequest("GET", "/", nil))
	if err != nil || len(w.Header().Get("Session-Token")) != 64 || w.Header().Get("Vary") != "Authorization" {
		t.Errorf("%v, header %v", err, w.Header())
	}
	probe.Must(t, s.Login("u"))
	c, err := m.Commit(t.Context(), s)
	if err != nil || c.Name != "Session-Token" || len(c.Value) != 64 {
		t.Errorf("Commit: %v, %v", c, err)
	}
}

// One site for browsers and for programs: each manager leaves the requests of
// the other alone.
func TestCookieAndHeaderSideBySide(t *testing.T) {
	st := memstore.New()
	hasHeader := func(r *http.Request) bool { return r.Header.Get("Authorization") != "" || r.URL.Path == "/in" }
	programs, err := session.NewManager(st, session.Config{Header: "Authorization", App: "r", Skip: func(r *http.Request) bool { return !hasHeader(r) }})
	if err != nil {
		t.Fatal(err)
	}
	browsers, err := session.NewManager(st, session.Config{App: "r", Skip: hasHeader})
	if err != nil {
		t.Fatal(err)
	}
	defer programs.Close()
	defer browsers.Close()
	mux := http.NewServeMux()
	mux.Handle("/in", probe.Login(t, "u"))
	mux.Handle("/who", probe.Act(probe.Show))
	c := headerClient{h: browsers.Handler(programs.Handler(mux)), reads: "Session-Token", writes: "Authorization", prefix: "Bearer "}
	c.do("/in")
	if got := c.do("/who"); got != "<u>" {
		t.Errorf("with the header: %q", got)
	}
	token := c.token
	c.token = ""
	if got := c.do("/who", func(r *http.Request) { r.Header.Set("Cookie", "__Host-r="+token) }); got != "<u>" {
		t.Errorf("with the cookie: %q", got)
	}
}
