package integration

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

// A client is a browser: it keeps the cookies that it is given.
type client struct {
	t    *testing.T
	http *http.Client
}

func (e *env) newClient() *client {
	jar, _ := cookiejar.New(nil)
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	e.t.Cleanup(transport.CloseIdleConnections)
	return &client{e.t, &http.Client{
		Jar:           jar,
		Transport:     transport,
		Timeout:       time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// signedIn returns a client that is signed in, and the ID of its session.
func (e *env) signedIn(m *machine, subject string) (*client, store.ID) {
	e.t.Helper()
	c := e.newClient()
	c.get(m, "/login?"+subject).want("the login", http.StatusOK, "")
	return c, idOf(e.t, c.token(m))
}

// token returns what the client holds now.
func (c *client) token(m *machine) string {
	u, err := url.Parse(m.server.URL)
	if err != nil {
		c.t.Error(err)
	}
	for _, ck := range c.http.Jar.Cookies(u) {
		if ck.Name == cookieName(m) {
			return ck.Value
		}
	}
	return ""
}

func cookieName(m *machine) string {
	if m.server.TLS != nil {
		return "__Host-" + m.app
	}
	return m.app
}

func (c *client) get(m *machine, path string) answer {
	c.t.Helper()
	return c.request(m, http.MethodGet, path)
}

// post makes a request that net/http does not repeat where the connection
// breaks before the answer.
func (c *client) post(m *machine, path string) answer {
	c.t.Helper()
	return c.request(m, http.MethodPost, path)
}

func (c *client) request(m *machine, method, path string) answer {
	c.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, m.server.URL+path, nil)
	if err != nil {
		c.t.Error(err)
	}
	return c.do(m, req)
}

// as makes a request as whoever holds a token, and keeps no cookies.
func (m *machine) as(token, path string, header ...string) answer {
	m.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, m.server.URL+path, nil)
	if err != nil {
		m.t.Error(err)
	}
	req.Header.Set("Cookie", cookieName(m)+"="+token)
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	transport := m.server.Client().Transport
	return (&client{m.t, &http.Client{Transport: transport, Timeout: time.Minute}}).do(m, req)
}

// An answer is a response that was read to its end.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
	err    error    // of the request or of its body
	tokens []string // that it sets: "" clears
}

// do sends a request. What holds for every response is checked here.
func (c *client) do(m *machine, req *http.Request) answer {
	c.t.Helper()
	a := answer{t: c.t}
	res, err := c.http.Do(req)
	if err != nil {
		a.err = err
		return a
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	a.status, a.header, a.body, a.err = res.StatusCode, res.Header, string(body), err
	for _, ck := range res.Cookies() {
		if ck.Name == cookieName(m) {
			a.tokens = append(a.tokens, ck.Value)
		}
	}
	if len(a.tokens) > 1 {
		c.t.Errorf("%s sets the cookie %d times", req.URL.Path, len(a.tokens))
	}
	if len(a.tokens) > 0 && !strings.Contains(a.header.Get("Cache-Control"), "no-store") {
		c.t.Errorf("%s sets the cookie without Cache-Control: no-store: %v", req.URL.Path, slices.Collect(maps.Keys(a.header)))
	}
	return a
}

// want checks status and body.
func (a answer) want(what string, status int, body string) {
	a.t.Helper()
	if a.err != nil || a.status != status || a.body != body {
		a.t.Errorf("%s: got %d %q, error %v; want %d %q", what, a.status, a.body, a.err, status, body)
	}
}

// wantError checks that the error answer came, and no word of the handler's,
// and no cookie.
func (a answer) wantError(what string, status int) {
	a.t.Helper()
	a.want(what, status, http.StatusText(status)+"\n")
	a.wantNoCookie(what)
}

// wantNoCookie checks that the cookie is neither set nor cleared.
func (a answer) wantNoCookie(what string) {
	a.t.Helper()
	if len(a.tokens) > 0 {
		a.t.Errorf("%s: the answer sets the cookie to %q", what, a.tokens)
	}
}

// newToken returns the one token that the answer sets.
func (a answer) newToken(what string) string {
	a.t.Helper()
	if len(a.tokens) != 1 || a.tokens[0] == "" {
		a.t.Errorf("%s: got status %d and the cookies %q, want one new token", what, a.status, a.tokens)
		return ""
	}
	return a.tokens[0]
}
