package session

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/store"
)

// noStore is for managers that need none.
type noStore struct{ store.Store }

func TestContradictorySettingsAreErrors(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		says string // what the error must name
	}{
		{Config{Lifetime: time.Millisecond}, "Lifetime"},
		{Config{Lifetime: -time.Hour}, "Lifetime"},
		{Config{IdleTimeout: time.Millisecond}, "IdleTimeout"},
		{Config{Lifetime: time.Hour, IdleTimeout: 2 * time.Hour}, "IdleTimeout 2h0m0s exceeds Lifetime 1h0m0s"},
		{Config{TouchInterval: -1}, "TouchInterval"},
		{Config{TouchInterval: 31 * time.Minute}, "TouchInterval"},
		{Config{Grace: -1}, "Grace"},
		{Config{RotateEvery: -1}, "RotateEvery"},
		{Config{RotateEvery: time.Minute}, "RotateEvery"},
		{Config{LoadTimeout: -1}, "LoadTimeout"},
		{Config{CommitTimeout: -1}, "CommitTimeout"},
		{Config{CommitTimeout: 31 * time.Second}, "CommitTimeout"},
		{Config{MaxSize: -1}, "MaxSize"},
		{Config{MaxSize: 1 << 20}, "MaxSize"},
		{Config{MaxValues: -1}, "MaxValues"},
		{Config{MaxPending: -1}, "MaxPending"},
		{Config{App: "a:b"}, `App is "a:b"`},
		{Config{App: "a b"}, "App"},
		{Config{App: "a;b"}, "App"},
		{Config{App: "a\x00"}, "App"},
		{Config{App: "ü"}, "App"},
		{Config{App: ".a"}, "App"},
		{Config{App: "__Host-a"}, "App"},
		{Config{App: "-a"}, "App"},
		{Config{App: "shop-csrf"}, "App"},
		{Config{App: strings.Repeat("a", 49)}, "App"},
		{Config{Lifetime: 401 * 24 * time.Hour, Cookie: Cookie{Persistent: true}}, "400 days"},
		{Config{MaxLifetime: time.Hour}, "MaxLifetime"},
		{Config{MaxIdleTimeout: time.Minute}, "MaxIdleTimeout"},
		{Config{MaxIdleTimeout: 25 * time.Hour}, "MaxIdleTimeout"},
		{Config{AnonymousLifetime: time.Millisecond}, "AnonymousLifetime"},
		{Config{AnonymousLifetime: 25 * time.Hour}, "AnonymousLifetime"},
		{Config{MaxSessions: -1}, "MaxSessions"},
		{Config{MaxSessions: 1}, "can list"},
		{Config{RefuseLogin: true}, "MaxSessions"},
		{Config{Header: "X Session"}, "Header"},
		{Config{Header: "cookie"}, "Header"},
		{Config{Cookie: Cookie{Name: "a b"}}, "Cookie"},
		{Config{Cookie: Cookie{Name: strings.Repeat("a", 65)}}, "Name"},
		{Config{Cookie: Cookie{Name: "__Host-id", Domain: "example.com"}}, "Domain"},
		{Config{Cookie: Cookie{Name: "__Host-id", Path: "/app"}}, "Path"},
		{Config{Cookie: Cookie{Name: "__Host-id", Insecure: true}}, "Insecure"},
		{Config{Cookie: Cookie{Name: "__Secure-id", Insecure: true}}, "Insecure"},
		{Config{Cookie: Cookie{Name: "__host-id"}}, "__Host-"},
		{Config{Cookie: Cookie{Name: "__SECURE-id"}}, "__Secure-"},
		{Config{Cookie: Cookie{Path: "app"}}, "Path"},
		{Config{Cookie: Cookie{Path: "/a;b"}}, "Path"},
		{Config{Cookie: Cookie{Domain: "exa mple"}}, "Domain"},
		{Config{Cookie: Cookie{SameSite: http.SameSiteDefaultMode}}, "SameSite"},
		{Config{Cookie: Cookie{SameSite: 17}}, "SameSite"},
		{Config{Cookie: Cookie{SameSite: http.SameSiteNoneMode, Insecure: true}}, "SameSite"},
		{Config{Cookie: Cookie{Partitioned: true}}, "Partitioned"},
		{Config{Cookie: Cookie{Partitioned: true, SameSite: http.SameSiteNoneMode, Insecure: true}}, "Partitioned"},
	} {
		m, err := NewManager(noStore{}, c.cfg)
		if err == nil {
			m.Close()
			t.Errorf("%+v was accepted, want an error about %s", c.cfg, c.says)
		} else if !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "session: ") {
			t.Errorf("the error is %q, want it to name %s", err, c.says)
		}
	}
	if _, err := NewManager(nil, Config{}); err == nil {
		t.Error("a nil store was accepted")
	}
}

func TestSettingsThatAreAccepted(t *testing.T) {
	for _, cfg := range []Config{
		{},
		{Lifetime: time.Second},
		{Lifetime: 10 * time.Minute},
		{Lifetime: time.Hour, IdleTimeout: time.Hour},
		{RotateEvery: 10 * time.Minute},
		{MaxSize: 1_000_000},
		{App: "a"},
		{App: "7.Shop_of-us"},
		{App: strings.Repeat("a", 48)},
		{GCInterval: -1},
		{Cookie: Cookie{Insecure: true}},
		{Cookie: Cookie{Name: "sid", Domain: "example.com", Path: "/app"}},
		{Cookie: Cookie{Name: "__Secure-sid", Domain: "example.com"}},
		{Cookie: Cookie{Name: "__Host-Http-sid"}},
		{Header: "x-session"},
		{MaxLifetime: 500 * 24 * time.Hour, MaxIdleTimeout: 500 * 24 * time.Hour},
		{Lifetime: 10 * time.Minute, AnonymousLifetime: time.Minute},
		{Cookie: Cookie{SameSite: http.SameSiteStrictMode, Persistent: true}},
		{Cookie: Cookie{SameSite: http.SameSiteNoneMode, Partitioned: true}},
	} {
		m, err := NewManager(noStore{}, cfg)
		if err != nil {
			t.Errorf("%+v: %v", cfg, err)
			continue
		}
		m.Close()
	}
}

func TestEveryMistakeIsNamed(t *testing.T) {
	_, err := NewManager(noStore{}, Config{Lifetime: -1, MaxSize: -1, Cookie: Cookie{Path: "x"}, NotBefore: noStore{}, MaxSessions: 1})
	for _, want := range []string{"Lifetime", "MaxSize", "Path", "NotBefore", "MaxSessions"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestCookieNameByDefault(t *testing.T) {
	for name, c := range map[string]Cookie{
		"__Host-id": {},
		"id":        {Insecure: true},
	} {
		if got := c.withDefaults("").Name; got != name {
			t.Errorf("%+v is named %s, want %s", c, got, name)
		}
	}
	for _, c := range []Cookie{{Domain: "example.com"}, {Path: "/a"}} {
		if got := c.withDefaults("").Name; got != "id" {
			t.Errorf("%+v is named %s, want id", c, got)
		}
	}
}

func TestCookieRead(t *testing.T) {
	c := Cookie{}.withDefaults("")
	for _, test := range []struct {
		lines            []string
		different, total int
	}{
		{nil, 0, 0},
		{[]string{""}, 0, 0},
		{[]string{"__Host-id=a"}, 1, 1},
		{[]string{"x=1; __Host-id=a; y=2"}, 1, 1},
		{[]string{"x=1;__Host-id=a ;y=2"}, 1, 1},
		{[]string{"x=__Host-id=a"}, 0, 0},
		{[]string{"=__Host-id=a"}, 0, 0}, // nameless: RFC 6265bis 5.7 step 3
		{[]string{"__Host-id"}, 0, 0},
		{[]string{"__host-id=a"}, 0, 0},
		{[]string{"__Host-id2=a"}, 0, 0},
		{[]string{"__Host-id="}, 1, 1},
		{[]string{"__Host-id =a"}, 0, 0},
		{[]string{"__Host-id=a; __Host-id=a"}, 1, 2},
		{[]string{"__Host-id=a", "__Host-id=b"}, 2, 2},
		{[]string{"__Host-id=a;__Host-id=b;__Host-id=c;__Host-id=d;__Host-id=e"}, 3, 4},
		{[]string{";;;=;; ;"}, 0, 0},
	} {
		found, different, total := c.read(http.Header{"Cookie": test.lines})
		if different != test.different || total != test.total {
			t.Errorf("%q: %d different of %d, want %d of %d", test.lines, different, total, test.different, test.total)
		}
		if different > 0 && found[0] != "a" && found[0] != "" {
			t.Errorf("%q: the first is %q", test.lines, found[0])
		}
	}
}

// FuzzCookieRead: where there is one cookie of the name, it is the one that
// net/http finds, and reading never panics.
func FuzzCookieRead(f *testing.F) {
	f.Add("__Host-id=abc", "")
	f.Add("a=b; __Host-id=abc; c", "__Host-id=d")
	f.Add(`__Host-id="abc"`, ";;")
	c := Cookie{}.withDefaults("")
	f.Fuzz(func(t *testing.T, a, b string) {
		h := http.Header{"Cookie": {a, b}}
		found, different, total := c.read(h)
		if different > total || different > maxCandidates || total > maxCandidates+1 || total > 0 && different == 0 {
			t.Fatalf("%d different of %d", different, total)
		}
		ours := map[string]bool{}
		for _, v := range found[:different] {
			ours[v] = true
		}
		if total > maxCandidates {
			return
		}
		for _, ck := range (&http.Request{Header: h}).CookiesNamed(c.Name) {
			// It drops quotes, trims names, and does without "=", which are
			// not ours then.
			if !ck.Quoted && ck.Value != "" && !ours[ck.Value] && !strings.Contains(a+b, c.Name+" ") && !strings.Contains(a+b, c.Name+"\t") {
				t.Errorf("%q, %q: net/http finds %q", a, b, ck.Value)
			}
		}
	})
}

func TestLimitedContext(t *testing.T) {
	parent, cancel := context.WithCancel(context.Background())
	c := limit(parent, time.Hour)
	if d, ok := c.Deadline(); !ok || time.Until(d) > time.Hour || c.Err() != nil {
		t.Error("no deadline, or over already")
	}
	cancel()
	<-c.Done()
	if c.Err() != context.Canceled {
		t.Errorf("%v, want Canceled", c.Err())
	}
	d := detach(parent, time.Millisecond)
	if d.Err() != nil {
		t.Error("a detached context ends with its parent")
	}
	<-d.Done()
	if d.Err() != context.DeadlineExceeded {
		t.Errorf("%v, want DeadlineExceeded", d.Err())
	}
	past := limit(context.Background(), -time.Second)
	if past.Err() != context.DeadlineExceeded {
		t.Errorf("%v, want DeadlineExceeded", past.Err())
	}

	// What is derived from it sees its end, however that comes.
	for _, late := range []bool{false, true} {
		r := limit(context.Background(), time.Hour)
		if late {
			r.release()
		}
		derived, cancel := context.WithCancel(r)
		defer cancel()
		r.release()
		<-derived.Done()
		if r.Err() != context.Canceled || derived.Err() != context.Canceled {
			t.Errorf("after release: %v, and %v of what is derived, want Canceled", r.Err(), derived.Err())
		}
	}
}

// TestDerivedContextsTakeNoGoroutine: one for each query of a database would.
func TestDerivedContextsTakeNoGoroutine(t *testing.T) {
	parent, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []*limitedContext{limit(parent, time.Hour), detach(parent, time.Hour)} {
		before := runtime.NumGoroutine()
		for range 100 {
			_, cancel := context.WithCancel(c)
			defer cancel()
		}
		if n := runtime.NumGoroutine() - before; n > 10 { // some of other tests may have begun
			t.Errorf("%d goroutines for 100 derived contexts", n)
		}
		c.release()
	}
	cancel()
	d := detach(parent, time.Hour)
	if err := context.Cause(d); err != nil {
		t.Errorf("a detached context has a cause: %v", err)
	}
	derived, cancelDerived := context.WithCancel(d)
	defer cancelDerived()
	if derived.Err() != nil || context.Cause(d) != nil {
		t.Errorf("what is derived from a detached context ends with the parent: %v", derived.Err())
	}
}

// The line that is put together from parts is the one that net/http writes.
func TestCookieLine(t *testing.T) { synctest.Test(t, testCookieLine) } // in one instant

func testCookieLine(t *testing.T) {
	for _, cfg := range []Config{
		{},
		{Cookie: Cookie{Name: "sid", Domain: "example.com", Path: "/app", SameSite: http.SameSiteStrictMode}},
		{Cookie: Cookie{SameSite: http.SameSiteNoneMode, Partitioned: true}},
		{Cookie: Cookie{Insecure: true}},
		{Cookie: Cookie{Persistent: true}},
	} {
		m, err := NewManager(noStore{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		for _, token := range []sentToken{{text: "abc"}, {text: "abc", until: time.Now().Add(time.Hour)}, {}} {
			if got, want := m.cookieLine(&token), m.cfg.Cookie.cookie(token.text, token.until).String(); got != want {
				t.Errorf("%+v: %q, want %q", token, got, want)
			}
		}
	}
}
