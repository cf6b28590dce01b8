package probe

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/b4468f51/session"
)

// CookieName is the name of the session's cookie by default.
const CookieName = "__Host-id"

// A Client is a browser of its own.
type Client struct {
	P   *Probe
	Jar http.CookieJar
	URL *url.URL
}

// Visit sends a request, which edits may change, to f behind the middleware.
func (c *Client) Visit(f Act, edits ...func(*http.Request)) *http.Response {
	c.P.T.Helper()
	r := httptest.NewRequest("GET", c.URL.String(), nil)
	for _, ck := range c.Jar.Cookies(c.URL) {
		r.AddCookie(ck)
	}
	for _, edit := range edits {
		edit(r)
	}
	w := httptest.NewRecorder()
	c.P.H.ServeHTTP(w, Bring(r, f))
	res := w.Result()
	CheckAnswer(c.P.T, res)
	c.Jar.SetCookies(c.URL, res.Cookies())
	return res
}

// On returns the same browser, with the same cookies, for another Probe of the site.
func (c *Client) On(p *Probe) *Client { return &Client{p, c.Jar, c.URL} }

// CheckAnswer checks what every answer with a session's cookie keeps to.
func CheckAnswer(t testing.TB, res *http.Response) {
	t.Helper()
	n := 0
	for _, ck := range res.Cookies() {
		if ck.Name != CookieName {
			continue
		}
		n++
		if !ck.Secure || !ck.HttpOnly || ck.SameSite == 0 || ck.Path != "/" || ck.Domain != "" {
			t.Errorf("the cookie's attributes are %q", ck.Raw)
		}
		if !strings.Contains(strings.ToLower(res.Header.Get("Cache-Control")), "no-store") {
			t.Errorf("Set-Cookie with Cache-Control %q", res.Header["Cache-Control"])
		}
		if !slices.Contains(res.Header["Vary"], "Cookie") {
			t.Errorf("Set-Cookie with Vary %q", res.Header["Vary"])
		}
	}
	if n > 1 {
		t.Errorf("%d cookies of the session: %q", n, res.Header["Set-Cookie"])
	}
}

// SessionCookie returns the session's cookie that an answer sets, or nil.
func SessionCookie(res *http.Response) *http.Cookie {
	for _, ck := range res.Cookies() {
		if ck.Name == CookieName {
			return ck
		}
	}
	return nil
}

// Token returns what the client holds, or "".
func (c *Client) Token() string { return c.Cookie(CookieName) }

// ID returns the ID in the client's token.
func (c *Client) ID() session.ID {
	id, _ := RawToken(c.P.T, c.Token())
	return id
}

// Cookie returns the value of a cookie, or "".
func (c *Client) Cookie(name string) string {
	for _, ck := range c.Jar.Cookies(c.URL) {
		if ck.Name == name {
			return ck.Value
		}
	}
	return ""
}

// Must has f succeed with status 200.
func (c *Client) Must(f Act) *Client {
	c.P.T.Helper()
	if res := c.Visit(f); res.StatusCode != http.StatusOK {
		c.P.T.Fatalf("status %d, want 200", res.StatusCode)
	}
	return c
}

// Anonymous is the [Client.State] of nobody with nothing.
const Anonymous = "<>"

// Describe tells who is signed in, and what the session holds.
func Describe(s *session.Session) string {
	text := "<" + s.Subject() + ">"
	for key := range s.Keys() {
		text += fmt.Sprintf(" %s=%v", key, s.Get(key))
	}
	return text
}

// Show answers with what Describe tells.
func Show(w http.ResponseWriter, _ *http.Request, s *session.Session) { io.WriteString(w, Describe(s)) }

// State returns what Show answers.
func (c *Client) State() string {
	c.P.T.Helper()
	return Text(c.P.T, c.Visit(Show))
}

// Wants checks the state.
func (c *Client) Wants(state string) {
	c.P.T.Helper()
	if got := c.State(); got != state {
		c.P.T.Errorf("the session is %q, want %q", got, state)
	}
}

// Text returns the body of an answer.
func Text(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// Must ends the test at the first error.
func Must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
