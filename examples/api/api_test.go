package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/b4468f51/session/store/memstore"
)

func serve(t *testing.T) *httptest.Server {
	t.Helper()
	s, err := newSite(memstore.New())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(s.routes())
	t.Cleanup(func() {
		server.Close()
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// A caller is a browser, which keeps cookies, or an app, which keeps a token.
type caller struct {
	t      *testing.T
	url    string
	client *http.Client
	app    bool
	token  string
}

func newCaller(t *testing.T, server *httptest.Server, app bool) *caller {
	t.Helper()
	c := &caller{t: t, url: server.URL, client: &http.Client{Transport: server.Client().Transport}, app: app}
	if !app {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		c.client.Jar = jar
	}
	return c
}

func (c *caller) send(method, path string, form url.Values, edits ...func(r *http.Request)) (*http.Response, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	for _, edit := range edits {
		edit(r)
	}
	res, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if c.app && len(res.Header["Session-Token"]) > 0 {
		c.token = res.Header.Get("Session-Token")
	}
	return res, strings.TrimSpace(string(body))
}

func (c *caller) signIn() {
	c.t.Helper()
	path := "/signin"
	if c.app {
		path = "/app/signin"
	}
	res, body := c.send("POST", path, url.Values{"name": {"ada"}, "password": {"correct horse"}})
	if res.StatusCode != http.StatusNoContent {
		c.t.Fatalf("sign-in: %d %q", res.StatusCode, body)
	}
	if c.app != (c.token != "") || c.app != (len(res.Header["Set-Cookie"]) == 0) {
		c.t.Errorf("app: %v, and the sign-in's answer has %q", c.app, res.Header)
	}
}

func (c *caller) wants(method, path string, form url.Values, status int, want string) {
	c.t.Helper()
	res, body := c.send(method, path, form)
	if res.StatusCode != status || !strings.Contains(body, want) {
		c.t.Errorf("%s %s: %d %q, want %d %q", method, path, res.StatusCode, body, status, want)
	}
}

func TestBrowsersAndAppsUseTheSameHandlers(t *testing.T) {
	for _, app := range []bool{false, true} {
		c := newCaller(t, serve(t), app)
		c.wants("GET", "/notes", nil, 401, "")
		c.signIn()
		c.wants("POST", "/notes", url.Values{"text": {"hello"}}, 204, "")
		c.wants("GET", "/notes", nil, 200, `["hello"]`)
		c.wants("POST", "/signout", nil, 204, "")
		c.wants("GET", "/notes", nil, 401, "")
		if c.token != "" {
			t.Error("the app was not told that its session is over")
		}
	}
}

func TestAUserHasOneListOfSessions(t *testing.T) {
	server := serve(t)
	browser, app := newCaller(t, server, false), newCaller(t, server, true)
	browser.signIn()
	app.signIn()
	for _, c := range []*caller{browser, app} {
		_, list := c.send("GET", "/sessions", nil)
		if strings.Count(list, `"agent"`) != 2 || strings.Count(list, `"this":true`) != 1 {
			t.Errorf("the list is %s", list)
		}
	}
	app.wants("POST", "/signout-others", nil, 204, "")
	app.wants("GET", "/notes", nil, 200, "")
	browser.wants("GET", "/notes", nil, 401, "")
	browser.signIn()
	browser.wants("POST", "/signout-others", nil, 204, "")
	browser.wants("GET", "/notes", nil, 200, "")
	app.wants("GET", "/notes", nil, 401, "")
}

// A request that has both is the app's: the cookie is neither read nor set.
func TestTheHeaderGoesFirst(t *testing.T) {
	server := serve(t)
	browser, app := newCaller(t, server, false), newCaller(t, server, true)
	browser.signIn()
	app.signIn()
	browser.wants("POST", "/notes", url.Values{"text": {"browser"}}, 204, "")
	app.wants("POST", "/notes", url.Values{"text": {"app"}}, 204, "")
	for token, want := range map[string]string{app.token: `["app"]`, "no token of ours": ""} {
		res, body := browser.send("GET", "/notes", nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) })
		if (res.StatusCode == 200) != (want != "") || want != "" && body != want || len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("with %q: %d %q %q", token, res.StatusCode, body, res.Header)
		}
	}
	browser.wants("GET", "/notes", nil, 200, `["browser"]`)
}

// A proxy that asks for a password has the browser send it with every request.
func TestABrowserMayHaveAPasswordForAProxy(t *testing.T) {
	browser := newCaller(t, serve(t), false)
	basic := func(r *http.Request) { r.SetBasicAuth("staging", "secret") }
	form := url.Values{"name": {"ada"}, "password": {"correct horse"}}
	if res, body := browser.send("POST", "/signin", form, basic); res.StatusCode != 204 || len(res.Header["Set-Cookie"]) == 0 {
		t.Fatalf("%d %q %q", res.StatusCode, body, res.Header)
	}
	if res, body := browser.send("GET", "/notes", nil, basic); res.StatusCode != 200 {
		t.Errorf("the browser is signed out: %d %q", res.StatusCode, body)
	}
}

// Another site can have a browser send its cookie, and not the header.
func TestAnotherSiteCannotUseTheCookie(t *testing.T) {
	server := serve(t)
	browser, app := newCaller(t, server, false), newCaller(t, server, true)
	browser.signIn()
	app.signIn()
	fromElsewhere := func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }
	if res, _ := browser.send("POST", "/notes", url.Values{"text": {"x"}}, fromElsewhere); res.StatusCode != 403 {
		t.Errorf("a form of another site: %d", res.StatusCode)
	}
	browser.wants("GET", "/notes", nil, 200, "null")
}
