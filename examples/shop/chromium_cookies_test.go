package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/cookiestore"
	"github.com/b4468f51/session/store/memstore"
	"github.com/chromedp/chromedp"
)

// What browsers drop without a word the library must not send. These tests hold
// its limits and its names against a browser; the shop has no part in them.

// cookieSite serves a manager without TLS on localhost: /set?n puts n bytes into
// the session, /size tells how many there are, /cookies what the browser has sent.
func cookieSite(t *testing.T, m *session.Manager) (url string, handler http.Handler) {
	mux := http.NewServeMux()
	mux.HandleFunc("/set", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.URL.RawQuery)
		if err != nil {
			t.Error(err)
		}
		s := session.FromContext(r.Context())
		if err := errors.Join(s.Set("k", strings.Repeat("x", n)), s.Save(r.Context())); err != nil {
			http.Error(w, "too large", http.StatusInsufficientStorage)
			return
		}
		fmt.Fprint(w, "set")
	})
	mux.HandleFunc("/size", func(w http.ResponseWriter, r *http.Request) {
		text, _ := session.FromContext(r.Context()).Get("k").(string)
		fmt.Fprintf(w, "%d bytes", len(text))
	})
	mux.HandleFunc("/cookies", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "cookies: ", r.Header["Cookie"])
	})
	handler = m.Handler(mux)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1), handler
}

// largestSealed returns how many bytes fit into a sealed session, and how long name and
// value of its cookie are then.
func largestSealed(h http.Handler) (n, cookie int) {
	for n = 3000; n > 0; n-- {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/set?"+strconv.Itoa(n), nil))
		if w.Code == http.StatusOK {
			pair, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
			return n, len(pair) - len("=")
		}
	}
	return 0, 0
}

func TestSecurity_CK4_ChromiumKeepsTheLargestSealedCookie(t *testing.T) {
	keys, err := cookiestore.New(cookiestore.GenerateKey())
	if err != nil {
		t.Fatal(err)
	}
	// Base64 grows by steps: with one of these names the largest cookie has the
	// last byte that browsers take.
	for _, app := range []string{"a", "ab", "abc", "abcd"} {
		m, err := session.NewSealed(keys, session.Config{App: app, MaxSize: 3072})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		site, handler := cookieSite(t, m)
		n, size := largestSealed(handler)
		if size < 4096 {
			continue
		}
		b := startChromium(t, site, "laptop")
		b.open("/set?" + strconv.Itoa(n))
		b.wants("/set", "set")
		b.open("/size")
		b.wants("/size", fmt.Sprintf("%d bytes", n))
		b.open("/set?" + strconv.Itoa(n+1))
		b.wants("/set", "too large")
		b.open("/size")
		b.wants("/size", fmt.Sprintf("%d bytes", n))
		if size > 4096 {
			t.Errorf("a cookie of %d bytes was sent", size)
		}
		return
	}
	t.Error("no cookie has 4,096 bytes")
}

// A script on the site can put a cookie of its own in the place of a __Host-
// cookie, and so have a visitor use a session that somebody else knows. It cannot
// with one of the two prefixes that rule scripts out.
func TestSecurity_CK2_ChromiumKeepsScriptsOffTheHTTPPrefixes(t *testing.T) {
	for name, scripts := range map[string]bool{"__Host-id": true, "__Host-Http-id": false, "__Http-id": false} {
		m, err := session.NewManager(memstore.New(), session.Config{Cookie: session.Cookie{Name: name}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		site, _ := cookieSite(t, m)
		b := startChromium(t, site, "laptop")
		b.open("/size")
		got(b, chromedp.Evaluate[string](`document.cookie = "`+name+`=script; path=/; secure"`))
		b.open("/cookies")
		if page := got(b, chromedp.Text("body")); strings.Contains(page, name+"=script") != scripts {
			t.Errorf("%s: a script sets it: %v; %s", name, !scripts, page)
		}
		b.open("/set?7")
		b.open("/size")
		b.wants("/size", "7 bytes")
		b.open("/cookies")
		b.wants("/cookies", name+"=")
	}
}
