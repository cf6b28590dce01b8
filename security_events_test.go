package session_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

func TestSecurity_DT3_EachScenarioHasItsEvents(t *testing.T) {
	fail := func(op string) func(p *probe, c *client) {
		return func(p *probe, _ *client) { p.tap.fail(op, errDown) }
	}
	for _, tt := range []struct {
		name  string
		begin func(t *testing.T) act // of the client's session, if it has one
		do    func(p *probe, c *client)
		then  func(t *testing.T) act // the request that is observed, if any
		want  string
	}{
		{"nothing", nil, nil, func(*testing.T) act { return show }, ""},
		{"create", nil, nil, func(t *testing.T) act { return set(t, "k", 1) }, "created"},
		{"change", sign, nil, func(t *testing.T) act { return set(t, "k", 1) }, ""},
		{"read", sign, nil, func(*testing.T) act { return show }, ""},
		{"touch", sign, wait(10 * time.Minute), func(*testing.T) act { return show }, ""},
		{"sign in", nil, nil, sign, "created, login"},
		{"sign in as a guest", func(t *testing.T) act { return set(t, "k", 1) }, nil, sign, "login"},
		{"renew", sign, nil, func(t *testing.T) act { return renew(t) }, "renewed"},
		{"rotate", sign, wait(25 * time.Minute), func(*testing.T) act { return show }, "rotated"},
		{"destroy", sign, nil, func(t *testing.T) act { return logout(t) }, "destroyed"},
		{"destroy nothing", nil, nil, func(t *testing.T) act { return logout(t) }, ""},
		{"destroy and go on", sign, nil, func(t *testing.T) act {
			return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				logout(t)(w, r, s)
				set(t, "k", 1)(w, r, s)
			}
		}, "destroyed, created"},
		{"revoke", sign, func(p *probe, c *client) { id, _ := rawToken(p.t, c.token()); p.m.Revoke(context.Background(), id) }, nil, "revoked"},
		{"revoke all", sign, func(p *probe, _ *client) { p.m.RevokeAll(context.Background(), "u") }, nil, "revoked"},
		{"revoke all of nobody", sign, func(p *probe, _ *client) { p.m.RevokeAll(context.Background(), "nobody") }, nil, ""},
		{"expire", sign, wait(2 * time.Hour), func(*testing.T) act { return show }, "unknown session"},
		{"unknown", nil, func(_ *probe, c *client) { c.give(forgedToken()) }, func(*testing.T) act { return show }, "unknown session"},
		{"malformed", nil, func(_ *probe, c *client) { c.give("x") }, func(*testing.T) act { return show }, "malformed token"},
		{"tampered", sign, func(p *probe, c *client) {
			c.give(strings.NewReplacer("A", "B", "B", "A", "1", "2", "2", "1", "x", "y", "y", "x", "-", "_", "_", "-", "e", "f", "f", "e").Replace(c.token()[22:]) + c.token()[:22])
		}, func(*testing.T) act { return show }, "unknown session"},
		{"another secret", sign, func(p *probe, c *client) { c.give(c.token()[:22] + forgedToken()[22:]) }, func(*testing.T) act { return show }, "unknown session"},
		{"stale", sign, func(p *probe, c *client) { old := c.token(); c.visit(renew(p.t)); p.saw(); c.give(old) }, func(*testing.T) act { return show }, "stale token"},
		{"reused", sign, func(p *probe, c *client) {
			old := c.token()
			c.visit(renew(p.t))
			p.saw()
			c.give(old)
			time.Sleep(2 * time.Minute)
		}, func(*testing.T) act { return show }, "reused token"},
		{"corrupt", sign, func(p *probe, _ *client) {
			p.tap.poison(func(rec store.Record) store.Record { rec.Data = envelope("\x01"); return rec })
		}, func(*testing.T) act { return show }, "corrupt record"},
		{"undecodable", func(t *testing.T) act { return set(t, "n", "not a number") }, nil, func(*testing.T) act {
			return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { counter.Get(s) }
		}, "undecodable value"},
		{"load fails", sign, fail("load"), func(*testing.T) act { return show }, "load failed"},
		{"save fails", sign, fail("save"), func(t *testing.T) act { return set(t, "k", 1) }, "commit failed"},
		{"create fails", nil, fail("create"), func(t *testing.T) act { return set(t, "k", 1) }, "commit failed"},
		{"touch fails", sign, func(p *probe, c *client) { fail("touch")(p, c); time.Sleep(10 * time.Minute) }, func(*testing.T) act { return show }, "touch failed"},
		{"rotation fails", sign, func(p *probe, c *client) { fail("save")(p, c); time.Sleep(25 * time.Minute) }, func(*testing.T) act { return show }, "rotation failed"},
		{"destroy fails", sign, fail("delete"), func(*testing.T) act {
			return func(_ http.ResponseWriter, r *http.Request, s *session.Session) { s.Destroy(r.Context()) }
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProbe(t, session.Config{RotateEvery: 20 * time.Minute})
				c := p.client()
				var id session.ID
				if tt.begin != nil {
					c.must(tt.begin(t))
					id, _ = rawToken(t, c.token())
				}
				p.saw()
				if tt.do != nil {
					tt.do(p, c)
				}
				if tt.then != nil {
					c.visit(tt.then(t))
				}
				var kinds []string
				for _, e := range p.saw() {
					kinds = append(kinds, string(e.Kind))
					switch {
					case e.Kind == session.EventMalformed && !e.ID.IsZero():
						t.Errorf("%s names a session", e.Kind)
					case e.Kind == session.EventMalformed, e.Kind == session.EventUnknown, e.Kind == session.EventCreated:
					case tt.begin != nil && e.ID != id:
						t.Errorf("%s is about the session %v, want %v", e.Kind, e.ID, id)
					}
					if strings.Contains(e.Subject, ":") || strings.Contains(e.Subject, cookieName) {
						t.Errorf("%s: the subject is %q, with the realm", e.Kind, e.Subject)
					}
					failed := strings.HasSuffix(string(e.Kind), "failed") || e.Kind == session.EventCorrupt || e.Kind == session.EventUndecodable
					if failed != (e.Err != nil) {
						t.Errorf("%s: the error is %v", e.Kind, e.Err)
					}
				}
				if got := strings.Join(kinds, ", "); got != tt.want {
					t.Errorf("the events are %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func sign(t *testing.T) act { return login(t, "u") }

func wait(d time.Duration) func(*probe, *client) { return func(*probe, *client) { time.Sleep(d) } }

// give has the client hold another token.
func (c *client) give(token string) { c.jar = c.p.with(token).jar }

func TestSecurity_DT3_ADuplicateIsReportedOnce(t *testing.T) {
	p := newProbe(t, session.Config{})
	pair := cookieName + "=" + p.client().must(login(t, "u")).token()
	p.saw()
	p.client().visit(show, cookies(pair+"; "+pair))
	if got := p.heard(); got != "duplicate cookie" {
		t.Errorf("the events are %q", got)
	}
}

func TestSecurity_DT4_NothingThatIsWrittenDownHoldsAToken(t *testing.T) {
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	text := slog.New(slog.NewTextHandler(&log, nil))

	p := newProbe(t, session.Config{})
	logged, err := session.NewManager(p.tap, session.Config{}) // its events go to the log
	if err != nil {
		t.Fatal(err)
	}
	defer logged.Close()
	bare := p.h
	var tokens []string
	write := func(x any) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c"} {
			fmt.Fprintf(&log, verb+"\n", x)
		}
		b, err := json.Marshal(x)
		fmt.Fprintf(&log, "%s %v\n", b, err)
		slog.Info("x", "x", x)
		text.Info("x", "x", x)
	}
	everything := func(f act) act {
		return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			f(w, r, s)
			write(s)
			write(s.ID())
			write(r.Context())
			write(context.WithValue(r.Context(), contextKey{}, "child"))
			write(struct{ s *session.Session }{s}) // fmt cannot call its methods
			write(p.m)
			if err := s.Save(r.Context()); err != nil {
				write(err)
			}
			write(s)
			infos, err := collect(p.m.List(r.Context(), "u"))
			write(infos)
			if err != nil {
				write(err)
			}
		}
	}
	for _, h := range []http.Handler{bare, logged.Handler(http.HandlerFunc(brought))} {
		p.h = h
		c := p.client()
		for _, f := range []act{set(t, "k", 1), login(t, "u"), renew(t), login(t, "u")} {
			c.visit(everything(f))
			tokens = append(tokens, c.token())
		}
		for _, op := range []string{"load", "save", "delete", "list", "touch"} {
			p.tap.fail(op, errDown)
			c.visit(everything(set(t, "k", 2)))
			p.tap.put(nil)
		}
		old := c.token()
		c.must(renew(t))
		tokens = append(tokens, old, c.token())
		p.with(old).visit(everything(idle))                  // stale
		p.with(old[:22] + c.token()[22:]).visit(idle)        // good
		p.with(old[:22] + forgedToken()[22:]).visit(idle)    // reused
		p.client().visit(idle, cookies(cookieName+"=x"+old)) // malformed
		p.client().visit(idle, cookies(cookieName+"=x\r\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\r\n"))
		p.client().visit(idle, cookies(cookieName+"="+old+"; "+cookieName+"="+old)) // duplicate
		p.tap.poison(func(rec store.Record) store.Record { rec.Data = envelope("\x01x"); return rec })
		c.visit(everything(idle))
		p.tap.poison(nil)
	}
	for _, e := range p.saw() {
		write(e)
	}
	out := log.String()
	if n := strings.Count(out, "session: "); n < 10 {
		t.Fatalf("only %d lines were logged", n)
	}
	for _, token := range tokens {
		_, secret := rawToken(t, token)
		decimal := strings.Trim(fmt.Sprint(secret[:]), "[]")
		forms := append(spellings(secret[:]), token, token[22:], decimal, strings.ReplaceAll(decimal, " ", ","), strings.ReplaceAll(decimal, " ", ", "))
		for _, form := range append(forms, fmt.Sprintf("%#v", secret[:])) {
			if i := strings.Index(out, form); i >= 0 {
				t.Errorf("a secret is written down: %.200q", out[max(0, i-100):])
			}
		}
	}
	if strings.Contains(out, "forged") {
		t.Error("a cookie's value is in the log")
	}
}

func TestSecurity_CS1_WorksWithCrossOriginProtection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		p.h = http.NewCrossOriginProtection().Handler(p.h)
		c := p.client().must(login(t, "u"))
		before, _ := collect(p.m.List(t.Context(), "u"))
		p.tap.took()
		time.Sleep(10 * time.Minute)
		post := func(header, value string) func(*http.Request) {
			return func(r *http.Request) {
				r.Method = "POST"
				if header != "" {
					r.Header.Set(header, value)
				}
			}
		}
		for _, edit := range []func(*http.Request){
			post("Sec-Fetch-Site", "cross-site"), post("Sec-Fetch-Site", "same-site"), post("Origin", "https://evil.test"),
		} {
			res := c.visit(login(t, "attacker"), edit)
			if res.StatusCode != http.StatusForbidden || len(res.Header["Set-Cookie"]) != 0 {
				t.Errorf("%d %q, want 403 and no cookie", res.StatusCode, res.Header["Set-Cookie"])
			}
		}
		if calls := p.tap.took(); len(calls) != 0 {
			t.Errorf("refused requests had the store %v", calls)
		}
		if after, err := collect(p.m.List(t.Context(), "u")); err != nil || len(after) != 1 || !after[0].Expires.Equal(before[0].Expires) {
			t.Errorf("refused requests moved the end: %v, %v", after, err)
		}
		for _, edit := range []func(*http.Request){
			post("Sec-Fetch-Site", "same-origin"), post("Sec-Fetch-Site", "none"), post("", ""), post("Origin", "https://app.test"),
		} {
			old := c.token()
			if res := c.visit(login(t, "u"), edit); res.StatusCode != 200 || c.token() == old {
				t.Errorf("%d, want 200 and a new token", res.StatusCode)
			}
		}
		// Inside works as well: nothing is committed for a refused request.
		p.h = p.m.Handler(http.NewCrossOriginProtection().Handler(http.HandlerFunc(brought)))
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", appURL, nil)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		p.h.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden || len(w.Header()["Set-Cookie"]) != 0 {
			t.Errorf("inside: %d %q", w.Code, w.Header()["Set-Cookie"])
		}
	})
}

// What a client claims to come from is never asked: only the connection.
func TestSecurity_DT2_TheAddressIsThatOfTheConnection(t *testing.T) {
	p := newProbe(t, session.Config{Client: session.RequestClient})
	p.client().visit(login(t, "u"), func(r *http.Request) {
		r.RemoteAddr = "192.0.2.1:1"
		for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "True-Client-Ip", "Cf-Connecting-Ip"} {
			r.Header.Set(name, "2001:db8::1")
		}
		r.Header.Set("Forwarded", `for="[2001:db8::1]:1"`)
	})
	if got := p.only("u").Client.AddressFamily; got != "IPv4" {
		t.Errorf("the family is %q", got)
	}
}

// A flood must not fill the log with faults that an operator has to look into.
func TestSecurity_DT3_ARefusalIsNoFault(t *testing.T) {
	p := newProbe(t, session.Config{
		MaxSessions: 1, RefuseLogin: true,
		AdmitAnonymous: func(*http.Request) error { return errors.New("flood") },
	})
	p.client().visit(set(t, "k", 1))
	if got := p.heard(); got != "refused" {
		t.Errorf("the events of a refused visitor are %q", got)
	}
	p.client().must(login(t, "u"))
	p.saw()
	p.client().visit(login(t, "u"))
	if events := p.saw(); len(events) != 1 || events[0].Kind != session.EventRefused || events[0].Subject != "u" || events[0].Err == nil {
		t.Errorf("the events of a refused sign-in are %v", events)
	}
	p.client().visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		must(t, s.Login("u"))
		if err := s.Save(r.Context()); !errors.Is(err, session.ErrTooManySessions) {
			t.Error(err)
		}
	})
	if got := p.heard(); got != "refused" {
		t.Errorf("with Save the events are %q", got)
	}
}
