package checklist

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
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
)

func TestSecurity_DT3_EachScenarioHasItsEvents(t *testing.T) {
	fail := func(op string) func(p *probe.Probe, c *probe.Client) {
		return func(p *probe.Probe, _ *probe.Client) { p.Tap.Fail(op, probe.ErrDown) }
	}
	for _, tt := range []struct {
		name  string
		begin func(t *testing.T) probe.Act // of the client's session, if it has one
		do    func(p *probe.Probe, c *probe.Client)
		then  func(t *testing.T) probe.Act // the request that is observed, if any
		want  string
	}{
		{"nothing", nil, nil, func(*testing.T) probe.Act { return probe.Show }, ""},
		{"create", nil, nil, func(t *testing.T) probe.Act { return probe.Set(t, "k", 1) }, "created"},
		{"change", sign, nil, func(t *testing.T) probe.Act { return probe.Set(t, "k", 1) }, ""},
		{"read", sign, nil, func(*testing.T) probe.Act { return probe.Show }, ""},
		{"touch", sign, wait(10 * time.Minute), func(*testing.T) probe.Act { return probe.Show }, ""},
		{"sign in", nil, nil, sign, "created, login"},
		{"sign in as a guest", func(t *testing.T) probe.Act { return probe.Set(t, "k", 1) }, nil, sign, "login"},
		{"renew", sign, nil, func(t *testing.T) probe.Act { return probe.Renew(t) }, "renewed"},
		{"rotate", sign, wait(25 * time.Minute), func(*testing.T) probe.Act { return probe.Show }, "rotated"},
		{"destroy", sign, nil, func(t *testing.T) probe.Act { return probe.Logout(t) }, "destroyed"},
		{"destroy nothing", nil, nil, func(t *testing.T) probe.Act { return probe.Logout(t) }, ""},
		{"destroy and go on", sign, nil, func(t *testing.T) probe.Act {
			return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				probe.Logout(t)(w, r, s)
				probe.Set(t, "k", 1)(w, r, s)
			}
		}, "destroyed, created"},
		{"revoke", sign, func(p *probe.Probe, c *probe.Client) {
			id, _ := probe.RawToken(p.T, c.Token())
			p.M.Revoke(context.Background(), id)
		}, nil, "revoked"},
		{"revoke all", sign, func(p *probe.Probe, _ *probe.Client) { p.M.RevokeAll(context.Background(), "u") }, nil, "revoked"},
		{"revoke all of nobody", sign, func(p *probe.Probe, _ *probe.Client) { p.M.RevokeAll(context.Background(), "nobody") }, nil, ""},
		{"expire", sign, wait(2 * time.Hour), func(*testing.T) probe.Act { return probe.Show }, "unknown session"},
		{"unknown", nil, func(_ *probe.Probe, c *probe.Client) { give(c, probe.ForgedToken()) }, func(*testing.T) probe.Act { return probe.Show }, "unknown session"},
		{"malformed", nil, func(_ *probe.Probe, c *probe.Client) { give(c, "x") }, func(*testing.T) probe.Act { return probe.Show }, "malformed token"},
		{"tampered", sign, func(p *probe.Probe, c *probe.Client) {
			give(c, strings.NewReplacer("A", "B", "B", "A", "1", "2", "2", "1", "x", "y", "y", "x", "-", "_", "_", "-", "e", "f", "f", "e").Replace(c.Token()[22:])+c.Token()[:22])
		}, func(*testing.T) probe.Act { return probe.Show }, "unknown session"},
		{"another secret", sign, func(p *probe.Probe, c *probe.Client) { give(c, c.Token()[:22]+probe.ForgedToken()[22:]) }, func(*testing.T) probe.Act { return probe.Show }, "unknown session"},
		{"stale", sign, func(p *probe.Probe, c *probe.Client) {
			old := c.Token()
			c.Visit(probe.Renew(p.T))
			p.Saw()
			give(c, old)
		}, func(*testing.T) probe.Act { return probe.Show }, "stale token"},
		{"reused", sign, func(p *probe.Probe, c *probe.Client) {
			old := c.Token()
			c.Visit(probe.Renew(p.T))
			p.Saw()
			give(c, old)
			time.Sleep(2 * time.Minute)
		}, func(*testing.T) probe.Act { return probe.Show }, "reused token"},
		{"corrupt", sign, func(p *probe.Probe, _ *probe.Client) {
			p.Tap.Poison(func(rec store.Record) store.Record { rec.Data = probe.Envelope("\x01"); return rec })
		}, func(*testing.T) probe.Act { return probe.Show }, "corrupt record"},
		{"undecodable", func(t *testing.T) probe.Act { return probe.Set(t, "n", "not a number") }, nil, func(*testing.T) probe.Act {
			return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { probe.Counter.Get(s) }
		}, "undecodable value"},
		{"load fails", sign, fail("load"), func(*testing.T) probe.Act { return probe.Show }, "load failed"},
		{"save fails", sign, fail("save"), func(t *testing.T) probe.Act { return probe.Set(t, "k", 1) }, "commit failed"},
		{"create fails", nil, fail("create"), func(t *testing.T) probe.Act { return probe.Set(t, "k", 1) }, "commit failed"},
		{"touch fails", sign, func(p *probe.Probe, c *probe.Client) { fail("touch")(p, c); time.Sleep(10 * time.Minute) }, func(*testing.T) probe.Act { return probe.Show }, "touch failed"},
		{"rotation fails", sign, func(p *probe.Probe, c *probe.Client) { fail("save")(p, c); time.Sleep(25 * time.Minute) }, func(*testing.T) probe.Act { return probe.Show }, "rotation failed"},
		{"destroy fails", sign, fail("delete"), func(*testing.T) probe.Act {
			return func(_ http.ResponseWriter, r *http.Request, s *session.Session) { s.Destroy(r.Context()) }
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probe.New(t, session.Config{RotateEvery: 20 * time.Minute})
				c := p.Client()
				var id session.ID
				if tt.begin != nil {
					c.Must(tt.begin(t))
					id, _ = probe.RawToken(t, c.Token())
				}
				p.Saw()
				if tt.do != nil {
					tt.do(p, c)
				}
				if tt.then != nil {
					c.Visit(tt.then(t))
				}
				var kinds []string
				for _, e := range p.Saw() {
					kinds = append(kinds, string(e.Kind))
					switch {
					case e.Kind == session.EventMalformed && !e.ID.IsZero():
						t.Errorf("%s names a session", e.Kind)
					case e.Kind == session.EventMalformed, e.Kind == session.EventUnknown, e.Kind == session.EventCreated:
					case tt.begin != nil && e.ID != id:
						t.Errorf("%s is about the session %v, want %v", e.Kind, e.ID, id)
					}
					if strings.Contains(e.Subject, ":") || strings.Contains(e.Subject, probe.CookieName) {
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

func sign(t *testing.T) probe.Act { return probe.Login(t, "u") }

func wait(d time.Duration) func(*probe.Probe, *probe.Client) {
	return func(*probe.Probe, *probe.Client) { time.Sleep(d) }
}

// give has the client hold another token.
func give(c *probe.Client, token string) { c.Jar = c.P.With(token).Jar }

func TestSecurity_DT3_ADuplicateIsReportedOnce(t *testing.T) {
	p := probe.New(t, session.Config{})
	pair := probe.CookieName + "=" + p.Client().Must(probe.Login(t, "u")).Token()
	p.Saw()
	p.Client().Visit(probe.Show, probe.Cookies(pair+"; "+pair))
	if got := p.Heard(); got != "duplicate cookie" {
		t.Errorf("the events are %q", got)
	}
}

func TestSecurity_DT4_NothingThatIsWrittenDownHoldsAToken(t *testing.T) {
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	text := slog.New(slog.NewTextHandler(&log, nil))

	p := probe.New(t, session.Config{})
	logged, err := session.NewManager(p.Tap, session.Config{}) // its events go to the log
	if err != nil {
		t.Fatal(err)
	}
	defer logged.Close()
	bare := p.H
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
	everything := func(f probe.Act) probe.Act {
		return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			f(w, r, s)
			write(s)
			write(s.ID())
			write(r.Context())
			write(context.WithValue(r.Context(), contextKey{}, "child"))
			write(struct{ s *session.Session }{s}) // fmt cannot call its methods
			write(p.M)
			if err := s.Save(r.Context()); err != nil {
				write(err)
			}
			write(s)
			infos, err := probe.Collect(p.M.List(r.Context(), "u"))
			write(infos)
			if err != nil {
				write(err)
			}
		}
	}
	for _, h := range []http.Handler{bare, logged.Handler(http.HandlerFunc(probe.Brought))} {
		p.H = h
		c := p.Client()
		for _, f := range []probe.Act{probe.Set(t, "k", 1), probe.Login(t, "u"), probe.Renew(t), probe.Login(t, "u")} {
			c.Visit(everything(f))
			tokens = append(tokens, c.Token())
		}
		for _, op := range []string{"load", "save", "delete", "list", "touch"} {
			p.Tap.Fail(op, probe.ErrDown)
			c.Visit(everything(probe.Set(t, "k", 2)))
			p.Tap.Put(nil)
		}
		old := c.Token()
		c.Must(probe.Renew(t))
		tokens = append(tokens, old, c.Token())
		p.With(old).Visit(everything(probe.Idle))                              // stale
		p.With(old[:22] + c.Token()[22:]).Visit(probe.Idle)                    // good
		p.With(old[:22] + probe.ForgedToken()[22:]).Visit(probe.Idle)          // reused
		p.Client().Visit(probe.Idle, probe.Cookies(probe.CookieName+"=x"+old)) // malformed
		p.Client().Visit(probe.Idle, probe.Cookies(probe.CookieName+"=x\r\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\r\n"))
		p.Client().Visit(probe.Idle, probe.Cookies(probe.CookieName+"="+old+"; "+probe.CookieName+"="+old)) // duplicate
		p.Tap.Poison(func(rec store.Record) store.Record { rec.Data = probe.Envelope("\x01x"); return rec })
		c.Visit(everything(probe.Idle))
		p.Tap.Poison(nil)
	}
	for _, e := range p.Saw() {
		write(e)
	}
	out := log.String()
	if n := strings.Count(out, "session: "); n < 10 {
		t.Fatalf("only %d lines were logged", n)
	}
	for _, token := range tokens {
		_, secret := probe.RawToken(t, token)
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
		p := probe.New(t, session.Config{})
		p.H = http.NewCrossOriginProtection().Handler(p.H)
		c := p.Client().Must(probe.Login(t, "u"))
		before, _ := probe.Collect(p.M.List(t.Context(), "u"))
		p.Tap.Took()
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
			res := c.Visit(probe.Login(t, "attacker"), edit)
			if res.StatusCode != http.StatusForbidden || len(res.Header["Set-Cookie"]) != 0 {
				t.Errorf("%d %q, want 403 and no cookie", res.StatusCode, res.Header["Set-Cookie"])
			}
		}
		if calls := p.Tap.Took(); len(calls) != 0 {
			t.Errorf("refused requests had the store %v", calls)
		}
		if after, err := probe.Collect(p.M.List(t.Context(), "u")); err != nil || len(after) != 1 || !after[0].Expires.Equal(before[0].Expires) {
			t.Errorf("refused requests moved the end: %v, %v", after, err)
		}
		for _, edit := range []func(*http.Request){
			post("Sec-Fetch-Site", "same-origin"), post("Sec-Fetch-Site", "none"), post("", ""), post("Origin", "https://app.test"),
		} {
			old := c.Token()
			if res := c.Visit(probe.Login(t, "u"), edit); res.StatusCode != 200 || c.Token() == old {
				t.Errorf("%d, want 200 and a new token", res.StatusCode)
			}
		}
		// Inside works as well: nothing is committed for a refused request.
		p.H = p.M.Handler(http.NewCrossOriginProtection().Handler(http.HandlerFunc(probe.Brought)))
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", probe.URL, nil)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		p.H.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden || len(w.Header()["Set-Cookie"]) != 0 {
			t.Errorf("inside: %d %q", w.Code, w.Header()["Set-Cookie"])
		}
	})
}

// What a client claims to come from is never asked: only the connection.
func TestSecurity_DT2_TheAddressIsThatOfTheConnection(t *testing.T) {
	p := probe.New(t, session.Config{Client: session.RequestClient})
	p.Client().Visit(probe.Login(t, "u"), func(r *http.Request) {
		r.RemoteAddr = "192.0.2.1:1"
		for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "True-Client-Ip", "Cf-Connecting-Ip"} {
			r.Header.Set(name, "2001:db8::1")
		}
		r.Header.Set("Forwarded", `for="[2001:db8::1]:1"`)
	})
	if got := p.Only("u").Client.AddressFamily; got != "IPv4" {
		t.Errorf("the family is %q", got)
	}
}

// A flood must not fill the log with faults that an operator has to look into.
func TestSecurity_DT3_ARefusalIsNoFault(t *testing.T) {
	p := probe.New(t, session.Config{
		MaxSessions: 1, RefuseLogin: true,
		AdmitAnonymous: func(*http.Request) error { return errors.New("flood") },
	})
	p.Client().Visit(probe.Set(t, "k", 1))
	if got := p.Heard(); got != "refused" {
		t.Errorf("the events of a refused visitor are %q", got)
	}
	p.Client().Must(probe.Login(t, "u"))
	p.Saw()
	p.Client().Visit(probe.Login(t, "u"))
	if events := p.Saw(); len(events) != 1 || events[0].Kind != session.EventRefused || events[0].Subject != "u" || events[0].Err == nil {
		t.Errorf("the events of a refused sign-in are %v", events)
	}
	p.Client().Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Login("u"))
		if err := s.Save(r.Context()); !errors.Is(err, session.ErrTooManySessions) {
			t.Error(err)
		}
	})
	if got := p.Heard(); got != "refused" {
		t.Errorf("with Save the events are %q", got)
	}
}
