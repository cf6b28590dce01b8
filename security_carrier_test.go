package session_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session"
)

// cookies sends Cookie headers as they are, in the place of the jar's.
func cookies(lines ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header["Cookie"] = lines }
}

func TestSecurity_ID9_TwoCookiesOfTheHostPrefixAreNobody(t *testing.T) {
	p := newProbe(t, session.Config{})
	a, b := p.client().must(login(t, "a")).token(), p.client().must(login(t, "b")).token()
	p.saw()
	p.tap.took()
	good, other, forged := cookieName+"="+a, cookieName+"="+b, cookieName+"="+forgedToken()
	for _, second := range []string{other, forged, good, cookieName + "=", cookieName + "=x"} {
		for _, lines := range [][]string{
			{good + "; " + second}, {second + "; " + good}, {good, second}, {second, good},
			{"x=1; " + good + ";" + second + "; y=2"},
		} {
			if got := text(t, p.client().visit(show, cookies(lines...))); got != anonymous {
				t.Errorf("%q opens the session %q", lines, got)
			}
			if got := p.heard(); got != "duplicate cookie" {
				t.Errorf("%q: the events are %q, want a duplicate cookie", lines, got)
			}
			if calls := p.tap.took(); len(calls) != 0 {
				t.Errorf("%q: the store was asked to %v", lines, calls)
			}
		}
	}
	p.with(a).wants("<a>")
}

func TestSecurity_ID9_TheOrderOfCookiesDecidesNothing(t *testing.T) {
	p := newProbe(t, session.Config{Cookie: session.Cookie{Name: "visit"}})
	sign := func(subject string) string {
		c := p.client().must(login(t, subject))
		return "visit=" + c.cookie("visit")
	}
	a, b, f1, f2, f3 := sign("a"), sign("b"), "visit="+forgedToken(), "visit="+forgedToken(), "visit="+forgedToken()
	for _, tt := range []struct {
		name  string
		pairs []string
		want  string
		event string
		calls int // of the store, at most
	}{
		{"one good", []string{a}, "<a>", "", 1},
		{"good and forged", []string{a, f1}, "<a>", "unknown session", 2},
		{"good and two forged", []string{a, f1, f2}, "<a>", "unknown session, unknown session", 3},
		{"good and malformed", []string{a, "visit=x"}, "<a>", "malformed token", 1},
		{"good, twice", []string{a, a}, "<a>", "", 1},
		{"two good", []string{a, b}, anonymous, "duplicate cookie", 2},
		{"two good and forged", []string{a, b, f1}, anonymous, "unknown session, duplicate cookie", 3},
		{"too many", []string{a, f1, f2, f3}, anonymous, "duplicate cookie", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			permute(tt.pairs, func(pairs []string) {
				for _, lines := range [][]string{{strings.Join(pairs, "; ")}, pairs} {
					p.saw()
					p.tap.took()
					if got := text(t, p.client().visit(show, cookies(lines...))); got != tt.want {
						t.Errorf("%q opens the session %q, want %q", lines, got, tt.want)
					}
					if calls := p.tap.took(); len(calls) > tt.calls {
						t.Errorf("%q: the store was asked to %v", lines, calls)
					}
					got := p.heard()
					if strings.Count(got, ",") != strings.Count(tt.event, ",") || !strings.Contains(got, tt.event[strings.LastIndex(tt.event, ",")+1:]) {
						t.Errorf("%q: the events are %q, want %q", lines, got, tt.event)
					}
				}
			})
		})
	}
}

// permute calls f with every order of list.
func permute(list []string, f func([]string)) {
	var walk func(done, rest []string)
	walk = func(done, rest []string) {
		if len(rest) == 0 {
			f(append([]string(nil), done...))
		}
		for i := range rest {
			left := append(append([]string(nil), rest[:i]...), rest[i+1:]...)
			walk(append(done[:len(done):len(done)], rest[i]), left)
		}
	}
	walk(nil, list)
}

func TestSecurity_ID10_CaseAndQuotesMakeAnotherCookie(t *testing.T) {
	p := newProbe(t, session.Config{})
	token := p.client().must(login(t, "u")).token()
	p.tap.took()
	for _, line := range []string{
		"__host-id=" + token, "__HOST-ID=" + token, "__Host-ID=" + token,
		cookieName + `="` + token + `"`, cookieName + ` ="` + token + `"`, cookieName + `= ` + token,
		cookieName + "x=" + token, "x" + cookieName + "=" + token,
	} {
		if got := text(t, p.client().visit(show, cookies(line))); got != anonymous {
			t.Errorf("%q opens the session %q", line, got)
		}
		if calls := p.tap.took(); len(calls) != 0 {
			t.Errorf("%q: the store was asked to %v", line, calls)
		}
	}
	if got := text(t, p.client().visit(show, cookies("a=1;  "+cookieName+"="+token+"\t; b=2"))); got != "<u>" {
		t.Errorf("the cookie among others opens %q, want <u>", got)
	}
}

func TestSecurity_CK7_ANamelessCookieIsNoSession(t *testing.T) {
	p := newProbe(t, session.Config{})
	token := p.client().must(login(t, "u")).token()
	p.tap.took()
	for _, line := range []string{
		"=" + cookieName + "=" + token, "= " + cookieName + "=" + token, cookieName, cookieName + ";=" + token,
		cookieName + token, "\x00" + cookieName + "=" + token, cookieName + "\x00=" + token, ";;;", "", "=",
		cookieName + "\r\n=" + token, token, "," + cookieName + "=" + token,
	} {
		if got := text(t, p.client().visit(show, cookies(line))); got != anonymous {
			t.Errorf("%q opens the session %q", line, got)
		}
		if calls := p.tap.took(); len(calls) != 0 {
			t.Errorf("%q: the store was asked to %v", line, calls)
		}
	}
}

func TestSecurity_ID13_AnAnswerWithTheCookieIsNotStored(t *testing.T) {
	for given, want := range map[string]string{
		"":                        "no-store",
		"public, max-age=600":     "no-store",
		"private, no-cache":       "no-store",
		"no-store":                "no-store",
		"No-Store, private":       "No-Store, private",
		"private, no-store":       "private, no-store",
		"x-no-store, max-age=600": "no-store",
	} {
		p := newProbe(t, session.Config{})
		c := p.client()
		with := func(f act) act {
			return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				if given != "" {
					w.Header().Set("Cache-Control", given)
				}
				f(w, r, s)
			}
		}
		for name, f := range map[string]act{"set": set(t, "k", 1), "login": login(t, "u"), "logout": logout(t)} {
			if name == "logout" {
				c.must(login(t, "u"))
			}
			res := c.visit(with(f))
			if got := res.Header["Cache-Control"]; len(got) != 1 || got[0] != want {
				t.Errorf("%s over %q: Cache-Control is %q, want %q", name, given, got, want)
			}
		}
		// Without the cookie it is the handler's.
		c = p.client().must(set(t, "k", 1))
		if got := c.visit(with(show)).Header.Get("Cache-Control"); got != given {
			t.Errorf("a read over %q: Cache-Control is %q", given, got)
		}
	}
}

func TestSecurity_ID13_ASharedCacheGivesNobodyAnothersCookie(t *testing.T) {
	p := newProbe(t, session.Config{})
	cache := map[string]http.Header{} // as a cache that knows no Vary does it
	greet := func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.Header().Set("Cache-Control", "public, max-age=600")
		if s.IsNew() {
			s.Set("seen", true)
		}
	}
	fetch := func(c *client) http.Header {
		if stored := cache[appURL]; stored != nil {
			return stored
		}
		res := c.visit(greet)
		if cc := res.Header.Get("Cache-Control"); !strings.Contains(cc, "no-store") {
			cache[appURL] = res.Header
		}
		return res.Header
	}
	first, second := fetch(p.client()).Get("Set-Cookie"), fetch(p.client()).Get("Set-Cookie")
	if first == "" || second == "" || first == second {
		t.Errorf("two clients were given %q and %q", first, second)
	}
}

func TestSecurity_LC13_TheCookieIsTheSameWhateverTheConnection(t *testing.T) {
	p := newProbe(t, session.Config{})
	var attributes string
	for name, edit := range map[string]func(*http.Request){
		"TLS":            func(*http.Request) {},
		"plain":          func(r *http.Request) { r.TLS = nil },
		"behind a proxy": func(r *http.Request) { r.TLS = nil; r.Header.Set("X-Forwarded-Proto", "https") },
		"behind a proxy, plain": func(r *http.Request) {
			r.Header.Set("X-Forwarded-Proto", "http")
			r.Header.Set("Forwarded", "proto=http")
		},
		"HTTP/1.0": func(r *http.Request) { r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.0", 1, 0 },
	} {
		c := p.client()
		line := c.visit(set(t, "k", 1), edit).Header.Get("Set-Cookie")
		got := line[strings.Index(line, ";"):]
		if attributes == "" {
			attributes = got
		}
		if got != attributes || !strings.Contains(got, "; Secure") {
			t.Errorf("%s: the attributes are %q, elsewhere %q", name, got, attributes)
		}
	}
	insecure := newProbe(t, session.Config{Cookie: session.Cookie{Insecure: true}})
	line := insecure.client().visit(set(t, "k", 1)).Header.Get("Set-Cookie")
	if strings.Contains(line, "Secure") || !strings.Contains(line, "HttpOnly") {
		t.Errorf("with Insecure the cookie is %q", line)
	}
}

func TestSecurity_LC6_TheCookieOutlivesNothing(t *testing.T) {
	line := newProbe(t, session.Config{}).client().visit(set(t, "k", 1)).Header.Get("Set-Cookie")
	if strings.Contains(line, "Max-Age") || strings.Contains(line, "Expires") {
		t.Errorf("by default the cookie is %q", line)
	}
	const lifetime = 90 * time.Minute
	p := newProbe(t, session.Config{Lifetime: lifetime, Cookie: session.Cookie{Persistent: true}})
	c := p.client()
	for _, f := range []act{set(t, "k", 1), renew(t), login(t, "u")} {
		found := c.visit(f).Cookies()
		if len(found) != 1 || found[0].MaxAge > int(lifetime/time.Second) || found[0].MaxAge < int(lifetime/time.Second)-5 {
			t.Errorf("the persistent cookie is %v", found)
		}
	}
	_, err := session.NewManager(newTap(), session.Config{Lifetime: 401 * 24 * time.Hour, Cookie: session.Cookie{Persistent: true}})
	if err == nil || !strings.Contains(err.Error(), "400 days") {
		t.Errorf("a cookie of 401 days: %v", err)
	}
}
