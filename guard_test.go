package session_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/justinas/alice"
)

// navigate makes a request one by which a browser opens a page.
func navigate(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "navigate") }

// headers sets headers of a request, given as names and values.
func headers(pairs ...string) func(*http.Request) {
	return func(r *http.Request) {
		for i := 0; i < len(pairs); i += 2 {
			r.Header.Set(pairs[i], pairs[i+1])
		}
	}
}

// asks makes a request one for another target, as net/http reads it.
func asks(target string) func(*http.Request) {
	return func(r *http.Request) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			panic(err)
		}
		r.URL, r.RequestURI = u, target
	}
}

// behind makes an act of a middleware before a handler that answers 200.
func behind(guard func(http.Handler) http.Handler) act {
	h := guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "inside") }))
	return func(w http.ResponseWriter, r *http.Request, _ *session.Session) { h.ServeHTTP(w, r) }
}

func TestWhoShowsPagesIsRedirectedAndAllOthersGet401(t *testing.T) {
	p := newProbe(t, session.Config{})
	for name, tt := range map[string]struct {
		header []string
		want   int
	}{
		"a link":                 {[]string{"Sec-Fetch-Mode", "navigate", "Accept", "text/html,*/*;q=0.8"}, 303},
		"a link, Accept cut off": {[]string{"Sec-Fetch-Mode", "navigate"}, 303},
		"an old browser":         {[]string{"Accept", "application/xhtml+xml, Text/HTML;q=0.9, */*;q=0.8"}, 303},
		"Turbo":                  {[]string{"Sec-Fetch-Mode", "cors", "Accept", "text/vnd.turbo-stream.html, text/html, application/xhtml+xml"}, 303},
		"fetch":                  {[]string{"Sec-Fetch-Mode", "cors", "Accept", "*/*"}, 401},
		"fetch of JSON":          {[]string{"Sec-Fetch-Mode", "cors", "Accept", "application/json"}, 401},
		"EventSource":            {[]string{"Sec-Fetch-Mode", "cors", "Accept", "text/event-stream"}, 401},
		"an image":               {[]string{"Sec-Fetch-Mode", "no-cors", "Accept", "image/avif,image/webp,*/*;q=0.8"}, 401},
		"a WebSocket":            {[]string{"Sec-Fetch-Mode", "websocket", "Connection", "Upgrade", "Upgrade", "websocket"}, 401},
		"htmx":                   {[]string{"Sec-Fetch-Mode", "cors", "Accept", "*/*", "HX-Request", "true"}, 401},
		"htmx that accepts HTML": {[]string{"Sec-Fetch-Mode", "cors", "Accept", "text/html, text/event-stream", "HX-Request", "true"}, 401},
		"a program":              {nil, 401},
		"whoever refuses HTML":   {[]string{"Accept", "text/html;q=0, application/json"}, 401},
		"a type that begins so":  {[]string{"Accept", "text/html-sandboxed"}, 401},
	} {
		for _, method := range []string{"GET", "POST"} {
			res := p.client().visit(behind(session.RequireSubject("/signin")), headers(tt.header...), func(r *http.Request) { r.Method = method })
			if res.StatusCode != tt.want || (res.Header.Get("Location") != "") != (tt.want == 303) || (res.Header.Get("WWW-Authenticate") != "") != (tt.want == 401) {
				t.Errorf("%s, %s: %d with %q, want %d", name, method, res.StatusCode, res.Header, tt.want)
			}
			if res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s, %s: the refusal may be kept: %q", name, method, res.Header)
			}
		}
	}
}

func TestWhoIsRedirectedIsForTheApplicationToSay(t *testing.T) {
	p := newProbe(t, session.Config{})
	g := session.Guard{SignIn: "/signin", Redirects: func(r *http.Request) bool { return !strings.HasPrefix(r.URL.Path, "/api/") }}
	for target, want := range map[string]int{"/": 303, "/api/x": 401} {
		if res := p.client().visit(behind(g.RequireSubject), navigate, asks(target)); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", target, res.StatusCode, want)
		}
	}
	g.SignIn = "" // there is nowhere to go
	if res := p.client().visit(behind(g.RequireSubject), navigate, asks("/")); res.StatusCode != 401 {
		t.Errorf("without a page: %d, want 401", res.StatusCode)
	}
}

func TestA401IsShapedByTheErrorHandler(t *testing.T) {
	var challenge string
	var got error
	p := newProbe(t, session.Config{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
		challenge, got = w.Header().Get("WWW-Authenticate"), err
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(session.ErrorStatus(err))
		json.NewEncoder(w).Encode(map[string]string{"title": "sign in"})
	}})
	user := p.client().must(login(t, "u"))
	for name, tt := range map[string]struct {
		c    *client
		rule alice.Constructor
		want error
	}{
		"a visitor":                       {p.client(), session.RequireSubject("/signin"), session.ErrSignInRequired},
		"a visitor, for what is recent":   {p.client(), session.RequireRecent(time.Hour, "/confirm"), session.ErrSignInRequired},
		"a visitor, for what takes level": {p.client(), session.RequireLevel(0, ""), session.ErrSignInRequired},
		"a user":                          {user, session.RequireLevel(1, "/confirm"), session.ErrStepUpRequired},
		"a user of long ago":              {user, session.RequireRecent(time.Nanosecond, ""), session.ErrStepUpRequired},
	} {
		res := tt.c.visit(behind(tt.rule))
		if res.StatusCode != 401 || res.Header.Get("Content-Type") != "application/problem+json" || !strings.HasPrefix(text(t, res), `{"title"`) {
			t.Errorf("%s: %d %q", name, res.StatusCode, res.Header)
		}
		if !errors.Is(got, tt.want) || challenge == "" {
			t.Errorf("%s: the handler is given %v, with the challenge %q; want %v", name, got, challenge, tt.want)
		}
	}
}

// The challenges are those of RFC 6750, section 3, and RFC 9470, section 3.
func TestProgramsAreToldWhatIsMissing(t *testing.T) {
	const bearer = "Authorization"
	for name, tt := range map[string]struct {
		cfg  session.Config
		sent func(token string) []string // what the client sends
		rule alice.Constructor
		want string
	}{
		"cookie, nobody":  {session.Config{}, nil, session.RequireSubject(""), "Session"},
		"cookie, weak":    {session.Config{}, func(token string) []string { return []string{"Cookie", cookieName + "=" + token} }, session.RequireLevel(1, ""), `Session error="insufficient_user_authentication"`},
		"cookie, old":     {session.Config{}, func(token string) []string { return []string{"Cookie", cookieName + "=" + token} }, session.RequireRecent(time.Minute, ""), `Session error="insufficient_user_authentication", max_age="60"`},
		"bearer, nobody":  {session.Config{Header: bearer, App: "app"}, nil, session.RequireSubject(""), `Bearer realm="app"`},
		"bearer, bad":     {session.Config{Header: bearer, App: "app"}, func(string) []string { return []string{bearer, "Bearer x"} }, session.RequireRecent(time.Minute, ""), `Bearer realm="app", error="invalid_token"`},
		"bearer, weak":    {session.Config{Header: bearer, App: "app"}, func(token string) []string { return []string{bearer, "Bearer " + token} }, session.RequireLevel(1, ""), `Bearer realm="app", error="insufficient_user_authentication"`},
		"bearer, old":     {session.Config{Header: bearer, App: "app"}, func(token string) []string { return []string{bearer, "Bearer " + token} }, session.RequireRecent(time.Minute, ""), `Bearer realm="app", error="insufficient_user_authentication", max_age="60"`},
		"header, nobody":  {session.Config{Header: "X-Token"}, nil, session.RequireSubject(""), "Session"},
		"header, bad one": {session.Config{Header: "X-Token"}, func(string) []string { return []string{"X-Token", "x"} }, session.RequireSubject(""), "Session"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProbe(t, tt.cfg)
				var edit func(*http.Request) = headers()
				if tt.sent != nil {
					res := p.client().visit(login(t, "u"))
					token := res.Header.Get("Session-Token")
					if ck := sessionCookie(res); ck != nil {
						token = ck.Value
					}
					edit = headers(tt.sent(token)...)
					time.Sleep(2 * time.Minute)
				}
				res := p.client().visit(behind(tt.rule), edit)
				if got := res.Header["Www-Authenticate"]; res.StatusCode != 401 || len(got) != 1 || got[0] != tt.want {
					t.Errorf("%d %q, want 401 %q", res.StatusCode, got, tt.want)
				}
			})
		})
	}
}

// htmx follows HX-Redirect with the whole page, whatever the status. What it asks
// for is a part of a page, and no page to return to.
func TestHTMXReturnsToThePageItWasOn(t *testing.T) {
	p := newProbe(t, session.Config{})
	for name, tt := range map[string]struct {
		method, target string
		header         []string
		want           string
	}{
		"a part":            {"GET", "/part?x=1", []string{"HX-Current-URL", "https://app.test/list?page=2#top"}, "/signin?return_to=%2Flist%3Fpage%3D2"},
		"a form":            {"POST", "/part", []string{"HX-Current-URL", "https://app.test/list"}, "/signin?return_to=%2Flist"},
		"another site":      {"GET", "/part", []string{"HX-Current-URL", "https://evil.test/list"}, "/signin"},
		"no URL":            {"GET", "/part", []string{"HX-Current-URL", "https://app.test:x/%zz"}, "/signin"},
		"a path":            {"GET", "/part", []string{"HX-Current-URL", "/list"}, "/signin"},
		"nothing":           {"GET", "/part", nil, "/signin"},
		"two slashes":       {"GET", "/part", []string{"HX-Current-URL", "https://app.test//evil.test/"}, "/home"},
		"the sign-in page":  {"GET", "/part", []string{"HX-Current-URL", "https://app.test/signin?return_to=%2Fx"}, "/signin"},
		"a boosted link":    {"GET", "/whole?x=1", []string{"HX-Boosted", "true", "HX-Current-URL", "https://app.test/list"}, "/signin?return_to=%2Fwhole%3Fx%3D1"},
		"a boosted form":    {"POST", "/whole", []string{"HX-Boosted", "true", "HX-Current-URL", "https://app.test/list"}, "/signin?return_to=%2Flist"},
		"whoever else asks": {"GET", "/part", []string{"HX-Request", "no", "HX-Current-URL", "https://app.test/list"}, ""},
	} {
		res := p.client().visit(behind(session.RequireSubject("/signin")), asks(tt.target), headers("HX-Request", "true"), headers(tt.header...), func(r *http.Request) { r.Method = tt.method })
		got := res.Header.Get("HX-Redirect")
		if tt.want == "/home" { // what is remembered is never followed
			got = session.ReturnTo(httptest.NewRequest("GET", got, nil), "/home")
		}
		if res.StatusCode != 401 || got != tt.want {
			t.Errorf("%s: %d, HX-Redirect %q, want %q", name, res.StatusCode, got, tt.want)
		}
	}
	if res := p.client().visit(behind(session.RequireSubject("")), headers("HX-Request", "true")); res.StatusCode != 401 || res.Header["Hx-Redirect"] != nil {
		t.Errorf("without a page: %d, %q", res.StatusCode, res.Header)
	}
}

// A guard that stands under http.StripPrefix sees a path that nobody asked for.
func TestTheSignInLeadsBackToWhatWasAskedFor(t *testing.T) {
	p := newProbe(t, session.Config{})
	site := p.m.Handler(http.StripPrefix("/app", session.RequireSubject("/signin")(http.NotFoundHandler())))
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
		navigate(req)
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
		navigate(r)
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
	p := newProbe(t, session.Config{})
	for signIn, want := range map[string]string{
		"/signin":              "/signin?return_to=%2Fx%3Fy%3D1",
		"/signin?lang=de":      "/signin?lang=de&return_to=%2Fx%3Fy%3D1",
		"/signin?lang=de#form": "/signin?lang=de&return_to=%2Fx%3Fy%3D1#form",
		"/signin#form":         "/signin?return_to=%2Fx%3Fy%3D1#form",
	} {
		location := p.client().visit(behind(session.RequireSubject(signIn)), navigate, asks("/x?y=1")).Header.Get("Location")
		if location != want {
			t.Errorf("%s: to %q, want %q", signIn, location, want)
		}
		sent, _, _ := strings.Cut(location, "#")
		if got := session.ReturnTo(httptest.NewRequest("GET", sent, nil), "/"); got != "/x?y=1" {
			t.Errorf("%s: leads back to %q", signIn, got)
		}
	}
}

// A guard around a whole site, its sign-in page included, does not redirect for ever.
func TestTheSignInPagePassesItsOwnGuard(t *testing.T) {
	for name, tt := range map[string]struct {
		prefix string // that http.StripPrefix cuts off
		guard  func(g session.Guard) alice.Chain
	}{
		"a subject":        {"", func(g session.Guard) alice.Chain { return alice.New(g.RequireSubject) }},
		"a recent sign-in": {"", func(g session.Guard) alice.Chain { return alice.New(g.RequireRecent(time.Minute)) }},
		"all rules": {"", func(g session.Guard) alice.Chain {
			return alice.New(g.RequireSubject, g.RequireLevel(1), g.RequireRecent(time.Minute))
		}},
		"all rules, in a folder": {"/app", func(g session.Guard) alice.Chain {
			return alice.New(g.RequireSubject, g.RequireLevel(1), g.RequireRecent(time.Minute))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.HandleFunc("/signin", func(w http.ResponseWriter, r *http.Request) {
				if r.Method == "POST" {
					must(t, session.FromContext(r.Context()).Login("u"))
					http.Redirect(w, r, session.ReturnTo(r, "/"), http.StatusSeeOther)
				}
				fmt.Fprint(w, "sign in")
			})
			mux.HandleFunc("/confirm", func(w http.ResponseWriter, r *http.Request) {
				if r.Method == "POST" {
					must(t, session.FromContext(r.Context()).Reauthenticate(1))
					http.Redirect(w, r, session.ReturnTo(r, "/"), http.StatusSeeOther)
				}
				fmt.Fprint(w, "confirm")
			})
			mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "inside") })
			p := newProbe(t, session.Config{})
			g := session.Guard{SignIn: tt.prefix + "/signin", Confirm: tt.prefix + "/confirm"}
			site := http.StripPrefix(tt.prefix, tt.guard(g).Then(mux))
			c := p.client()
			visit := func(method, target string) (int, string, string) {
				t.Helper()
				res := c.visit(func(w http.ResponseWriter, r *http.Request, _ *session.Session) { site.ServeHTTP(w, r) },
					asks(target), navigate, func(r *http.Request) { r.Method = method })
				return res.StatusCode, text(t, res), res.Header.Get("Location")
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
	p := newProbe(t, session.Config{})
	res := p.client().visit(behind(session.RequireSubject("/signin")), navigate, asks("/signin"), func(r *http.Request) { r.URL.Path = "/tenant/signin" })
	if res.StatusCode != 200 {
		t.Errorf("%d, want 200", res.StatusCode)
	}
}

// What passes is what the router takes for the sign-in page, not what a client
// calls so.
func TestNobodyPassesByTheNameOfTheSignInPage(t *testing.T) {
	p := newProbe(t, session.Config{})
	for name, edit := range map[string]func(*http.Request){
		"rewritten":            func(r *http.Request) { r.URL.Path = "/private" },
		"rewritten in part":    func(r *http.Request) { r.URL.Path = "/signin/private" },
		"another site's":       func(r *http.Request) { asks("/x?a=/signin")(r) },
		"the page of a prefix": func(r *http.Request) { asks("/private/signin")(r) },
	} {
		res := p.client().visit(behind(session.RequireSubject("/signin")), navigate, asks("/signin"), edit)
		if res.StatusCode != 303 {
			t.Errorf("%s: %d, want 303", name, res.StatusCode)
		}
	}
	for _, signIn := range []string{"https://sso.test/signin", "//sso.test/signin", "", "?signin", "#signin"} {
		for _, target := range []string{"/signin", "/", "http://app.test"} { // the last has no path
			if res := p.client().visit(behind(session.RequireSubject(signIn)), asks(target)); res.StatusCode != 401 {
				t.Errorf("%q: %s gets %d, want 401", signIn, target, res.StatusCode)
			}
		}
	}
}

func TestReturnToNeverLeadsBackToItsOwnPage(t *testing.T) {
	for _, page := range []string{"/signin", "/signin?return_to=%2Fsignin", "/signin#x", "/signin/", "/x/../signin", "/sign%69n", "/./signin"} {
		r := httptest.NewRequest("GET", "/signin?return_to="+url.QueryEscape(page), nil)
		if got := session.ReturnTo(r, "/home"); got != "/home" {
			t.Errorf("%q leads to %q", page, got)
		}
		w := httptest.NewRecorder()
		http.StripPrefix("/app", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if got := session.ReturnTo(r, "/home"); got != page {
				t.Errorf("in a folder, %q leads to %q", page, got)
			}
		})).ServeHTTP(w, httptest.NewRequest("GET", "/app/signin?return_to="+url.QueryEscape(page), nil))
	}
}

// Of two nested managers the inner one has the users, the outer one the
// administrators: a user is none.
func TestAGuardNamesItsManager(t *testing.T) {
	admins := newProbe(t, session.Config{Cookie: session.Cookie{Name: "__Host-admin"}})
	users := newProbe(t, session.Config{Cookie: session.Cookie{Name: "__Host-user"}})
	inner := users.h
	users.h = admins.m.Handler(inner)
	user := users.client().must(login(t, "u"))
	g := session.Guard{Manager: admins.m}
	for name, rule := range map[string]alice.Constructor{
		"a subject": g.RequireSubject, "a recent sign-in": g.RequireRecent(time.Hour), "a level": g.RequireLevel(0),
	} {
		if res := user.visit(behind(rule)); res.StatusCode != 401 {
			t.Errorf("%s: a user gets %d, want 401", name, res.StatusCode)
		}
		admin := users.client().must(func(_ http.ResponseWriter, r *http.Request, _ *session.Session) {
			must(t, admins.m.FromContext(r.Context()).Login("a"))
		})
		if res := admin.visit(behind(rule)); res.StatusCode != 200 {
			t.Errorf("%s: an administrator gets %d, want 200", name, res.StatusCode)
		}
		if res := user.visit(behind(session.RequireSubject(""))); res.StatusCode != 200 {
			t.Errorf("%s: the innermost: %d, want 200", name, res.StatusCode)
		}
	}

	// A form of the one is none of the other's.
	form := func(c session.CSRF) string {
		var field string
		user.must(func(_ http.ResponseWriter, r *http.Request, _ *session.Session) {
			html, err := c.Field(r)
			if err != nil {
				t.Fatal(err)
			}
			field = string(html)
		})
		return strings.TrimSuffix(field[strings.Index(field, `value="`)+len(`value="`):], `">`)
	}
	ofAdmins, ofUsers := form(session.CSRF{Manager: admins.m}), form(session.CSRF{})
	send := func(c session.CSRF, token string) int {
		return user.visit(behind(c.Require), headers("X-CSRF-Token", token), func(r *http.Request) { r.Method = "POST" }).StatusCode
	}
	for i, got := range []int{send(session.CSRF{Manager: admins.m}, ofAdmins), send(session.CSRF{}, ofUsers), send(session.CSRF{Manager: admins.m}, ofUsers), send(session.CSRF{}, ofAdmins)} {
		if want := []int{200, 200, 403, 403}[i]; got != want {
			t.Errorf("form %d: %d, want %d", i, got, want)
		}
	}
}

// Anybody can send requests to where a guard stands that has no session there.
func TestAMisplacedGuardWritesOneLine(t *testing.T) {
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	var handled error
	p := newProbe(t, session.Config{
		Skip:         func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/static/") },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { handled = err },
	})
	for name, tt := range map[string]struct {
		guard alice.Constructor
		named bool
	}{
		"RequireSubject": {session.RequireSubject("/signin"), false},
		"RequireRecent":  {session.RequireRecent(time.Hour, ""), false},
		"RequireLevel":   {session.Guard{Manager: p.m}.RequireLevel(1), true},
		"RequireCSRF":    {session.CSRF{Manager: p.m}.Require, true},
	} {
		log.Reset()
		handled = nil
		guarded := behind(tt.guard)
		for range 50 {
			res := p.client().visit(guarded, asks("/static/app.css"), func(r *http.Request) { r.Method = "POST" })
			if res.StatusCode != 500 || text(t, res) == "inside" {
				t.Errorf("%s: %d, want 500", name, res.StatusCode)
			}
		}
		out := log.String()
		if lines := strings.Count(out, "\n"); lines != 1 || !strings.Contains(out, name) || !strings.Contains(out, "/static/app.css") {
			t.Errorf("%s: %d lines: %s", name, lines, out)
		}
		if tt.named != errors.Is(handled, session.ErrNoSession) {
			t.Errorf("%s: the ErrorHandler is given %v", name, handled)
		}
	}
}
