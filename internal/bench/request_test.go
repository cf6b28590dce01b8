package bench

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A client sends one request again and again, and takes the responses: what a
// server would allocate for each is made once.
type client struct {
	request *http.Request
	cancel  context.CancelFunc // of the request's context; nobody calls it
	w       writer
}

// newClient returns a client with a cookie of the contestants, or without one.
func newClient(cookie string) *client {
	other := "theme=dark; lang=en"
	if cookie != "" {
		other += "; " + cookie
	}
	r := &http.Request{
		Method: "GET", URL: &url.URL{Path: "/account"}, RequestURI: "/account",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Host: "example.com", RemoteAddr: "192.0.2.1:1234", Body: http.NoBody,
		Header: http.Header{
			"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
			"Accept-Encoding": {"gzip, deflate, br"},
			"Accept-Language": {"en-US,en;q=0.5"},
			"Cookie":          {other},
			"User-Agent":      {"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
		},
	}
	// The context is what net/http makes: two values and a cancel.
	ctx := context.WithValue(context.Background(), http.ServerContextKey, new(http.Server))
	ctx = context.WithValue(ctx, http.LocalAddrContextKey, new(net.TCPAddr))
	ctx, cancel := context.WithCancel(ctx)
	return &client{request: r.WithContext(ctx), cancel: cancel, w: writer{header: http.Header{}}}
}

// do sends the request, and tells whether the handler was content.
func (c *client) do(h http.Handler) bool {
	c.w.reset()
	h.ServeHTTP(&c.w, c.request)
	return c.w.status == http.StatusOK
}

// cookie returns name and value of the session cookie that the last response
// set, or nothing.
func (c *client) cookie(tb testing.TB) string {
	lines := c.w.header["Set-Cookie"]
	if len(lines) == 0 {
		return ""
	}
	ck, err := http.ParseSetCookie(lines[0])
	if err != nil || len(lines) > 1 {
		tb.Fatalf("Set-Cookie: %q: %v", lines, err)
	}
	if ck.Name != cookieName || ck.Value == "" || ck.Path != "/" ||
		!ck.HttpOnly || !ck.Secure || ck.SameSite != http.SameSiteLaxMode || ck.MaxAge != 0 {
		tb.Fatalf("Set-Cookie: %q", lines[0])
	}
	if len(c.w.header["Cache-Control"]) != 1 || !strings.Contains(strings.Join(c.w.header["Vary"], ","), "Cookie") {
		tb.Fatalf("Set-Cookie without Cache-Control or Vary: %v", c.w.header)
	}
	return ck.Name + "=" + ck.Value
}

// A writer is the least of a ResponseWriter, to be used again.
type writer struct {
	header http.Header
	status int
	body   []byte
}

func (w *writer) reset() {
	clear(w.header)
	w.status, w.body = 0, w.body[:0]
}

func (w *writer) Header() http.Header { return w.header }

func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, p...)
	return len(p), nil
}
