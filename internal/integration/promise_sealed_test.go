package integration

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

// A session in its cookie promises less, or the same by other means. These are
// the limits that session.NewSealed documents, and what holds all the same.
func init() {
	for name, limit := range map[string]func(t *testing.T, e *env){
		"01_no_lost_update":                        sealedLastAnswerWins,
		"02_logout_is_final":                       sealedCopiesLiveOn,
		"03_nothing_is_shown_that_was_not_saved":   sealedOrNotShown,
		"04_late_changes_are_saved_too":            sealedNothingLate,
		"05_a_client_that_hangs_up_loses_nothing":  sealedLostAnswer,
		"06_the_server_alone_chooses_tokens":       sealedTokens,
		"07_a_stolen_store_opens_no_door":          sealedSecrets,
		"08_reading_is_free":                       sealedReading,
		"09_a_renewed_session_breaks_nobody":       sealedRenewal,
		"10_a_bad_record_is_not_an_outage":         sealedRecords,
		"11_a_dead_store_is_not_an_anonymous_user": sealedOutage,
		"12_the_response_stays_what_it_was":        sealedResponse,
		"14_bounded":                               sealedBounds,
		"15_the_end_is_heard":                      sealedEndsHeard,
	} {
		excused[name+"/sealed"] = limit
	}
}

// sealedClient returns a client that is signed in, and its token.
func (e *env) sealedClient(m *machine) (*client, string) {
	e.t.Helper()
	c := e.newClient()
	c.get(m, "/login?u").want("the login", http.StatusOK, "")
	return c, c.token(m)
}

func sealedLastAnswerWins(t *testing.T, e *env) {
	e.rule("the last answer wins", func(t *testing.T, e *env) {
		m := e.newMachine(session.Config{})
		_, token := e.sealedClient(m)
		first := m.as(token, "/set?a=1").newToken("the first change")
		second := m.as(token, "/set?b=2").newToken("the second change")
		m.as(first, "/read").want("by the first answer", http.StatusOK, "u map[a:1]")
		m.as(second, "/read").want("by the last answer", http.StatusOK, "u map[b:2]")
	})
	e.rule("a value may be given twice", func(t *testing.T, e *env) {
		m := e.newMachine(session.Config{})
		m.handle("/pop", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			got, _ := s.Pop("k").(string)
			io.WriteString(w, got)
		})
		_, token := e.sealedClient(m)
		token = m.as(token, "/set?k=v").newToken("the value")
		for range 2 {
			m.as(token, "/pop").want("a pop", http.StatusOK, "v")
		}
	})
}

func sealedCopiesLiveOn(t *testing.T, e *env) {
	e.rule("logout reaches no copy, RevokeAll does", func(t *testing.T, e *env) {
		m, other := e.newMachine(session.Config{}), e.newMachine(session.Config{})
		c, copied := e.sealedClient(m)
		c.get(m, "/logout").want("the logout", http.StatusOK, "")
		equal(t, "what the client holds", c.token(m), "")
		other.as(copied, "/read").want("a copy after logout", http.StatusOK, "u map[]")
		if _, err := m.RevokeAll(t.Context(), "u"); err != nil {
			t.Fatal(err)
		}
		a := other.as(copied, "/read")
		a.want("a copy after RevokeAll", http.StatusOK, nobody)
		a.wantNoCookie("a copy after RevokeAll")
		_, fresh := e.sealedClient(m)
		other.as(fresh, "/read").want("a sign-in after RevokeAll", http.StatusOK, "u map[]")
	})
	e.rule("nothing can be looked up", func(t *testing.T, e *env) {
		m := e.newMachine(session.Config{})
		_, err := collect(m.List(t.Context(), "u"))
		for what, err := range map[string]error{
			"List":   err,
			"Revoke": m.Revoke(t.Context(), newID()),
			"Edit":   m.Edit(t.Context(), newID(), func(*session.Session) error { return nil }),
		} {
			if !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// A faultySealer fails, or changes what it opens, when it is told to.
type faultySealer struct {
	session.Sealer
	fails  atomic.Bool
	change atomic.Pointer[func(*store.Record)]
}

var errKeys = errors.New("the keys cannot be had")

func (s *faultySealer) Seal(ctx context.Context, scope string, rec store.Record) (string, error) {
	if s.fails.Load() {
		return "", errKeys
	}
	return s.Sealer.Seal(ctx, scope, rec)
}

func (s *faultySealer) Open(ctx context.Context, scope, token string) (store.Record, bool, error) {
	if s.fails.Load() {
		return store.Record{}, false, errKeys
	}
	rec, reseal, err := s.Sealer.Open(ctx, scope, token)
	if change := s.change.Load(); err == nil && change != nil {
		rec.Data = bytes.Clone(rec.Data)
		(*change)(&rec)
	}
	return rec, reseal, err
}

// faulty gives a rule a sealer that can fail.
func (e *env) faulty() *faultySealer {
	s := &faultySealer{Sealer: e.sealer}
	e.sealer = s
	return s
}

func sealedOrNotShown(t *testing.T, e *env) {
	e.rule("what cannot be sealed is not shown", func(t *testing.T, e *env) {
		sealer := e.faulty()
		m := e.newMachine(session.Config{})
		m.handle("/change", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			sealer.fails.Store(true)
			if err := s.Set("k", "v"); err != nil {
				t.Error(err)
			}
			if _, err := io.WriteString(w, "it is saved"); !errors.Is(err, errKeys) {
				t.Errorf("Write: %v", err)
			}
		})
		_, token := e.sealedClient(m)
		m.as(token, "/change").wantError("the answer", http.StatusServiceUnavailable)
	})
}

func sealedNothingLate(t *testing.T, e *env) {
	e.rule("after the first byte every change is refused", func(t *testing.T, e *env) {
		m := e.newMachine(session.Config{})
		m.handle("/late", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			w.WriteHeader(http.StatusOK)
			for what, err := range map[string]error{
				"Set": s.Set("k", "v"), "Clear": s.Clear(), "Login": s.Login("u"), "Renew": s.Renew(), "Destroy": s.Destroy(r.Context()),
			} {
				if !errors.Is(err, session.ErrHeadersSent) {
					t.Errorf("a late %s: %v", what, err)
				}
			}
			io.WriteString(w, describe(s))
		})
		_, token := e.sealedClient(m)
		m.as(token, "/late").want("the answer", http.StatusOK, "u map[]")
	})
}

func sealedLostAnswer(t *testing.T, e *env) {
	e.rule("what a lost answer would have set is lost", func(t *testing.T, e *env) {
		m := e.newMachine(session.Config{})
		_, token := e.sealedClient(m)
		m.as(token, "/set?k=v").newToken("the answer that is lost")
		m.as(token, "/read").want("the next request", http.StatusOK, "u map[]")
	})
	e.rule("sealing goes on when the client hangs up", func(t *testing.T, e *env) {
		m := e.newMachine(session.Config{})
		saved := make(chan error, 1)
		m.handle("/hang-up", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			ctx, cancel := context.WithCancel(r.Context())
			cancel()
			saved <- errors.Join(s.Set("k", "v"), s.Save(ctx))
		})
		_, token := e.sealedClient(m)
		token = m.as(token, "/hang-up").newToken("the answer")
		if err := <-saved; err != nil {
			t.Errorf("Save: %v", err)
		}
		m.as(token, "/read").want("the next request", http.StatusOK, "u map[k:v]")
	})
}

func sealedTokens(t *testing.T, e *env) {
	e.rule("what the server did not seal costs no store access and is never adopted", func(t *testing.T, e *env) {
		m := e.newMachine(session.Config{})
		_, token := e.sealedClient(m)
		other := map[bool]string{true: "B", false: "A"}[token[50] == 'A']
		for _, forged := range []string{"x", token + "A", token[:len(token)-1], token[:50] + other + token[51:], strings.Repeat("A", 5000)} {
			var a answer
			if calls := m.store.during(func() { a = m.as(forged, "/read") }); len(calls) != 0 {
				t.Errorf("a forged token costs %v", calls)
			}
			a.want("a forged token", http.StatusOK, nobody)
			a.wantNoCookie("a forged token")
			if made := m.as(forged, "/set?k=v").newToken("a change under a forged token"); made == forged {
				t.Error("the forged token was adopted")
			}
		}
	})
	e.rule("a token of another application is none", func(t *testing.T, e *env) {
		m, other := e.newMachine(session.Config{}), e.newMachine(session.Config{App: "other"})
		_, token := e.sealedClient(m)
		other.as(token, "/read").want("there", http.StatusOK, nobody)
	})
}

func sealedSecrets(t *testing.T, e *env) {
	e.rule("neither cookie nor store tells what is in a session", func(t *testing.T, e *env) {
		m := e.newMachine(session.Config{})
		_, token := e.sealedClient(m)
		token = m.as(token, "/set?k=conspicuous").newToken("the value")
		if raw, err := base64.RawURLEncoding.DecodeString(token); err != nil || bytes.Contains(raw, []byte("conspicuous")) {
			t.Errorf("the cookie shows its content, %v", err)
		}
		if _, err := m.RevokeAll(t.Context(), "u"); err != nil {
			t.Fatal(err)
		}
		written := m.store.writtenRecords()
		equal(t, "records of who was signed out", len(written), 1)
		for _, rec := range written {
			equal(t, "the subject in the store", rec.Subject, "")
			m.as(makeToken(rec.ID, make([]byte, secretSize)), "/read").want("its ID as a token", http.StatusOK, nobody)
		}
	})
}

func sealedReading(t *testing.T, e *env) {
	e.rule("a reader sets no cookie, and costs the look at NotBefore", func(t *testing.T, e *env) {
		m := e.newMachine(session.Config{})
		c, _ := e.sealedClient(m)
		for name, check := range map[string]struct {
			c    *client
			want int
		}{"a stranger": {e.newClient(), 0}, "who is signed in": {c, 1}} {
			var a answer
			calls := m.store.during(func() { a = check.c.get(m, "/read") })
			a.wantNoCookie(name)
			if calls["Load"] != check.want || len(calls) > check.want {
				t.Errorf("%s costs %v", name, calls)
			}
		}
	})
	e.rule("use is sealed once per interval", func(t *testing.T, e *env) {
		m := e.newMachine(session.Config{TouchInterval: 100 * time.Millisecond})
		c, _ := e.sealedClient(m)
		c.get(m, "/read").wantNoCookie("at once")
		poll(t, "a reader is given a newer cookie", func() bool { return len(c.get(m, "/read").tokens) == 1 })
	})
}

func sealedRenewal(t *testing.T, e *env) {
	e.rule("a renewal leaves the old token good, and the deadline", func(t *testing.T, e *env) {
		m := e.newMachine(session.Config{})
		m.handle("/deadline", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			io.WriteString(w, s.Deadline().String())
		})
		c, old := e.sealedClient(m)
		deadline := c.get(m, "/deadline").body
		c.get(m, "/renew").newToken("the renewal")
		c.get(m, "/deadline").want("the deadline", http.StatusOK, deadline)
		m.as(old, "/read").want("the old token", http.StatusOK, "u map[]")
	})
	e.rule("rotation is refused", func(t *testing.T, e *env) {
		if _, err := session.NewSealed(e.sealer, session.Config{RotateEvery: time.Hour}); err == nil {
			t.Error("RotateEvery is accepted")
		}
	})
}

func sealedRecords(t *testing.T, e *env) {
	for _, tt := range []struct {
		name   string
		change func(rec *store.Record)
		status int
		body   string
		event  session.EventKind
	}{
		{"what is corrupt is reported, and its client goes on", func(rec *store.Record) { rec.Data = rec.Data[:5] },
			http.StatusOK, nobody, session.EventCorrupt},
		{"what is newer waits", func(rec *store.Record) { rec.Data[len(envelopeMagic)] = 200 },
			http.StatusServiceUnavailable, "Service Unavailable\n", session.EventLoadFailed},
	} {
		e.rule(tt.name, func(t *testing.T, e *env) {
			sealer := e.faulty()
			m := e.newMachine(session.Config{})
			c, token := e.sealedClient(m)
			sealer.change.Store(&tt.change)
			a := c.get(m, "/read")
			a.want("the answer", tt.status, tt.body)
			a.wantNoCookie("the answer")
			equal(t, "reports", m.events.count(tt.event), 1)
			sealer.change.Store(nil)
			m.as(token, "/read").want("the cookie, later", http.StatusOK, "u map[]")
		})
	}
}

func sealedOutage(t *testing.T, e *env) {
	e.rule("no keys", func(t *testing.T, e *env) {
		sealer := e.faulty()
		m := e.newMachine(session.Config{})
		c, _ := e.sealedClient(m)
		sealer.fails.Store(true)
		c.get(m, "/read").wantError("without keys", http.StatusServiceUnavailable)
		c.get(m, "/login?v").wantError("a login without keys", http.StatusServiceUnavailable)
		sealer.fails.Store(false)
		c.get(m, "/read").want("afterwards", http.StatusOK, "u map[]")
	})
	e.rule("nobody can tell who was signed out", func(t *testing.T, e *env) {
		m := e.newMachine(session.Config{})
		c, _ := e.sealedClient(m)
		m.store.fail("Load")
		c.get(m, "/read").wantError("without the store", http.StatusServiceUnavailable)
		e.newClient().get(m, "/set?k=v").newToken("an anonymous session without the store")
		m.store.heal()
		c.get(m, "/read").want("afterwards", http.StatusOK, "u map[]")
	})
}

func sealedResponse(t *testing.T, e *env) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		over := func(check func(*testing.T, *env, *machine)) func(*testing.T, *env) {
			return func(t *testing.T, e *env) { check(t, e, e.newTLSMachine(protocol)) }
		}
		e.rule("what a handler finds on its writer, "+protocol, over(abilities))
		e.rule("the cookie leaves with the first byte, "+protocol, over(cookieFirst))
		e.rule("early hints commit nothing, "+protocol, over(earlyHints))
		e.rule("a failed handler commits nothing, "+protocol, over(failedHandler))
	}
	e.rule("hijack with a cookie due", hijackWithCookie)
	e.rule("what Save has sealed is lost with the answer", func(t *testing.T, e *env) {
		m := e.newMachine(session.Config{})
		m.handle("/panic", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if err := errors.Join(s.Set("k", "v"), s.Save(r.Context())); err != nil {
				t.Error(err)
			}
			panic(http.ErrAbortHandler)
		})
		c, _ := e.sealedClient(m)
		if a := c.post(m, "/panic"); a.err == nil {
			t.Errorf("a panic is answered with %d", a.status)
		}
		c.get(m, "/read").want("afterwards", http.StatusOK, "u map[]")
	})
}

func sealedBounds(t *testing.T, e *env) {
	e.rule("a cookie that browsers would drop is never set", func(t *testing.T, e *env) {
		m := e.newMachine(session.Config{MaxSize: 3072})
		c, _ := e.sealedClient(m)
		c.get(m, "/set?k="+strings.Repeat("x", 3100)).wantNoCookie("more than MaxSize")
		a := c.get(m, "/set?k="+strings.Repeat("x", 3040))
		a.wantError("less than MaxSize, and more than fits", http.StatusInternalServerError)
		if a := c.get(m, "/set?k="+strings.Repeat("x", 2600)); len(cookieName(m))+len(a.newToken("what fits")) > 4096 {
			t.Error("a cookie of more than 4096 bytes was set")
		}
	})
}

// Who was signed out everywhere may be kept in any store: every machine knows.
func TestSealedNotBefore(t *testing.T) {
	for _, tt := range storeCases {
		t.Run(tt.name, func(t *testing.T) {
			e := &env{t: t, openCase: tt.open, sealer: sealed.sealer, open: tt.open(t)}
			m, other := e.newMachine(session.Config{}), e.newMachine(session.Config{})
			_, copied := e.sealedClient(m)
			other.as(copied, "/read").want("before", http.StatusOK, "u map[]")
			for range 2 { // a not-before is made, and moved
				if _, err := m.RevokeAll(t.Context(), "u"); err != nil {
					t.Fatal(err)
				}
				other.as(copied, "/read").want("a copy after RevokeAll", http.StatusOK, nobody)
				_, copied = e.sealedClient(other)
				m.as(copied, "/read").want("a sign-in after RevokeAll", http.StatusOK, "u map[]")
			}
		})
	}
}
