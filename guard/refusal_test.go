package guard_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/guard"
	"github.com/b4468f51/session/internal/probe"
	"github.com/justinas/alice"
)

func TestWhoShowsPagesIsRedirectedAndAllOthersGet401(t *testing.T) {
	p := probe.New(t, session.Config{})
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
			res := p.Client().Visit(probe.Behind(guard.RequireSubject("/signin")), probe.Headers(tt.header...), func(r *http.Request) { r.Method = method })
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
	p := probe.New(t, session.Config{})
	g := guard.Guard{SignIn: "/signin", Redirects: func(r *http.Request) bool { return !strings.HasPrefix(r.URL.Path, "/api/") }}
	for target, want := range map[string]int{"/": 303, "/api/x": 401} {
		if res := p.Client().Visit(probe.Behind(g.RequireSubject), probe.Navigate, probe.Asks(target)); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", target, res.StatusCode, want)
		}
	}
	g.SignIn = "" // there is nowhere to go
	if res := p.Client().Visit(probe.Behind(g.RequireSubject), probe.Navigate, probe.Asks("/")); res.StatusCode != 401 {
		t.Errorf("without a page: %d, want 401", res.StatusCode)
	}
}

func TestA401IsShapedByTheErrorHandler(t *testing.T) {
	var challenge string
	var got error
	p := probe.New(t, session.Config{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
		challenge, got = w.Header().Get("WWW-Authenticate"), err
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(session.ErrorStatus(err))
		json.NewEncoder(w).Encode(map[string]string{"title": "sign in"})
	}})
	user := p.Client().Must(probe.Login(t, "u"))
	for name, tt := range map[string]struct {
		c    *probe.Client
		rule alice.Constructor
		want error
	}{
		"a visitor":                       {p.Client(), guard.RequireSubject("/signin"), guard.ErrSignInRequired},
		"a visitor, for what is recent":   {p.Client(), guard.RequireRecent(time.Hour, "/confirm"), guard.ErrSignInRequired},
		"a visitor, for what takes level": {p.Client(), guard.RequireLevel(0, ""), guard.ErrSignInRequired},
		"a user":                          {user, guard.RequireLevel(1, "/confirm"), guard.ErrStepUpRequired},
		"a user of long ago":              {user, guard.RequireRecent(time.Nanosecond, ""), guard.ErrStepUpRequired},
	} {
		res := tt.c.Visit(probe.Behind(tt.rule))
		if res.StatusCode != 401 || res.Header.Get("Content-Type") != "application/problem+json" || !strings.HasPrefix(probe.Text(t, res), `{"title"`) {
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
		"cookie, nobody":  {session.Config{}, nil, guard.RequireSubject(""), "Session"},
		"cookie, weak":    {session.Config{}, func(token string) []string { return []string{"Cookie", probe.CookieName + "=" + token} }, guard.RequireLevel(1, ""), `Session error="insufficient_user_authentication"`},
		"cookie, old":     {session.Config{}, func(token string) []string { return []string{"Cookie", probe.CookieName + "=" + token} }, guard.RequireRecent(time.Minute, ""), `Session error="insufficient_user_authentication", max_age="60"`},
		"bearer, nobody":  {session.Config{Header: bearer, App: "app"}, nil, guard.RequireSubject(""), `Bearer realm="app"`},
		"bearer, bad":     {session.Config{Header: bearer, App: "app"}, func(string) []string { return []string{bearer, "Bearer x"} }, guard.RequireRecent(time.Minute, ""), `Bearer realm="app", error="invalid_token"`},
		"bearer, weak":    {session.Config{Header: bearer, App: "app"}, func(token string) []string { return []string{bearer, "Bearer " + token} }, guard.RequireLevel(1, ""), `Bearer realm="app", error="insufficient_user_authentication"`},
		"bearer, old":     {session.Config{Header: bearer, App: "app"}, func(token string) []string { return []string{bearer, "Bearer " + token} }, guard.RequireRecent(time.Minute, ""), `Bearer realm="app", error="insufficient_user_authentication", max_age="60"`},
		"header, nobody":  {session.Config{Header: "X-Token"}, nil, guard.RequireSubject(""), "Session"},
		"header, bad one": {session.Config{Header: "X-Token"}, func(string) []string { return []string{"X-Token", "x"} }, guard.RequireSubject(""), "Session"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probe.New(t, tt.cfg)
				var edit func(*http.Request) = probe.Headers()
				if tt.sent != nil {
					res := p.Client().Visit(probe.Login(t, "u"))
					token := res.Header.Get("Session-Token")
					if ck := probe.SessionCookie(res); ck != nil {
						token = ck.Value
					}
					edit = probe.Headers(tt.sent(token)...)
					time.Sleep(2 * time.Minute)
				}
				res := p.Client().Visit(probe.Behind(tt.rule), edit)
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
	p := probe.New(t, session.Config{})
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
		res := p.Client().Visit(probe.Behind(guard.RequireSubject("/signin")), probe.Asks(tt.target), probe.Headers("HX-Request", "true"), probe.Headers(tt.header...), func(r *http.Request) { r.Method = tt.method })
		got := res.Header.Get("HX-Redirect")
		if tt.want == "/home" { // what is remembered is never followed
			got = guard.ReturnTo(httptest.NewRequest("GET", got, nil), "/home")
		}
		if res.StatusCode != 401 || got != tt.want {
			t.Errorf("%s: %d, HX-Redirect %q, want %q", name, res.StatusCode, got, tt.want)
		}
	}
	if res := p.Client().Visit(probe.Behind(guard.RequireSubject("")), probe.Headers("HX-Request", "true")); res.StatusCode != 401 || res.Header["Hx-Redirect"] != nil {
		t.Errorf("without a page: %d, %q", res.StatusCode, res.Header)
	}
}
