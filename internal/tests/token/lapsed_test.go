package token

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
)

// deadTokens makes tokens that are good for nothing, each in a way of its own.
var deadTokens = map[string]func(p *probe.Probe) string{
	"expired":   func(p *probe.Probe) string { token := signed(p, "u"); time.Sleep(25 * time.Hour); return token },
	"revoked":   func(p *probe.Probe) string { token := signed(p, "u"); p.M.RevokeAll(p.T.Context(), "u"); return token },
	"unknown":   func(*probe.Probe) string { return probe.ForgedToken() },
	"malformed": func(*probe.Probe) string { return "what-another-library-left" },
	"empty":     func(*probe.Probe) string { return "" },
	"replaced long ago": func(p *probe.Probe) string {
		c := killed(p, "u")
		time.Sleep(2 * time.Minute)
		return c.Token()
	},
	"of a corrupt record": func(p *probe.Probe) string {
		token := signed(p, "u")
		id, _ := probe.RawToken(p.T, token)
		p.Tap.Poison(func(rec store.Record) store.Record {
			if rec.ID == id {
				rec.Data = []byte("garbage")
			}
			return rec
		})
		return token
	},
}

func asksLapsed(t testing.TB, want bool) probe.Act {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if got := s.Lapsed(); got != want {
			t.Errorf("lapsed: %v, want %v", got, want)
		}
	}
}

func TestADeadCookieIsTakenAway(t *testing.T) {
	for name, make := range deadTokens {
		synctest.Test(t, func(t *testing.T) {
			p := probe.New(t, session.Config{})
			token := make(p)
			for what, f := range map[string]probe.Act{
				"Lapsed":          asksLapsed(t, true),
				"Session.Destroy": probe.Logout(t),
				"Manager.Destroy": func(w http.ResponseWriter, r *http.Request, _ *session.Session) { probe.Must(t, p.M.Destroy(w, r)) },
				"both": func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					asksLapsed(t, true)(w, r, s)
					probe.Logout(t)(w, r, s)
				},
				"an answer that failed": func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					asksLapsed(t, true)(w, r, s)
					w.WriteHeader(http.StatusInternalServerError)
				},
			} {
				c := p.Client()
				res := c.Visit(f, probe.Cookies(probe.CookieName+"="+token))
				if ck := probe.SessionCookie(res); ck == nil || ck.MaxAge >= 0 || ck.Value != "" {
					t.Errorf("%s, %s: the cookie is %v, want it cleared", name, what, res.Cookies())
				}
				c.Visit(asksLapsed(t, false))
			}
			// Who is not told anything keeps it, and a new session takes its place.
			if res := p.Client().Visit(probe.Show, probe.Cookies(probe.CookieName+"="+token)); len(res.Cookies()) > 0 {
				t.Errorf("%s: a page that does not ask sets %v", name, res.Cookies())
			}
			res := p.Client().Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				asksLapsed(t, true)(w, r, s)
				probe.Must(t, s.Set("k", 1))
			}, probe.Cookies(probe.CookieName+"="+token))
			if ck := probe.SessionCookie(res); ck == nil || ck.Value == "" {
				t.Errorf("%s: a new session has the cookies %v", name, res.Cookies())
			}
			res = p.Client().Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				probe.Saved(t, probe.Set(t, "k", 1))(w, r, s)
				asksLapsed(t, true)(w, r, s)
			}, probe.Cookies(probe.CookieName+"="+token))
			if ck := probe.SessionCookie(res); ck == nil || ck.Value == "" {
				t.Errorf("%s: a new session that was saved before has the cookies %v", name, res.Cookies())
			}
		})
	}
}

func TestADeadTokenInAHeaderIsTakenAway(t *testing.T) {
	for header, back := range map[string]string{"Authorization": "Session-Token", "X-Token": "X-Token"} {
		synctest.Test(t, func(t *testing.T) {
			p := probe.New(t, session.Config{Header: header})
			present := func(token string) func(*http.Request) {
				if header == "Authorization" {
					token = "Bearer " + token
				}
				return func(r *http.Request) { r.Header.Set(header, token) }
			}
			token := p.Client().Visit(probe.Login(t, "u")).Header.Get(back)
			if res := p.Client().Visit(probe.Show, present(token)); probe.Text(t, res) != "<u>" {
				t.Fatalf("%s: the token is not good", header)
			}
			time.Sleep(25 * time.Hour)
			for what, f := range map[string]probe.Act{"Lapsed": asksLapsed(t, true), "Destroy": probe.Logout(t)} {
				h := p.Client().Visit(f, present(token)).Header
				if got, ok := h[back]; !ok || len(got) != 1 || got[0] != "" {
					t.Errorf("%s, %s: the header is %q, want an empty one", header, what, got)
				}
			}
			if h := p.Client().Visit(probe.Show, present(token)).Header; h[back] != nil {
				t.Errorf("%s: a page that does not ask has %q", header, h[back])
			}
			if h := p.Client().Visit(asksLapsed(t, false)).Header; h[back] != nil {
				t.Errorf("%s: a request without a token is answered with %q", header, h[back])
			}
		})
	}
}

// A client that holds a better token by now, or may do so, loses none.
func TestACookieThatMayBeGoodIsNotTakenAway(t *testing.T) {
	p := probe.New(t, session.Config{})
	stale := killed(p, "u")
	res := stale.Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if !s.Lapsed() || s.Destroy(r.Context()) == nil {
			t.Error("a token that was replaced a moment ago is good")
		}
	})
	if len(res.Cookies()) > 0 {
		t.Errorf("with a stale token: %v", res.Cookies())
	}
	res = stale.Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Login("u"))
		s.Lapsed()
		s.Discard()
		s.Lapsed()
	})
	if len(res.Cookies()) > 0 {
		t.Errorf("with a stale token, after a sign-in that was discarded: %v", res.Cookies())
	}

	// One of several may have been planted: to take away the other leaves that one.
	for _, by := range carriers {
		p := probe.New(t, by.cfg)
		a, b := signed(p, "a"), signed(p, "b")
		for _, tokens := range [][]string{{a, b}, {a, b, probe.ForgedToken(), "x"}, {"x", a, "y", "z", "w"}} {
			res := p.Client().Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				s.Lapsed()
				p.Tap.Fail("delete", probe.ErrDown)
				if s.Destroy(r.Context()) == nil {
					t.Error("Destroy succeeds")
				}
				p.Tap.Put(nil)
				s.Lapsed()
			}, by.with(tokens...))
			if len(res.Cookies()) > 0 || res.Header["Session-Token"] != nil {
				t.Errorf("%s, with %d: %v, %q", by.name, len(tokens), res.Cookies(), res.Header["Session-Token"])
			}
		}
	}
	by := carriers[0]
	p = probe.New(t, by.cfg)
	if res := p.Client().Visit(asksLapsed(t, false), by.with(signed(p, "u"), probe.ForgedToken())); len(res.Cookies()) > 0 {
		t.Errorf("beside a good one: %v", res.Cookies())
	}
	if res := p.Client().Visit(asksLapsed(t, true), by.with("x", probe.ForgedToken())); len(res.Cookies()) != 1 {
		t.Errorf("of two dead ones: %v", res.Cookies())
	}
}

func TestADeadCookieIsTakenAwayWithoutTheMiddleware(t *testing.T) {
	p := probe.New(t, session.Config{})
	request := func() (*httptest.ResponseRecorder, *http.Request) {
		r := httptest.NewRequest("GET", probe.URL, nil)
		r.Header.Set("Cookie", probe.CookieName+"="+probe.ForgedToken())
		return httptest.NewRecorder(), r
	}
	_, r := request()
	s, err := p.M.Load(r)
	probe.Must(t, err)
	if ck, err := p.M.Commit(t.Context(), s); ck != nil || err != nil {
		t.Errorf("Commit returns %v, %v before anybody has asked", ck, err)
	}
	s.Lapsed()
	if ck, err := p.M.Commit(t.Context(), s); ck == nil || ck.MaxAge >= 0 || err != nil {
		t.Errorf("Commit returns %v, %v; want the cookie cleared", ck, err)
	}

	w, r := request()
	probe.Must(t, p.M.Destroy(w, r))
	if cs := w.Result().Cookies(); len(cs) != 1 || cs[0].MaxAge >= 0 {
		t.Errorf("Destroy sets %v", cs)
	}

	w, r = request()
	if s, err = p.M.Start(w, r); err != nil || !s.Lapsed() {
		t.Errorf("Start: %v", err)
	}
	if cs := w.Result().Cookies(); len(cs) != 1 || cs[0].Value == "" {
		t.Errorf("after Start the cookies are %v, want that of the new session", cs)
	}
}

// A connection that changes its protocol has no cookies. That keeps nobody out.
func TestAWebSocketMayAskWhetherItsTokenIsDead(t *testing.T) {
	p := probe.New(t, session.Config{})
	dialer, returned := probe.ServeLines(t, p, probe.Lines(t, asksLapsed(t, true), func(s *session.Session, line string) string {
		s.Lapsed()
		return line
	}))
	s := dialer(probe.ForgedToken())
	s.Say("hello")
	if got := s.Read(t); got != "hello" {
		t.Errorf("the server says %q", got)
	}
	s.Conn.Close()
	<-returned
}

func TestADeadSealedCookieIsTakenAway(t *testing.T) {
	site := probe.SealedSite(t, probe.NewRing(t), session.Config{})
	site.Handle("/lapsed", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if !s.Lapsed() {
			t.Error("a dead token is none")
		}
	})
	for _, path := range []string{"/lapsed", "/logout"} {
		b := site.With(probe.CookieName, "dead")
		if b.Get(path); b.Sets != 1 || b.Val != "" {
			t.Errorf("%s: %d cookies were set, and the client holds %q", path, b.Sets, b.Val)
		}
	}
}

// A browser that fetches a page which its user may open next must not use up what
// the page would say.
func TestAPrefetchLeavesTheLapsedCookie(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.With(probe.ForgedToken())
	lapsed := func(edits ...func(*http.Request)) (told bool) {
		c.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { told = s.Lapsed() }, edits...)
		return told
	}
	for name, edit := range map[string]func(*http.Request){
		"prefetch": func(r *http.Request) { r.Header.Set("Sec-Purpose", "prefetch") },
		"HEAD":     func(r *http.Request) { r.Method = http.MethodHead },
	} {
		if !lapsed(edit) || c.Token() == "" {
			t.Errorf("%s takes the cookie away", name)
		}
	}
	if !lapsed() || c.Token() != "" || lapsed() {
		t.Error("the page that is looked at is not told once")
	}
}
