package checklist

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

func TestSecurity_ID9_TwoCookiesOfTheHostPrefixAreNobody(t *testing.T) {
	p := probe.New(t, session.Config{})
	a, b := p.Client().Must(probe.Login(t, "a")).Token(), p.Client().Must(probe.Login(t, "b")).Token()
	p.Saw()
	p.Tap.Took()
	good, other, forged := probe.CookieName+"="+a, probe.CookieName+"="+b, probe.CookieName+"="+probe.ForgedToken()
	for _, second := range []string{other, forged, good, probe.CookieName + "=", probe.CookieName + "=x"} {
		for _, lines := range [][]string{
			{good + "; " + second}, {second + "; " + good}, {good, second}, {second, good},
			{"x=1; " + good + ";" + second + "; y=2"},
		} {
			if got := probe.Text(t, p.Client().Visit(probe.Show, probe.Cookies(lines...))); got != probe.Anonymous {
				t.Errorf("%q opens the session %q", lines, got)
			}
			if got := p.Heard(); got != "duplicate cookie" {
				t.Errorf("%q: the events are %q, want a duplicate cookie", lines, got)
			}
			if calls := p.Tap.Took(); len(calls) != 0 {
				t.Errorf("%q: the store was asked to %v", lines, calls)
			}
		}
	}
	p.With(a).Wants("<a>")
}

func TestSecurity_ID9_TheOrderOfCookiesDecidesNothing(t *testing.T) {
	p := probe.New(t, session.Config{Cookie: session.Cookie{Name: "visit"}})
	sign := func(subject string) string {
		c := p.Client().Must(probe.Login(t, subject))
		return "visit=" + c.Cookie("visit")
	}
	a, b, f1, f2, f3 := sign("a"), sign("b"), "visit="+probe.ForgedToken(), "visit="+probe.ForgedToken(), "visit="+probe.ForgedToken()
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
		{"two good", []string{a, b}, probe.Anonymous, "duplicate cookie", 2},
		{"two good and forged", []string{a, b, f1}, probe.Anonymous, "unknown session, duplicate cookie", 3},
		{"too many", []string{a, f1, f2, f3}, probe.Anonymous, "duplicate cookie", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			permute(tt.pairs, func(pairs []string) {
				for _, lines := range [][]string{{strings.Join(pairs, "; ")}, pairs} {
					p.Saw()
					p.Tap.Took()
					if got := probe.Text(t, p.Client().Visit(probe.Show, probe.Cookies(lines...))); got != tt.want {
						t.Errorf("%q opens the session %q, want %q", lines, got, tt.want)
					}
					if calls := p.Tap.Took(); len(calls) > tt.calls {
						t.Errorf("%q: the store was asked to %v", lines, calls)
					}
					got := p.Heard()
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
	p := probe.New(t, session.Config{})
	token := p.Client().Must(probe.Login(t, "u")).Token()
	p.Tap.Took()
	for _, line := range []string{
		"__host-id=" + token, "__HOST-ID=" + token, "__Host-ID=" + token,
		probe.CookieName + `="` + token + `"`, probe.CookieName + ` ="` + token + `"`, probe.CookieName + `= ` + token,
		probe.CookieName + "x=" + token, "x" + probe.CookieName + "=" + token,
	} {
		if got := probe.Text(t, p.Client().Visit(probe.Show, probe.Cookies(line))); got != probe.Anonymous {
			t.Errorf("%q opens the session %q", line, got)
		}
		if calls := p.Tap.Took(); len(calls) != 0 {
			t.Errorf("%q: the store was asked to %v", line, calls)
		}
	}
	if got := probe.Text(t, p.Client().Visit(probe.Show, probe.Cookies("a=1;  "+probe.CookieName+"="+token+"\t; b=2"))); got != "<u>" {
		t.Errorf("the cookie among others opens %q, want <u>", got)
	}
}

func TestSecurity_CK7_ANamelessCookieIsNoSession(t *testing.T) {
	p := probe.New(t, session.Config{})
	token := p.Client().Must(probe.Login(t, "u")).Token()
	p.Tap.Took()
	for _, line := range []string{
		"=" + probe.CookieName + "=" + token, "= " + probe.CookieName + "=" + token, probe.CookieName, probe.CookieName + ";=" + token,
		probe.CookieName + token, "\x00" + probe.CookieName + "=" + token, probe.CookieName + "\x00=" + token, ";;;", "", "=",
		probe.CookieName + "\r\n=" + token, token, "," + probe.CookieName + "=" + token,
	} {
		if got := probe.Text(t, p.Client().Visit(probe.Show, probe.Cookies(line))); got != probe.Anonymous {
			t.Errorf("%q opens the session %q", line, got)
		}
		if calls := p.Tap.Took(); len(calls) != 0 {
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
		p := probe.New(t, session.Config{})
		c := p.Client()
		with := func(f probe.Act) probe.Act {
			return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				if given != "" {
					w.Header().Set("Cache-Control", given)
				}
				f(w, r, s)
			}
		}
		for name, f := range map[string]probe.Act{"set": probe.Set(t, "k", 1), "login": probe.Login(t, "u"), "logout": probe.Logout(t)} {
			if name == "logout" {
				c.Must(probe.Login(t, "u"))
			}
			res := c.Visit(with(f))
			if got := res.Header["Cache-Control"]; len(got) != 1 || got[0] != want {
				t.Errorf("%s over %q: Cache-Control is %q, want %q", name, given, got, want)
			}
		}
		// Without the cookie it is the handler's.
		c = p.Client().Must(probe.Set(t, "k", 1))
		if got := c.Visit(with(probe.Show)).Header.Get("Cache-Control"); got != given {
			t.Errorf("a read over %q: Cache-Control is %q", given, got)
		}
	}
}

func TestSecurity_ID13_ASharedCacheGivesNobodyAnothersCookie(t *testing.T) {
	p := probe.New(t, session.Config{})
	cache := map[string]http.Header{} // as a cache that knows no Vary does it
	greet := func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.Header().Set("Cache-Control", "public, max-age=600")
		if s.IsNew() {
			s.Set("seen", true)
		}
	}
	fetch := func(c *probe.Client) http.Header {
		if stored := cache[probe.URL]; stored != nil {
			return stored
		}
		res := c.Visit(greet)
		if cc := res.Header.Get("Cache-Control"); !strings.Contains(cc, "no-store") {
			cache[probe.URL] = res.Header
		}
		return res.Header
	}
	first, second := fetch(p.Client()).Get("Set-Cookie"), fetch(p.Client()).Get("Set-Cookie")
	if first == "" || second == "" || first == second {
		t.Errorf("two clients were given %q and %q", first, second)
	}
}

func TestSecurity_LC13_TheCookieIsTheSameWhateverTheConnection(t *testing.T) {
	p := probe.New(t, session.Config{})
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
		c := p.Client()
		line := c.Visit(probe.Set(t, "k", 1), edit).Header.Get("Set-Cookie")
		got := line[strings.Index(line, ";"):]
		if attributes == "" {
			attributes = got
		}
		if got != attributes || !strings.Contains(got, "; Secure") {
			t.Errorf("%s: the attributes are %q, elsewhere %q", name, got, attributes)
		}
	}
	insecure := probe.New(t, session.Config{Cookie: session.Cookie{Insecure: true}})
	line := insecure.Client().Visit(probe.Set(t, "k", 1)).Header.Get("Set-Cookie")
	if strings.Contains(line, "Secure") || !strings.Contains(line, "HttpOnly") {
		t.Errorf("with Insecure the cookie is %q", line)
	}
}

func TestSecurity_LC6_TheCookieOutlivesNothing(t *testing.T) {
	line := probe.New(t, session.Config{}).Client().Visit(probe.Set(t, "k", 1)).Header.Get("Set-Cookie")
	if strings.Contains(line, "Max-Age") || strings.Contains(line, "Expires") {
		t.Errorf("by default the cookie is %q", line)
	}
	const lifetime = 90 * time.Minute
	p := probe.New(t, session.Config{Lifetime: lifetime, Cookie: session.Cookie{Persistent: true}})
	c := p.Client()
	for _, f := range []probe.Act{probe.Set(t, "k", 1), probe.Renew(t), probe.Login(t, "u")} {
		found := c.Visit(f).Cookies()
		if len(found) != 1 || found[0].MaxAge > int(lifetime/time.Second) || found[0].MaxAge < int(lifetime/time.Second)-5 {
			t.Errorf("the persistent cookie is %v", found)
		}
	}
	_, err := session.NewManager(probe.NewTap(), session.Config{Lifetime: 401 * 24 * time.Hour, Cookie: session.Cookie{Persistent: true}})
	if err == nil || !strings.Contains(err.Error(), "400 days") {
		t.Errorf("a cookie of 401 days: %v", err)
	}
}
