package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

// A fault is what can happen to a call of a store. It may cancel the request.
type fault func(ctx context.Context, cancel func(), do func() error) error

var errDown = errors.New("dial tcp 10.0.0.7:6379: password hunter2 refused")

var faults = map[string]fault{
	"error":   func(context.Context, func(), func() error) error { return errDown },
	"timeout": func(ctx context.Context, _ func(), _ func() error) error { <-ctx.Done(); return ctx.Err() },
	"lost answer": func(_ context.Context, _ func(), do func() error) error {
		do()
		return errDown
	},
	"cancel": func(ctx context.Context, cancel func(), do func() error) error {
		cancel()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
			return do()
		}
	},
}

const hungUp = 499 // nobody is there to read an answer

func TestSecurity_DS5_AFaultIsNeverAnotherAnswer(t *testing.T) {
	const fails = http.StatusServiceUnavailable
	none := act(idle)
	for _, tt := range []struct {
		op     string
		begin  func(t *testing.T) act // nil for a client without a session
		wait   time.Duration
		f      func(t *testing.T) act
		before string
		after  string // where it was done
		status map[string]int
	}{
		{"load", func(t *testing.T) act { return login(t, "u") }, 0, func(*testing.T) act { return show }, "<u>", "<u>",
			map[string]int{"error": fails, "timeout": fails, "lost answer": fails, "cancel": hungUp}},
		{"load", func(t *testing.T) act { return login(t, "u") }, 0, func(t *testing.T) act { return set(t, "k", 1) }, "<u>", "<u>",
			map[string]int{"error": fails, "timeout": fails, "lost answer": fails, "cancel": hungUp}},
		{"create", nil, 0, func(t *testing.T) act { return set(t, "k", 1) }, anonymous, "<> k=1",
			map[string]int{"error": fails, "timeout": fails, "lost answer": 200, "cancel": 200}},
		{"create", nil, 0, func(t *testing.T) act { return login(t, "u") }, anonymous, "<u>",
			map[string]int{"error": fails, "timeout": fails, "lost answer": 200, "cancel": 200}},
		{"save", func(t *testing.T) act { return login(t, "u") }, 0, func(t *testing.T) act { return set(t, "k", 1) }, "<u>", "<u> k=1",
			map[string]int{"error": fails, "timeout": fails, "lost answer": 200, "cancel": 200}},
		{"save", func(t *testing.T) act { return set(t, "k", 1) }, 0, func(t *testing.T) act { return login(t, "u") }, "<> k=1", "<u> k=1",
			map[string]int{"error": fails, "timeout": fails, "lost answer": 200, "cancel": 200}},
		{"touch", func(t *testing.T) act { return login(t, "u") }, 2 * time.Minute, func(*testing.T) act { return none }, "<u>", "<u>",
			map[string]int{"error": 200, "timeout": 200, "lost answer": 200, "cancel": 200}},
	} {
		for name, fault := range faults {
			t.Run(tt.op+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newProbe(t, session.Config{})
					c := p.client()
					if tt.begin != nil {
						c.must(tt.begin(t))
					}
					c.wants(tt.before)
					time.Sleep(tt.wait)
					token := c.token()
					ctx, cancel := context.WithCancel(t.Context())
					met := false
					p.tap.put(func(ctx context.Context, op string, do func() error) error {
						if op != tt.op {
							return do()
						}
						met = true
						return fault(ctx, cancel, do)
					})
					res := c.visit(tt.f(t), func(r *http.Request) { *r = *r.WithContext(ctx) })
					p.tap.put(nil)
					if !met {
						t.Fatalf("the request does without %s", tt.op)
					}
					if res.StatusCode != tt.status[name] {
						t.Errorf("status %d, want %d", res.StatusCode, tt.status[name])
					}
					want := tt.after
					if res.StatusCode != 200 {
						want = tt.before
						if len(res.Header["Set-Cookie"]) != 0 || c.token() != token {
							t.Errorf("an error answer sets %q", res.Header["Set-Cookie"])
						}
						if got := res.Header.Get("Cache-Control"); got != "no-store" && res.StatusCode != hungUp {
							t.Errorf("an error answer has Cache-Control %q", got)
						}
						if body := text(t, res); body != "Service Unavailable\n" && res.StatusCode != hungUp {
							t.Errorf("the error answer is %q", body)
						}
					}
					c.wants(want) // the outage is over
				})
			})
		}
	}
}

func TestSecurity_DS5_ALogoutThatFailedIsNoLogout(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProbe(t, session.Config{})
				c := p.client().must(login(t, "u"))
				token := c.token()
				ctx, cancel := context.WithCancel(t.Context())
				p.tap.put(func(ctx context.Context, op string, do func() error) error {
					if op == "delete" {
						return fault(ctx, cancel, do)
					}
					return do()
				})
				var err error
				res := c.visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					if err = s.Destroy(r.Context()); err != nil {
						if s.Subject() != "u" {
							t.Error("the session is not as it was")
						}
						w.WriteHeader(session.ErrorStatus(err))
					}
				}, func(r *http.Request) { *r = *r.WithContext(ctx) })
				p.tap.put(nil)
				switch name {
				case "cancel":
					if err != nil || c.token() != "" {
						t.Errorf("%v; the client holds %q", err, c.token())
					}
					p.with(token).wants(anonymous)
				case "lost answer":
					if err == nil || res.StatusCode != 503 || c.token() != token {
						t.Errorf("%v, %d; the client holds %q", err, res.StatusCode, c.token())
					}
				default:
					if err == nil || res.StatusCode != 503 {
						t.Errorf("%v, %d; want an error and 503", err, res.StatusCode)
					}
					c.wants("<u>")
				}
			})
		})
	}
}

func TestSecurity_DS5_AnAdministratorIsToldOfFaults(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	id, _ := rawToken(t, c.token())
	p.tap.fail("delete", errDown)
	if err := p.m.Revoke(t.Context(), id); !errors.Is(err, errDown) || session.ErrorStatus(err) != 503 {
		t.Errorf("Revoke: %v", err)
	}
	if n, err := p.m.RevokeAll(t.Context(), "u"); n != 0 || !errors.Is(err, errDown) {
		t.Errorf("RevokeAll: %d, %v", n, err)
	}
	p.tap.fail("list", errDown)
	if _, err := p.m.RevokeAll(t.Context(), "u"); !errors.Is(err, errDown) {
		t.Errorf("RevokeAll: %v", err)
	}
	if infos, err := collect(p.m.List(t.Context(), "u")); infos != nil || !errors.Is(err, errDown) {
		t.Errorf("List: %v, %v", infos, err)
	}
	if got := p.heard(); strings.Contains(got, "revoked") {
		t.Errorf("the events are %q", got)
	}
	p.tap.put(nil)
	c.wants("<u>")
}

func TestSecurity_DS6_ACorruptRecordIsNobodysAndStays(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing": {}, "format 0": envelope("\x00\x01\x02"), "garbage": envelope("\x01garbage"), "short": envelope("\x01"),
		"no secret": envelope("\x01\x00\x00"), "a count that lies": envelope("\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
	} {
		t.Run(name, func(t *testing.T) {
			p := newProbe(t, session.Config{})
			c := p.client().must(login(t, "u"))
			token := c.token()
			id, _ := rawToken(t, token)
			p.saw()
			before := len(p.tap.given())
			p.tap.poison(func(rec store.Record) store.Record {
				if rec.ID == id {
					rec.Data = data
				}
				return rec
			})
			res := c.visit(set(t, "k", 1))
			if res.StatusCode != 200 || c.token() == token || c.token() == "" {
				t.Errorf("%d; the client holds %q", res.StatusCode, c.token())
			}
			c.wants("<> k=1") // a new session
			events := p.saw()
			if len(events) != 2 || events[0].Kind != session.EventCorrupt || events[0].ID != id || events[0].Subject != "u" || events[0].Err == nil {
				t.Errorf("the events are %+v", events)
			}
			for _, rec := range p.tap.given()[before:] {
				if rec.ID == id {
					t.Error("the corrupt record was overwritten")
				}
			}
			p.tap.poison(nil)
			p.with(token).wants("<u>")
		})
	}
}

func TestSecurity_DS6_ANewerFormatWaitsForItsProgram(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	p.saw()
	p.tap.poison(func(rec store.Record) store.Record {
		rec.Data = slices.Clone(rec.Data)
		rec.Data[3]++
		return rec
	})
	for _, f := range []act{show, set(t, "k", 1), login(t, "u"), logout(t)} {
		res := c.visit(func(http.ResponseWriter, *http.Request, *session.Session) { t.Error("the handler runs"); _ = f })
		if res.StatusCode != 503 || len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("%d %q, want 503 and no cookie", res.StatusCode, res.Header["Set-Cookie"])
		}
	}
	if got := p.heard(); got != "load failed, load failed, load failed, load failed" {
		t.Errorf("the events are %q", got)
	}
	p.tap.poison(nil)
	c.wants("<u>")
}

func TestSecurity_DS7_AnErrorPageTellsNothing(t *testing.T) {
	p := newProbe(t, session.Config{MaxSize: 1000})
	c := p.client().must(login(t, "u"))
	token := c.token()
	pages := map[string]func() *http.Response{
		"load": func() *http.Response { p.tap.fail("load", errDown); return c.visit(show) },
		"save": func() *http.Response {
			p.tap.fail("save", errDown)
			return c.visit(set(t, "secret key", "secret value"))
		},
		"ended": func() *http.Response {
			return c.visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				s.Set("secret key", 1)
				if err := p.m.Revoke(r.Context(), s.ID()); err != nil {
					t.Error(err)
				}
			})
		},
	}
	for _, name := range []string{"load", "save", "ended"} {
		res := pages[name]()
		p.tap.put(nil)
		body := text(t, res)
		if res.StatusCode < 400 || body != http.StatusText(res.StatusCode)+"\n" {
			t.Errorf("%s: %d %q", name, res.StatusCode, body)
		}
		all := body + fmt.Sprint(res.Header)
		id, secret := rawToken(t, token)
		for _, word := range slices.Concat(spellings(secret[:]), spellings(id[:]), []string{token, "hunter2", "secret", "goroutine", ".go:"}) {
			if strings.Contains(all, word) {
				t.Errorf("%s: the answer holds %q", name, word)
			}
		}
	}
}
