package frameworks_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"github.com/b4468f51/session"
)

// reverseProxy returns a proxy to a server.
func reverseProxy(t *testing.T, up *httptest.Server) *httputil.ReverseProxy {
	t.Helper()
	target, err := url.Parse(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{
		Transport: up.Client().Transport,
		ErrorLog:  quiet,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // which servers of WebSockets compare with Origin
		},
	}
}

// proxied serves a proxy below s, to an application.
func proxied(t *testing.T, s *site, app http.Handler) *browser {
	proxy := reverseProxy(t, serve(t, app))
	return browse(t, serve(t, s.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := count(r); err != nil {
			t.Error(err)
		}
		proxy.ServeHTTP(w, r)
	}))))
}

// What the proxy answers is committed as any handler's answer: server-sent
// events arrive one by one, hints before the answer, and a failure of the
// application saves nothing.
func TestProxies_ReverseProxyStandsInside(t *testing.T) {
	s := newSite(t, session.Config{})
	more := make(chan struct{})
	app := http.NewServeMux()
	app.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
		<-more
		io.WriteString(w, "data: 2\n\n")
	})
	app.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "page")
	})
	app.HandleFunc("/fails", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusBadGateway) })
	b := proxied(t, s, app)

	res, err := b.c.Do(b.request("GET", "/events", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	first, err := lines.ReadString('\n')
	close(more)
	rest, _ := io.ReadAll(lines)
	if err != nil || first != "data: 1\n" || string(rest) != "\ndata: 2\n\n" || (answer{res, ""}).sets() != cookieName {
		t.Errorf("events: %q %q %v %q", first, rest, err, res.Header)
	}

	var hints []string
	r := b.request("GET", "/hints", nil)
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprintf("%d %s %d", code, h.Get("Link"), len(h["Set-Cookie"])))
			return nil
		},
	}))
	if a := b.do(r); a.StatusCode != 200 || a.body != "page" || strings.Join(hints, "; ") != "103 </style.css>; rel=preload 0" {
		t.Errorf("hints: %d %q %q", a.StatusCode, a.body, hints)
	}

	before := s.store.writes.Load()
	b.want("/fails", 502, "no")
	if n := s.store.writes.Load() - before; n != 0 {
		t.Errorf("the application failed, and the session was written %d times", n)
	}
}
