package guard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/guard"
	"github.com/b4468f51/session/internal/probe"
	"github.com/justinas/alice"
)

// A guard that stands under http.StripPrefix sees a path that nobody asked for.
func TestTheSignInLeadsBackToWhatWasAskedFor(t *testing.T) {
	p := probe.New(t, session.Config{})
	site := p.M.Handler(http.StripPrefix("/app", guard.RequireSubject("/signin")(http.NotFoundHandler())))
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		server := httptest.NewUnstartedServer(site)
		server.EnableHTTP2 = protocol == "HTTP/2.0"
		server.StartTLS()
		defer server.Close()
		client := server.Client()
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		req, err := http.NewRequest("GET", server.URL+"/app/a%2Fb?x=1&y=/", nil)
		if err != nil {
			t.Fatal(err)
		}
		probe.Navigate(req)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got, want := res.Header.Get("Location"), "/signin?return_to="+url.QueryEscape("/app/a%2Fb?x=1&y=/"); res.Proto != protocol || res.StatusCode != 303 || got != want {
			t.Errorf("%s: %d to %q, want %q", res.Proto, res.StatusCode, got, want)
		}
	}

	for name, edit := range map[string]func(*http.Request){
		"the whole URL, as to a proxy": func(r *http.Request) { r.RequestURI = "http://other.test/app/x?y=1" },
		"none, as in a test":           func(r *http.Request) { r.RequestURI = "" },
		"no path":                      func(r *http.Request) { r.RequestURI = "app.test:443" },
	} {
		r := httptest.NewRequest("GET", "/app/x?y=1", nil)
		probe.Navigate(r)
		edit(r)
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		want := "/app/x?y=1"
		if name != "the whole URL, as to a proxy" { // there is but the rest
			want = "/x?y=1"
		}
		if got := w.Header().Get("Location"); got != "/signin?return_to="+url.QueryEscape(want) {
			t.Errorf("%s: to %q, want %q", name, got, want)
		}
	}
}

func TestASignInPageWithAQueryRemembersThePageToo(t *testing.T) {
	p := probe.New(t, session.Config{})
	for signIn, want := range map[string]string{
		"/signin":              "/signin?return_to=%2Fx%3Fy%3D1",
		"/signin?lang=de":      "/signin?lang=de&return_to=%2Fx%3Fy%3D1",
		"/signin?lang=de#form": "/signin?lang=de&return_to=%2Fx%3Fy%3D1#form",
		"/signin#form":         "/signin?return_to=%2Fx%3Fy%3D1#form",
	} {
		location := p.Client().Visit(probe.Behind(guard.RequireSubject(signIn)), probe.Navigate, probe.Asks("/x?y=1")).Header.Get("Location")
		if location != want {
			t.Errorf("%s: to %q, want %q", signIn, location, want)
		}
		sent, _, _ := strings.Cut(location, "#")
		if got := guard.ReturnTo(httptest.NewRequest("GET", sent, nil), "/"); got != "/x?y=1" {
			t.Errorf("%s: leads back to %q", signIn, got)
		}
	}
}

// A guard around a whole site, its sign-in page included, does not redirect for ever.
func TestTheSignInPagePassesItsOwnGuard(t *testing.T) {
	for name, tt := range map[string]struct {
		prefix string // that http.StripPrefix cuts off
		guard  func(g guard.Guard) alice.Chain
	}{
		"a subject":        {"", func(g guard.Guard) alice.Chain { return alice.New(g.RequireSubject) }},
		"a recent sign-in": {"", func(g guard.Guard) alice.Chain { return alice.New(g.RequireRecent(time.Minute)) }},
		"all rules": {"", func(g guard.Guard) alice.Chain {
			return alice.New(g.RequireSubject, g.RequireLevel(1), g.RequireRecent(time.Minute))
		}},
		"all rules, in a folder": {"/app", func(g guard.Guard) alice.Chain {
			return alice.New(g.RequireSubject, g.RequireLevel(1), g.RequireRecent(time.Minute))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.HandleFunc("/signin", func(w http.ResponseWriter, r *http.Request) {
				if r.Method == "POST" {
					probe.Must(t, session.FromContext(r.Context()).Login("u"))
					http.Redirect(w, r, guard.ReturnTo(r, "/"), http.StatusSeeOther)
				}
				fmt.Fprint(w, "sign in")
			})
			mux.HandleFunc("/confirm", func(w http.ResponseWriter, r *http.Request) {
				if r.Method == "POST" {
					probe.Must(t, session.FromContext(r.Context()).Reauthenticate(1))
					http.Redirect(w, r, guard.ReturnTo(r, "/"), http.StatusSeeOther)
				}
				fmt.Fprint(w, "confirm")
			})
			mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "inside") })
			p := probe.New(t, session.Config{})
			g := guard.Guard{SignIn: tt.prefix + "/signin", Confirm: tt.prefix + "/confirm"}
			site := http.StripPrefix(tt.prefix, tt.guard(g).Then(mux))
			c := p.Client()
			visit := func(method, target string) (int, string, string) {
				t.Helper()
				res := c.Visit(func(w http.ResponseWriter, r *http.Request, _ *session.Session) { site.ServeHTTP(w, r) },
					probe.Asks(target), probe.Navigate, func(r *http.Request) { r.Method = method })
				return res.StatusCode, probe.Text(t, res), res.Header.Get("Location")
			}
			wants := func(method, target string, status int, body, location string) {
				t.Helper()
				code, shown, to := visit(method, target)
				if code != status || body != "" && shown != body || to != location {
					t.Errorf("%s %s: %d %q, to %q; want %d %q, to %q", method, target, code, shown, to, status, body, location)
				}
			}
			page := tt.prefix + "/signin?return_to=" + url.QueryEscape(tt.prefix+"/private?x=1")
			wants("GET", tt.prefix+"/private?x=1", 303, "", page)
			wants("GET", page, 200, "sign in", "")
			// Another spelling is sent to the right one, and none remembers itself.
			for _, spelling := range []string{"/signin/", "/./signin", "/private/../signin", "/signi%6e", "//signin", "/signin%2F"} {
				wants("GET", tt.prefix+spelling, 303, "", tt.prefix+"/signin")
			}
			wants("POST", page, 303, "", tt.prefix+"/private?x=1")
			if strings.HasPrefix(name, "all") {
				wants("GET", tt.prefix+"/private", 303, "", tt.prefix+"/confirm?return_to="+url.QueryEscape(tt.prefix+"/private"))
				wants("GET", tt.prefix+"/confirm", 200, "confirm", "")
				wants("POST", tt.prefix+"/confirm", 303, "", "/")
			}
			wants("GET", tt.prefix+"/private", 200, "inside", "")
		})
	}
}

// A router that is given the tenant's folder in front still has that sign-in page.
func TestTheSignInPagePassesWithAFolderInFront(t *testing.T) {
	p := probe.New(t, session.Config{})
	res := p.Client().Visit(probe.Behind(guard.RequireSubject("/signin")), probe.Navigate, probe.Asks("/signin"), func(r *http.Request) { r.URL.Path = "/tenant/signin" })
	if res.StatusCode != 200 {
		t.Errorf("%d, want 200", res.StatusCode)
	}
}

// What passes is what the router takes for the sign-in page, not what a client
// calls so.
func TestNobodyPassesByTheNameOfTheSignInPage(t *testing.T) {
	p := probe.New(t, session.Config{})
	for name, edit := range map[string]func(*http.Request){
		"rewritten":            func(r *http.Request) { r.URL.Path = "/private" },
		"rewritten in part":    func(r *http.Request) { r.URL.Path = "/signin/private" },
		"another site's":       func(r *http.Request) { probe.Asks("/x?a=/signin")(r) },
		"the page of a prefix": func(r *http.Request) { probe.Asks("/private/signin")(r) },
	} {
		res := p.Client().Visit(probe.Behind(guard.RequireSubject("/signin")), probe.Navigate, probe.Asks("/signin"), edit)
		if res.StatusCode != 303 {
			t.Errorf("%s: %d, want 303", name, res.StatusCode)
		}
	}
	for _, signIn := range []string{"https://sso.test/signin", "//sso.test/signin", "", "?signin", "#signin"} {
		for _, target := range []string{"/signin", "/", "http://app.test"} { // the last has no path
			if res := p.Client().Visit(probe.Behind(guard.RequireSubject(signIn)), probe.Asks(target)); res.StatusCode != 401 {
				t.Errorf("%q: %s gets %d, want 401", signIn, target, res.StatusCode)
			}
		}
	}
}
