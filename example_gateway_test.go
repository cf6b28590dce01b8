package session_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/guard"
	"github.com/b4468f51/session/store/memstore"
)

// A gateway signs users in and passes their requests on to a service. The
// service does not see the gateway's token, and cannot replace or clear the
// gateway's cookies. If the service keeps sessions too, give it another
// Config.App, so that its cookie has another name.
func ExampleManager_Handler_gateway() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__Host-shop", Value: "the service's own", Path: "/", Secure: true})
		w.Header().Set("Clear-Site-Data", `"cookies"`)
		http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark", Path: "/"})
		fmt.Fprintf(w, "%s is here, with %q", r.Header.Get("X-User"), r.Header.Get("Cookie"))
	}))
	defer service.Close()
	upstream, err := url.Parse(service.URL)
	if err != nil {
		log.Fatal(err)
	}

	sessions, err := session.NewManager(memstore.New(), session.Config{App: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()
	ours := []string{"__Host-shop", "__Host-shop-csrf"}

	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.Out.Header["Cookie"] = withoutCookies(r.Out.Header["Cookie"], ours)
			r.Out.Header.Set("X-User", session.FromContext(r.In.Context()).Subject()) // whatever the client said
		},
		ModifyResponse: func(res *http.Response) error {
			res.Header["Set-Cookie"] = withoutSetCookies(res.Header["Set-Cookie"], ours)
			res.Header.Del("Clear-Site-Data") // takes all cookies of the host away
			return nil
		},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/signin", func(w http.ResponseWriter, r *http.Request) {
		if err := session.FromContext(r.Context()).Login("ada"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.Handle("/", guard.RequireSubject("")(proxy))
	visit(sessions.Handler(mux), "/page", "/signin", "/page", "/page")
	// Output:
	// /page 401: Unauthorized
	// /signin 200:
	// /page 200: ada is here, with ""
	// /page 200: ada is here, with "theme=dark"
}

// withoutCookies returns the lines of a request's Cookie without some names. It
// leaves the others as the client wrote them.
func withoutCookies(lines, names []string) (kept []string) {
	for _, line := range lines {
		var pairs []string
		for pair := range strings.SplitSeq(line, ";") {
			if !hasCookieName(pair, names) {
				pairs = append(pairs, strings.TrimSpace(pair))
			}
		}
		if len(pairs) > 0 {
			kept = append(kept, strings.Join(pairs, "; "))
		}
	}
	return kept
}

// withoutSetCookies returns the Set-Cookie lines of a response without some names.
func withoutSetCookies(lines, names []string) (kept []string) {
	for _, line := range lines {
		if !hasCookieName(line, names) {
			kept = append(kept, line)
		}
	}
	return kept
}

func hasCookieName(pair string, names []string) bool {
	name, _, _ := strings.Cut(pair, "=")
	for _, n := range names {
		if strings.EqualFold(strings.TrimSpace(name), n) {
			return true
		}
	}
	return false
}
