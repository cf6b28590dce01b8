package probe

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Quiet is the log of servers that are to meet errors.
var Quiet = log.New(io.Discard, "", 0)

// A Version is a version of HTTP to serve.
type Version string

// The versions that there are tests for.
const (
	HTTP1 Version = "HTTP/1.1"
	HTTP2 Version = "HTTP/2.0"
)

// Serve serves h over the network, and returns a client that keeps cookies.
func Serve(t testing.TB, version Version, h http.Handler) (*httptest.Server, *http.Client) {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = version == HTTP2
	srv.Config.ErrorLog = Quiet
	srv.StartTLS()
	t.Cleanup(srv.Close)
	c := srv.Client()
	c.Jar = (&Probe{T: t}).Client().Jar
	return srv, c
}

// Fetch requests a URL and reads all of the answer. The error is that of either.
func Fetch(t testing.TB, c *http.Client, r *http.Request) (*http.Response, string, error) {
	t.Helper()
	res, err := c.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, string(b), err
}

// Get is Fetch without an error.
func Get(t testing.TB, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, body, err := Fetch(t, c, r)
	if err != nil {
		t.Fatal(err)
	}
	CheckAnswer(t, res)
	return res, body
}
