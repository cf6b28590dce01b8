package checklist

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
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
)

// A fault is what can happen to a call of a store. It may cancel the request.
type fault func(ctx context.Context, cancel func(), do func() error) error

var faults = map[string]fault{
	"error":   func(context.Context, func(), func() error) error { return probe.ErrDown },
	"timeout": func(ctx context.Context, _ func(), _ func() error) error { <-ctx.Done(); return ctx.Err() },
	"lost answer": func(_ context.Context, _ func(), do func() error) error {
		do()
		return probe.ErrDown
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
	none := probe.Act(probe.Idle)
	for _, tt := range []struct {
		op     string
		begin  func(t *testing.T) probe.Act // nil for a client without a session
		wait   time.Duration
		f      func(t *testing.T) probe.Act
		before string
		after  string // where it was done
		status map[string]int
	}{
		{"load", func(t *testing.T) probe.Act { return probe.Login(t, "u") }, 0, func(*testing.T) probe.Act { return probe.Show }, "<u>", "<u>",
			map[string]int{"error": fails, "timeout": fails, "lost answer": fails, "cancel": hungUp}},
		{"load", func(t *testing.T) probe.Act { return probe.Login(t, "u") }, 0, func(t *testing.T) probe.Act { return probe.Set(t, "k", 1) }, "<u>", "<u>",
			map[string]int{"error": fails, "timeout": fails, "lost answer": fails, "cancel": hungUp}},
		{"create", nil, 0, func(t *testing.T) probe.Act { return probe.Set(t, "k", 1) }, probe.Anonymous, "<> k=1",
			map[string]int{"error": fails, "timeout": fails, "lost answer": 200, "cancel": 200}},
		{"create", nil, 0, func(t *testing.T) probe.Act { return probe.Login(t, "u") }, probe.Anonymous, "<u>",
			map[string]int{"error": fails, "timeout": fails, "lost answer": 200, "cancel": 200}},
		{"save", func(t *testing.T) probe.Act { return probe.Login(t, "u") }, 0, func(t *testing.T) probe.Act { return probe.Set(t, "k", 1) }, "<u>", "<u> k=1",
			map[string]int{"error": fails, "timeout": fails, "lost answer": 200, "cancel": 200}},
		{"save", func(t *testing.T) probe.Act { return probe.Set(t, "k", 1) }, 0, func(t *testing.T) probe.Act { return probe.Login(t, "u") }, "<> k=1", "<u> k=1",
			map[string]int{"error": fails, "timeout": fails, "lost answer": 200, "cancel": 200}},
		{"touch", func(t *testing.T) probe.Act { return probe.Login(t, "u") }, 2 * time.Minute, func(*testing.T) probe.Act { return none }, "<u>", "<u>",
			map[string]int{"error": 200, "timeout": 200, "lost answer": 200, "cancel": 200}},
	} {
		for name, fault := range faults {
			t.Run(tt.op+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := probe.New(t, session.Config{})
					c := p.Client()
					if tt.begin != nil {
						c.Must(tt.begin(t))
					}
					c.Wants(tt.before)
					time.Sleep(tt.wait)
					token := c.Token()
					ctx, cancel := context.WithCancel(t.Context())
					met := false
					p.Tap.Put(func(ctx context.Context, op string, do func() error) error {
						if op != tt.op {
							return do()
						}
						met = true
						return fault(ctx, cancel, do)
					})
					res := c.Visit(tt.f(t), func(r *http.Request) { *r = *r.WithContext(ctx) })
					p.Tap.Put(nil)
					if !met {
						t.Fatalf("the request does without %s", tt.op)
					}
					if res.StatusCode != tt.status[name] {
						t.Errorf("status %d, want %d", res.StatusCode, tt.status[name])
					}
					want := tt.after
					if res.StatusCode != 200 {
						want = tt.before
						if len(res.Header["Set-Cookie"]) != 0 || c.Token() != token {
							t.Errorf("an error answer sets %q", res.Header["Set-Cookie"])
						}
						if got := res.Header.Get("Cache-Control"); got != "no-store" && res.StatusCode != hungUp {
							t.Errorf("an error answer has Cache-Control %q", got)
						}
						if body := probe.Text(t, res); body != "Service Unavailable\n" && res.StatusCode != hungUp {
							t.Errorf("the error answer is %q", body)
						}
					}
					c.Wants(want) // the outage is over
				})
			})
		}
	}
}

func TestSecurity_DS5_ALogoutThatFailedIsNoLogout(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probe.New(t, session.Config{})
				c := p.Client().Must(probe.Login(t, "u"))
				token := c.Token()
				ctx, cancel := context.WithCancel(t.Context())
				p.Tap.Put(func(ctx context.Context, op string, do func() error) error {
					if op == "delete" {
						return fault(ctx, cancel, do)
					}
					return do()
				})
				var err error
				res := c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					if err = s.Destroy(r.Context()); err != nil {
						if s.Subject() != "u" {
							t.Error("the session is not as it was")
						}
						w.WriteHeader(session.ErrorStatus(err))
					}
				}, func(r *http.Request) { *r = *r.WithContext(ctx) })
				p.Tap.Put(nil)
				switch name {
				case "cancel":
					if err != nil || c.Token() != "" {
						t.Errorf("%v; the client holds %q", err, c.Token())
					}
					p.With(token).Wants(probe.Anonymous)
				case "lost answer":
					if err == nil || res.StatusCode != 503 || c.Token() != token {
						t.Errorf("%v, %d; the client holds %q", err, res.StatusCode, c.Token())
					}
				default:
					if err == nil || res.StatusCode != 503 {
						t.Errorf("%v, %d; want an error and 503", err, res.StatusCode)
					}
					c.Wants("<u>")
				}
			})
		})
	}
}

func TestSecurity_DS5_AnAdministratorIsToldOfFaults(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	id, _ := probe.RawToken(t, c.Token())
	p.Tap.Fail("delete", probe.ErrDown)
	if err := p.M.Revoke(t.Context(), id); !errors.Is(err, probe.ErrDown) || session.ErrorStatus(err) != 503 {
		t.Errorf("Revoke: %v", err)
	}
	if n, err := p.M.RevokeAll(t.Context(), "u"); n != 0 || !errors.Is(err, probe.ErrDown) {
		t.Errorf("RevokeAll: %d, %v", n, err)
	}
	p.Tap.Fail("list", probe.ErrDown)
	if _, err := p.M.RevokeAll(t.Context(), "u"); !errors.Is(err, probe.ErrDown) {
		t.Errorf("RevokeAll: %v", err)
	}
	if infos, err := probe.Collect(p.M.List(t.Context(), "u")); infos != nil || !errors.Is(err, probe.ErrDown) {
		t.Errorf("List: %v, %v", infos, err)
	}
	if got := p.Heard(); strings.Contains(got, "revoked") {
		t.Errorf("the events are %q", got)
	}
	p.Tap.Put(nil)
	c.Wants("<u>")
}

func TestSecurity_DS6_ACorruptRecordIsNobodysAndStays(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing": {}, "format 0": probe.Envelope("\x00\x01\x02"), "garbage": probe.Envelope("\x01garbage"), "short": probe.Envelope("\x01"),
		"no secret": probe.Envelope("\x01\x00\x00"), "a count that lies": probe.Envelope("\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
	} {
		t.Run(name, func(t *testing.T) {
			p := probe.New(t, session.Config{})
			c := p.Client().Must(probe.Login(t, "u"))
			token := c.Token()
			id, _ := probe.RawToken(t, token)
			p.Saw()
			before := len(p.Tap.Given())
			p.Tap.Poison(func(rec store.Record) store.Record {
				if rec.ID == id {
					rec.Data = data
				}
				return rec
			})
			res := c.Visit(probe.Set(t, "k", 1))
			if res.StatusCode != 200 || c.Token() == token || c.Token() == "" {
				t.Errorf("%d; the client holds %q", res.StatusCode, c.Token())
			}
			c.Wants("<> k=1") // a new session
			events := p.Saw()
			if len(events) != 2 || events[0].Kind != session.EventCorrupt || events[0].ID != id || events[0].Subject != "u" || events[0].Err == nil {
				t.Errorf("the events are %+v", events)
			}
			for _, rec := range p.Tap.Given()[before:] {
				if rec.ID == id {
					t.Error("the corrupt record was overwritten")
				}
			}
			p.Tap.Poison(nil)
			p.With(token).Wants("<u>")
		})
	}
}

func TestSecurity_DS6_ANewerFormatWaitsForItsProgram(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	p.Saw()
	p.Tap.Poison(func(rec store.Record) store.Record {
		rec.Data = slices.Clone(rec.Data)
		rec.Data[3]++
		return rec
	})
	for _, f := range []probe.Act{probe.Show, probe.Set(t, "k", 1), probe.Login(t, "u"), probe.Logout(t)} {
		res := c.Visit(func(http.ResponseWriter, *http.Request, *session.Session) { t.Error("the handler runs"); _ = f })
		if res.StatusCode != 503 || len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("%d %q, want 503 and no cookie", res.StatusCode, res.Header["Set-Cookie"])
		}
	}
	if got := p.Heard(); got != "load failed, load failed, load failed, load failed" {
		t.Errorf("the events are %q", got)
	}
	p.Tap.Poison(nil)
	c.Wants("<u>")
}

func TestSecurity_DS7_AnErrorPageTellsNothing(t *testing.T) {
	p := probe.New(t, session.Config{MaxSize: 1000})
	c := p.Client().Must(probe.Login(t, "u"))
	token := c.Token()
	pages := map[string]func() *http.Response{
		"load": func() *http.Response { p.Tap.Fail("load", probe.ErrDown); return c.Visit(probe.Show) },
		"save": func() *http.Response {
			p.Tap.Fail("save", probe.ErrDown)
			return c.Visit(probe.Set(t, "secret key", "secret value"))
		},
		"ended": func() *http.Response {
			return c.Visit(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				s.Set("secret key", 1)
				if err := p.M.Revoke(r.Context(), s.ID()); err != nil {
					t.Error(err)
				}
			})
		},
	}
	for _, name := range []string{"load", "save", "ended"} {
		res := pages[name]()
		p.Tap.Put(nil)
		body := probe.Text(t, res)
		if res.StatusCode < 400 || body != http.StatusText(res.StatusCode)+"\n" {
			t.Errorf("%s: %d %q", name, res.StatusCode, body)
		}
		all := body + fmt.Sprint(res.Header)
		id, secret := probe.RawToken(t, token)
		for _, word := range slices.Concat(spellings(secret[:]), spellings(id[:]), []string{token, "hunter2", "secret", "goroutine", ".go:"}) {
			if strings.Contains(all, word) {
				t.Errorf("%s: the answer holds %q", name, word)
			}
		}
	}
}
