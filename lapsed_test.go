package session_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

// deadTokens makes tokens that are good for nothing, each in a way of its own.
var deadTokens = map[string]func(p *probe) string{
	"expired":   func(p *probe) string { token := p.signed("u"); time.Sleep(25 * time.Hour); return token },
	"revoked":   func(p *probe) string { token := p.signed("u"); p.m.RevokeAll(p.t.Context(), "u"); return token },
	"unknown":   func(*probe) string { return forgedToken() },
	"malformed": func(*probe) string { return "what-another-library-left" },
	"empty":     func(*probe) string { return "" },
	"replaced long ago": func(p *probe) string {
		c := p.killed("u")
		time.Sleep(2 * time.Minute)
		return c.token()
	},
	"of a corrupt record": func(p *probe) string {
		token := p.signed("u")
		id, _ := rawToken(p.t, token)
		p.tap.poison(func(rec store.Record) store.Record {
			if rec.ID == id {
				rec.Data = []byte("garbage")
			}
			return rec
		})
		return token
	},
}

func asksLapsed(t testing.TB, want bool) act {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if got := s.Lapsed(); got != want {
			t.Errorf("lapsed: %v, want %v", got, want)
		}
	}
}

func TestADeadCookieIsTakenAway(t *testing.T) {
	for name, make := range deadTokens {
		synctest.Test(t, func(t *testing.T) {
			p := newProbe(t, session.Config{})
			token := make(p)
			for what, f := range map[string]act{
				"Lapsed":          asksLapsed(t, true),
				"Session.Destroy": logout(t),
				"Manager.Destroy": func(w http.ResponseWriter, r *http.Request, _ *session.Session) { must(t, p.m.Destroy(w, r)) },
				"both": func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					asksLapsed(t, true)(w, r, s)
					logout(t)(w, r, s)
				},
				"an answer that failed": func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					asksLapsed(t, true)(w, r, s)
					w.WriteHeader(http.StatusInternalServerError)
				},
			} {
				c := p.client()
				res := c.visit(f, cookies(cookieName+"="+token))
				if ck := sessionCookie(res); ck == nil || ck.MaxAge >= 0 || ck.Value != "" {
					t.Errorf("%s, %s: the cookie is %v, want it cleared", name, what, res.Cookies())
				}
				c.visit(asksLapsed(t, false))
			}
			// Who is not told anything keeps it, and a new session takes its place.
			if res := p.client().visit(show, cookies(cookieName+"="+token)); len(res.Cookies()) > 0 {
				t.Errorf("%s: a page that does not ask sets %v", name, res.Cookies())
			}
			res := p.client().visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				asksLapsed(t, true)(w, r, s)
				must(t, s.Set("k", 1))
			}, cookies(cookieName+"="+token))
			if ck := sessionCookie(res); ck == nil || ck.Value == "" {
				t.Errorf("%s: a new session has the cookies %v", name, res.Cookies())
			}
			res = p.client().visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				saved(t, set(t, "k", 1))(w, r, s)
				asksLapsed(t, true)(w, r, s)
			}, cookies(cookieName+"="+token))
			if ck := sessionCookie(res); ck == nil || ck.Value == "" {
				t.Errorf("%s: a new session that was saved before has the cookies %v", name, res.Cookies())
			}
		})
	}
}

func TestADeadTokenInAHeaderIsTakenAway(t *testing.T) {
	for header, back := range map[string]string{"Authorization": "Session-Token", "X-Token": "X-Token"} {
		synctest.Test(t, func(t *testing.T) {
			p := newProbe(t, session.Config{Header: header})
			present := func(token string) func(*http.Request) {
				if header == "Authorization" {
					token = "Bearer " + token
				}
				return func(r *http.Request) { r.Header.Set(header, token) }
			}
			token := p.client().visit(login(t, "u")).Header.Get(back)
			if res := p.client().visit(show, present(token)); text(t, res) != "<u>" {
				t.Fatalf("%s: the token is not good", header)
			}
			time.Sleep(25 * time.Hour)
			for what, f := range map[string]act{"Lapsed": asksLapsed(t, true), "Destroy": logout(t)} {
				h := p.client().visit(f, present(token)).Header
				if got, ok := h[back]; !ok || len(got) != 1 || got[0] != "" {
					t.Errorf("%s, %s: the header is %q, want an empty one", header, what, got)
				}
			}
			if h := p.client().visit(show, present(token)).Header; h[back] != nil {
				t.Errorf("%s: a page that does not ask has %q", header, h[back])
			}
			if h := p.client().visit(asksLapsed(t, false)).Header; h[back] != nil {
				t.Errorf("%s: a request without a token is answered with %q", header, h[back])
			}
		})
	}
}

// A client that holds a better token by now, or may do so, loses none.
func TestACookieThatMayBeGoodIsNotTakenAway(t *testing.T) {
	p := newProbe(t, session.Config{})
	stale := p.killed("u")
	res := stale.visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if !s.Lapsed() || s.Destroy(r.Context()) == nil {
			t.Error("a token that was replaced a moment ago is good")
		}
	})
	if len(res.Cookies()) > 0 {
		t.Errorf("with a stale token: %v", res.Cookies())
	}
	res = stale.visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Login("u"))
		s.Lapsed()
		s.Discard()
		s.Lapsed()
	})
	if len(res.Cookies()) > 0 {
		t.Errorf("with a stale token, after a sign-in that was discarded: %v", res.Cookies())
	}

	// One of several may have been planted: to take away the other leaves that one.
	for _, by := range carriers {
		p := newProbe(t, by.cfg)
		a, b := p.signed("a"), p.signed("b")
		for _, tokens := range [][]string{{a, b}, {a, b, forgedToken(), "x"}, {"x", a, "y", "z", "w"}} {
			res := p.client().visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				s.Lapsed()
				p.tap.fail("delete", errDown)
				if s.Destroy(r.Context()) == nil {
					t.Error("Destroy succeeds")
				}
				p.tap.put(nil)
				s.Lapsed()
			}, by.with(tokens...))
			if len(res.Cookies()) > 0 || res.Header["Session-Token"] != nil {
				t.Errorf("%s, with %d: %v, %q", by.name, len(tokens), res.Cookies(), res.Header["Session-Token"])
			}
		}
	}
	by := carriers[0]
	p = newProbe(t, by.cfg)
	if res := p.client().visit(asksLapsed(t, false), by.with(p.signed("u"), forgedToken())); len(res.Cookies()) > 0 {
		t.Errorf("beside a good one: %v", res.Cookies())
	}
	if res := p.client().visit(asksLapsed(t, true), by.with("x", forgedToken())); len(res.Cookies()) != 1 {
		t.Errorf("of two dead ones: %v", res.Cookies())
	}
}

func TestADeadCookieIsTakenAwayWithoutTheMiddleware(t *testing.T) {
	p := newProbe(t, session.Config{})
	request := func() (*httptest.ResponseRecorder, *http.Request) {
		r := httptest.NewRequest("GET", appURL, nil)
		r.Header.Set("Cookie", cookieName+"="+forgedToken())
		return httptest.NewRecorder(), r
	}
	_, r := request()
	s, err := p.m.Load(r)
	must(t, err)
	if ck, err := p.m.Commit(t.Context(), s); ck != nil || err != nil {
		t.Errorf("Commit returns %v, %v before anybody has asked", ck, err)
	}
	s.Lapsed()
	if ck, err := p.m.Commit(t.Context(), s); ck == nil || ck.MaxAge >= 0 || err != nil {
		t.Errorf("Commit returns %v, %v; want the cookie cleared", ck, err)
	}

	w, r := request()
	must(t, p.m.Destroy(w, r))
	if cs := w.Result().Cookies(); len(cs) != 1 || cs[0].MaxAge >= 0 {
		t.Errorf("Destroy sets %v", cs)
	}

	w, r = request()
	if s, err = p.m.Start(w, r); err != nil || !s.Lapsed() {
		t.Errorf("Start: %v", err)
	}
	if cs := w.Result().Cookies(); len(cs) != 1 || cs[0].Value == "" {
		t.Errorf("after Start the cookies are %v, want that of the new session", cs)
	}
}

// A connection that changes its protocol has no cookies. That keeps nobody out.
func TestAWebSocketMayAskWhetherItsTokenIsDead(t *testing.T) {
	p := newProbe(t, session.Config{})
	dialer, returned := serveLines(t, p, lines(t, asksLapsed(t, true), func(s *session.Session, line string) string {
		s.Lapsed()
		return line
	}))
	s := dialer(forgedToken())
	s.say("hello")
	if got := s.read(t); got != "hello" {
		t.Errorf("the server says %q", got)
	}
	s.conn.Close()
	<-returned
}

func TestADeadSealedCookieIsTakenAway(t *testing.T) {
	site := newSealedSite(t, newRing(t), session.Config{})
	site.handle("/lapsed", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if !s.Lapsed() {
			t.Error("a dead token is none")
		}
	})
	for _, path := range []string{"/lapsed", "/logout"} {
		b := site.with(cookieName, "dead")
		if b.get(path); b.set != 1 || b.val != "" {
			t.Errorf("%s: %d cookies were set, and the client holds %q", path, b.set, b.val)
		}
	}
}

// A browser that fetches a page which its user may open next must not use up what
// the page would say.
func TestAPrefetchLeavesTheLapsedCookie(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.with(forgedToken())
	lapsed := func(edits ...func(*http.Request)) (told bool) {
		c.visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { told = s.Lapsed() }, edits...)
		return told
	}
	for name, edit := range map[string]func(*http.Request){
		"prefetch": func(r *http.Request) { r.Header.Set("Sec-Purpose", "prefetch") },
		"HEAD":     func(r *http.Request) { r.Method = http.MethodHead },
	} {
		if !lapsed(edit) || c.token() == "" {
			t.Errorf("%s takes the cookie away", name)
		}
	}
	if !lapsed() || c.token() != "" || lapsed() {
		t.Error("the page that is looked at is not told once")
	}
}
