package carrier_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/internal/carrier"
)

func TestCookieRead(t *testing.T) {
	c := carrier.Cookie{Name: "__Host-id", Path: "/"}
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
		found, different, total := c.Read(http.Header{"Cookie": test.lines})
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
	c := carrier.Cookie{Name: "__Host-id", Path: "/"}
	f.Fuzz(func(t *testing.T, a, b string) {
		h := http.Header{"Cookie": {a, b}}
		found, different, total := c.Read(h)
		if different > total || different > carrier.MaxCandidates || total > carrier.MaxCandidates+1 || total > 0 && different == 0 {
			t.Fatalf("%d different of %d", different, total)
		}
		ours := map[string]bool{}
		for _, v := range found[:different] {
			ours[v] = true
		}
		if total > carrier.MaxCandidates {
			return
		}
		if strings.ContainsAny(a+b, "\r\n") {
			return // no server lets one in
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

// The line that is put together from parts is the one that net/http writes.
func TestCookieLine(t *testing.T) { synctest.Test(t, testCookieLine) } // in one instant

func testCookieLine(t *testing.T) {
	for _, c := range []carrier.Cookie{
		{Name: "__Host-id", Path: "/", SameSite: http.SameSiteLaxMode},
		{Name: "sid", Domain: "example.com", Path: "/app", SameSite: http.SameSiteStrictMode},
		{Name: "__Host-id", Path: "/", SameSite: http.SameSiteNoneMode, Partitioned: true},
		{Name: "id", Path: "/", SameSite: http.SameSiteLaxMode, Insecure: true},
	} {
		by := carrier.New(c, "")
		for token, until := range map[string]time.Time{"abc": {}, "def": time.Now().Add(time.Hour), "": {}} {
			h := http.Header{}
			by.Write(h, token, until)
			want := by.HTTPCookie(token, until).String()
			if got := h["Set-Cookie"]; len(got) != 1 || got[0] != want || !strings.HasPrefix(want, c.Name+"="+token+";") {
				t.Errorf("%q until %v: %q, want %q", token, until, got, want)
			}
		}
	}
}

// A cookie is set once, and those of others stay.
func TestTheLastCookieOfANameStands(t *testing.T) {
	by := carrier.New(carrier.Cookie{Name: "id", Path: "/"}, "")
	h := http.Header{"Set-Cookie": {"other=1", "id=old; Path=/", "identity=2"}}
	before := h["Set-Cookie"]
	by.Write(h, "new", time.Time{})
	want := []string{"other=1", "identity=2", "id=new; Path=/; HttpOnly; Secure"}
	if !slices.Equal(h["Set-Cookie"], want) {
		t.Errorf("set are %q, want %q", h["Set-Cookie"], want)
	}
	if before[1] != "id=old; Path=/" {
		t.Errorf("the lines of before were changed where they stand: %q", before)
	}
}

func TestAHeaderCarriesATokenToo(t *testing.T) {
	for _, test := range []struct {
		header, answer string
		lines          []string
		tokens         []string // of all
		first          string
		total          int
	}{
		{"X-Token", "X-Token", []string{" a "}, []string{"a"}, "a", 1},
		{"x-token", "X-Token", []string{"a", "b"}, []string{"a", "b"}, "b", 2},
		{"Authorization", "Session-Token", []string{"Bearer a"}, []string{"a"}, "a", 1},
		{"Authorization", "Session-Token", []string{"bearer  a", "Basic b"}, []string{"a"}, "a", 1},
		{"Authorization", "Session-Token", []string{"a"}, nil, "", 0},
		{"X-Token", "X-Token", nil, nil, "", 0},
	} {
		by := carrier.New(carrier.Cookie{Name: "id"}, test.header)
		h := http.Header{http.CanonicalHeaderKey(test.header): test.lines, "Cookie": {"id=c"}}
		found, _, total := by.Read(h)
		if found[0] != test.first || total != test.total || !slices.Equal(by.All(h), test.tokens) {
			t.Errorf("%s %q: %q of %d, all are %q", test.header, test.lines, found[0], total, by.All(h))
		}
		h = http.Header{}
		by.Write(h, "new", time.Time{})
		if h.Get(test.answer) != "new" || h["Set-Cookie"] != nil || h.Get("Cache-Control") != "no-store" || !by.OnlyOne() {
			t.Errorf("%s: the response says %q", test.header, h)
		}
	}
}

// However many cookies of the name there are, All has each: they are to be ended.
func TestAllCookiesAreFound(t *testing.T) {
	by := carrier.New(carrier.Cookie{Name: "id"}, "")
	h := http.Header{"Cookie": {"id=a; id=b; x=id=y", "id=c; id=d; id=a"}}
	if got := by.All(h); !slices.Equal(got, []string{"a", "b", "c", "d", "a"}) {
		t.Errorf("all are %q", got)
	}
	for name, want := range map[string]bool{"id": false, "__Secure-id": false, "__Host-id": true, "__Host-Http-id": true} {
		by := carrier.New(carrier.Cookie{Name: name}, "")
		if by.OnlyOne() != want {
			t.Errorf("%s is one at most: %v, want %v", name, !want, want)
		}
	}
}

func TestCachesAreToldWhatTheResponseDependsOn(t *testing.T) {
	for _, test := range []struct {
		header string
		before []string
		want   []string
	}{
		{"", nil, []string{"Cookie"}},
		{"", []string{"Accept"}, []string{"Accept", "Cookie"}},
		{"", []string{"accept, cookie"}, []string{"accept, cookie"}},
		{"", []string{"*"}, []string{"*"}},
		{"", []string{"Cookies"}, []string{"Cookies", "Cookie"}},
		{"Authorization", nil, []string{"Authorization"}},
	} {
		by := carrier.New(carrier.Cookie{Name: "id"}, test.header)
		h := http.Header{}
		if test.before != nil {
			h["Vary"] = test.before
		}
		by.Vary(h, new([1]string))
		if !slices.Equal(h["Vary"], test.want) {
			t.Errorf("%q, %q: Vary is %q, want %q", test.header, test.before, h["Vary"], test.want)
		}
	}
}

// Some caches obey other headers than Cache-Control.
func TestNoCacheKeepsWhatHasAToken(t *testing.T) {
	for name, before := range map[string]string{
		"Cache-Control": "public, max-age=60", "cache-control": "public", "CDN-Cache-Control": "max-age=60",
		"Cloudflare-CDN-Cache-Control": "max-age=60", "Surrogate-Control": "max-age=60", "X-Accel-Expires": "60", "Edge-Control": "max-age=60",
	} {
		h := http.Header{name: {before}, "Content-Type": {"text/html"}}
		carrier.ForbidStore(h)
		if len(h) != 2 || h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") == "" {
			t.Errorf("%s: %s: the response says %q", name, before, h)
		}
	}
	h := http.Header{"Cache-Control": {"private, No-Store"}}
	if carrier.ForbidStore(h); h.Get("Cache-Control") != "private, No-Store" {
		t.Errorf("what forbids it already becomes %q", h)
	}
}
