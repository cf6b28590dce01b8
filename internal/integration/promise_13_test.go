package integration

import (
	"cmp"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session"
)

func secureFromZero(t *testing.T, e *env) {
	e.rule("the cookie of Config{}", defaultCookie)
	e.rule("what caches are told", cacheHeaders)
	e.rule("contradictory settings are errors", contradictions)
	e.rule("there is no way to turn HttpOnly off", httpOnly)
}

// rawCookies returns the Set-Cookie lines, with the token left out.
func rawCookies(a answer) string {
	lines := strings.Join(a.header["Set-Cookie"], "\n")
	for _, token := range a.tokens {
		if token != "" {
			lines = strings.ReplaceAll(lines, token, "TOKEN")
		}
	}
	return lines
}

func defaultCookie(t *testing.T, e *env) {
	m := e.newTLSMachine("HTTP/1.1")
	c := e.newClient().trust(m)
	const set = "__Host-id=TOKEN; Path=/; HttpOnly; Secure; SameSite=Lax"
	for _, path := range []string{"/set?k=v", "/login?u", "/renew"} {
		a := c.get(m, path)
		equal(t, "Set-Cookie of "+path, rawCookies(a), set)
		equal(t, "Cache-Control of "+path, a.header.Get("Cache-Control"), "no-store")
		equal(t, "Vary of "+path, a.header.Get("Vary"), "Cookie")
	}
	a := c.get(m, "/logout")
	equal(t, "Set-Cookie of a logout", rawCookies(a), "__Host-id=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax")
	equal(t, "Cache-Control of a logout", a.header.Get("Cache-Control"), "no-store")
	equal(t, "what the client holds then", c.token(m), "")

	// Behind a proxy that speaks TLS, a server that does not sets the same.
	plain := e.build(session.Config{})
	plain.server.Start()
	res, err := http.Get(plain.server.URL + "/login?u")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if _, attributes, _ := strings.Cut(res.Header.Get("Set-Cookie"), ";"); "__Host-id=TOKEN;"+attributes != set {
		t.Errorf("over plain HTTP: %q", res.Header.Get("Set-Cookie"))
	}

	// The defaults of what lasts, as far as a client can tell.
	m.handle("/lasts", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		idle, life := time.Until(s.Expires()), time.Until(s.Deadline())
		if idle > time.Hour || idle < 59*time.Minute || life > 24*time.Hour || life < 24*time.Hour-time.Minute {
			t.Errorf("a session lasts %v unused and %v in all", idle, life)
		}
	})
	c.get(m, "/login?u").newToken("login")
	c.get(m, "/lasts").want("the defaults", http.StatusOK, "")
}

func cacheHeaders(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	m.handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.Header().Set("Cache-Control", r.Header.Get("X-Cache-Control"))
		if vary := r.Header.Get("X-Vary"); vary != "" {
			w.Header().Set("Vary", vary)
		}
		if r.URL.RawQuery == "set" {
			if err := s.Set("k", "v"); err != nil {
				t.Error(err)
			}
		}
		s.Get("k")
	})
	for _, c := range []struct{ path, cache, vary, wantCache, wantVary string }{
		{"/", "public", "", "public", "Cookie"},
		{"/?set", "public, max-age=60", "", "no-store", "Cookie"},
		{"/?set", "private, no-store", "Accept", "private, no-store", "Accept, Cookie"},
		{"/?set", "no-cache", "accept, COOKIE", "no-store", "accept, COOKIE"},
		{"/", "no-cache", "*", "no-cache", "*"},
	} {
		a := m.as("", c.path, "X-Cache-Control", c.cache, "X-Vary", c.vary)
		equal(t, "Cache-Control of "+c.path+" with "+c.cache, strings.Join(a.header.Values("Cache-Control"), ", "), c.wantCache)
		equal(t, "Vary of "+c.path+" with "+c.vary, strings.Join(a.header.Values("Vary"), ", "), c.wantVary)
	}
}

func contradictions(t *testing.T, e *env) {
	const long = 401 * 24 * time.Hour
	for _, c := range []struct {
		names string // what the error has to name
		cfg   session.Config
	}{
		{"Lifetime", session.Config{Lifetime: time.Millisecond}},
		{"Lifetime", session.Config{Lifetime: -time.Hour}},
		{"IdleTimeout", session.Config{IdleTimeout: time.Millisecond}},
		{"IdleTimeout", session.Config{IdleTimeout: -time.Hour}},
		{"IdleTimeout", session.Config{Lifetime: time.Hour, IdleTimeout: 2 * time.Hour}},
		{"TouchInterval", session.Config{TouchInterval: -1}},
		{"TouchInterval", session.Config{IdleTimeout: time.Hour, TouchInterval: 31 * time.Minute}},
		{"Grace", session.Config{Grace: -1}},
		{"RotateEvery", session.Config{RotateEvery: time.Minute}},
		{"RotateEvery", session.Config{RotateEvery: -time.Hour}},
		{"LoadTimeout", session.Config{LoadTimeout: -1}},
		{"CommitTimeout", session.Config{CommitTimeout: -1}},
		{"CommitTimeout", session.Config{CommitTimeout: time.Minute}},
		{"MaxSize", session.Config{MaxSize: -1}},
		{"MaxSize", session.Config{MaxSize: 1 << 20}},
		{"MaxValues", session.Config{MaxValues: -1}},
		{"MaxPending", session.Config{MaxPending: -1}},
		{"App", session.Config{App: "a:b"}},
		{"App", session.Config{App: "a\nb"}},
		{"App", session.Config{App: strings.Repeat("a", 49)}},
		{"Name", session.Config{Cookie: session.Cookie{Name: "a b"}}},
		{"Name", session.Config{Cookie: session.Cookie{Name: "__host-id"}}},
		{"Domain", session.Config{Cookie: session.Cookie{Name: "__Host-id", Domain: "example.com"}}},
		{"Path", session.Config{Cookie: session.Cookie{Name: "__Host-id", Path: "/app"}}},
		{"Path", session.Config{Cookie: session.Cookie{Path: "app"}}},
		{"Insecure", session.Config{Cookie: session.Cookie{Name: "__Host-id", Insecure: true}}},
		{"Insecure", session.Config{Cookie: session.Cookie{Name: "__Secure-id", Insecure: true}}},
		{"Domain", session.Config{Cookie: session.Cookie{Domain: "not a domain"}}},
		{"SameSite", session.Config{Cookie: session.Cookie{SameSite: http.SameSiteNoneMode, Insecure: true}}},
		{"SameSite", session.Config{Cookie: session.Cookie{SameSite: http.SameSiteDefaultMode}}},
		{"Partitioned", session.Config{Cookie: session.Cookie{Partitioned: true}}},
		{"400 days", session.Config{Lifetime: long, Cookie: session.Cookie{Persistent: true}}},
	} {
		c.cfg.App = cmp.Or(c.cfg.App, appName)
		m, err := session.NewManager(e.side, c.cfg)
		if err == nil {
			m.Close()
		}
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.names)) {
			t.Errorf("%+v: the error %q does not name %s", c.cfg.Cookie, err, c.names)
		}
	}
	if _, err := session.NewManager(nil, session.Config{}); err == nil {
		t.Error("a nil store is no error")
	}
	// Every mistake is named, not only the first.
	_, err := session.NewManager(e.side, session.Config{App: appName, Grace: -1, MaxValues: -1})
	if err == nil || !strings.Contains(err.Error(), "Grace") || !strings.Contains(err.Error(), "MaxValues") {
		t.Errorf("two mistakes are reported as %v", err)
	}
	for _, cfg := range []session.Config{
		{Lifetime: time.Second, IdleTimeout: time.Second},
		{Cookie: session.Cookie{Name: "__Secure-id", Domain: "example.com", Path: "/app"}},
		{Cookie: session.Cookie{SameSite: http.SameSiteNoneMode, Partitioned: true}},
		{Cookie: session.Cookie{Persistent: true}},
	} {
		cfg.App = appName
		m, err := session.NewManager(e.side, cfg)
		if err != nil {
			t.Errorf("%+v: %v", cfg.Cookie, err)
			continue
		}
		m.Close()
	}
}

func httpOnly(t *testing.T, e *env) {
	for _, of := range []reflect.Type{reflect.TypeFor[session.Config](), reflect.TypeFor[session.Cookie]()} {
		for f := range of.Fields() {
			if strings.Contains(strings.ToLower(f.Name), "httponly") {
				t.Errorf("%v.%s", of, f.Name)
			}
			if f.Type.Kind() != reflect.Bool {
				continue
			}
			m := e.build(session.Config{})
			m.server.Close() // not needed
			cfg := session.Config{App: appName}
			target := reflect.ValueOf(&cfg.Cookie).Elem()
			if of == reflect.TypeFor[session.Config]() {
				target = reflect.ValueOf(&cfg).Elem()
			}
			target.FieldByIndex(f.Index).SetBool(true)
			if cfg.Cookie.Partitioned {
				cfg.Cookie.SameSite = http.SameSiteNoneMode
			}
			if cfg.RefuseLogin {
				cfg.MaxSessions = 1
			}
			on, err := session.NewManager(e.side, cfg)
			if err != nil {
				t.Errorf("%s: %v", f.Name, err)
				continue
			}
			defer on.Close()
			header := make(http.Header)
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com/", nil)
			if _, err := on.Start(headerWriter{header}, r); err != nil {
				t.Error(err)
			}
			line := header.Get("Set-Cookie")
			if !strings.Contains(line, "HttpOnly") || strings.Contains(line, "Secure;") == cfg.Cookie.Insecure {
				t.Errorf("with %s the cookie is %q", f.Name, line)
			}
		}
	}
}
