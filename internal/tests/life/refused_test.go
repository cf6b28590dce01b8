package life

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// failing has what tells of a change of a session whether it was made, by name.
var failing = map[string]func(ctx context.Context, s *session.Session) error{
	"Set":            func(_ context.Context, s *session.Session) error { return s.Set("k", "new") },
	"Delete":         func(_ context.Context, s *session.Session) error { return s.Delete("k") },
	"Clear":          func(_ context.Context, s *session.Session) error { return s.Clear() },
	"SetLabel":       func(_ context.Context, s *session.Session) error { return s.SetLabel("phone") },
	"SetLifetime":    func(_ context.Context, s *session.Session) error { return s.SetLifetime(session.Lifetime{}) },
	"Renew":          func(_ context.Context, s *session.Session) error { return s.Renew() },
	"Reauthenticate": func(_ context.Context, s *session.Session) error { return s.Reauthenticate(1) },
	"Login":          func(_ context.Context, s *session.Session) error { return s.Login("u") },
	"Save":           func(ctx context.Context, s *session.Session) error { return s.Save(ctx) },
	"Reload":         func(ctx context.Context, s *session.Session) error { return s.Reload(ctx) },
	"Touch":          func(ctx context.Context, s *session.Session) error { return s.Touch(ctx) },
	"Destroy":        func(ctx context.Context, s *session.Session) error { return s.Destroy(ctx) },
	"Key.Set":        func(_ context.Context, s *session.Session) error { return probe.Counter.Set(s, 7) },
	"Key.Delete":     func(_ context.Context, s *session.Session) error { return probe.Counter.Delete(s) },
	"Key.Update":     func(_ context.Context, s *session.Session) error { return probe.Increment(s) },
}

func TestEveryMethodThatMayFailIsTested(t *testing.T) {
	typ := reflect.TypeFor[*session.Session]()
	for i := range typ.NumMethod() {
		m := typ.Method(i)
		n := m.Type.NumOut()
		if n > 0 && m.Type.Out(n-1) == reflect.TypeFor[error]() && failing[m.Name] == nil && !strings.HasPrefix(m.Name, "Binding") && m.Name != "Watch" {
			t.Errorf("Session.%s is not among the changes that may be refused: add it to the table", m.Name)
		}
	}
}

// everyChange makes each change of a session and wants the same error of each, but
// for those that are named.
func everyChange(t *testing.T, s *session.Session, want error, but ...string) {
	t.Helper()
	for name, change := range failing {
		if slices.Contains(but, name) {
			continue
		}
		if err := change(t.Context(), s); !errors.Is(err, want) {
			t.Errorf("%s returns %v, want %v", name, err, want)
		}
	}
	if v := s.Pop("k"); v != nil {
		t.Errorf("Pop returns %v", v)
	}
	if n, ok := probe.Counter.Pop(s); ok {
		t.Errorf("Key.Pop returns %v", n)
	}
}

func TestAChangeOfNoSessionSaysWhatIsMissing(t *testing.T) {
	everyChange(t, session.FromContext(t.Context()), session.ErrNoSession)
}

// Whatever ended it: what comes too late is told so, and changes nothing.
func TestAChangeOfAnEndedSessionIsRefused(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, c *probe.Client, s *session.Session){
		"revoked, and Save has met it": func(t *testing.T, c *probe.Client, s *session.Session) {
			probe.Must(t, c.P.M.Revoke(t.Context(), s.ID()), s.Set("k", "late"))
			if err := s.Save(t.Context()); !errors.Is(err, session.ErrEnded) {
				t.Errorf("Save returns %v, want ErrEnded", err)
			}
		},
		"revoked, and Touch has met it": func(t *testing.T, c *probe.Client, s *session.Session) {
			probe.Must(t, c.P.M.Revoke(t.Context(), s.ID()))
			if err := s.Touch(t.Context()); !errors.Is(err, session.ErrEnded) {
				t.Errorf("Touch returns %v, want ErrEnded", err)
			}
		},
		"renewed by another request, and Save has met it": func(t *testing.T, c *probe.Client, s *session.Session) {
			c.P.With(c.Token()).Must(probe.Renew(t))
			probe.Must(t, s.Set("k", "late"))
			if err := s.Save(t.Context()); !errors.Is(err, session.ErrEnded) {
				t.Errorf("Save returns %v, want ErrEnded", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := probe.New(t, session.Config{})
			c := p.Client().Must(probe.Set(t, "k", "old")).Must(probe.Login(t, "u"))
			res := c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				end(t, c, s)
				if s.Subject() != "" || s.Get("k") != nil || !s.AuthenticatedAt().IsZero() {
					t.Errorf("it still reads as %q with %v", s.Subject(), s.Get("k"))
				}
				everyChange(t, s, session.ErrEnded, "Login") // which begins another
				s.Discard()
				w.WriteHeader(http.StatusTeapot)
			})
			if res.StatusCode != http.StatusTeapot || len(res.Cookies()) != 0 {
				t.Errorf("status %d, cookies %v", res.StatusCode, res.Cookies())
			}
		})
	}
}

func TestAChangeAfterTheHandlerReturnedIsRefused(t *testing.T) {
	for _, before := range []string{"nothing", "a sign-in"} {
		p := probe.New(t, session.Config{})
		c := p.Client()
		if before != "nothing" {
			c.Must(probe.Set(t, "k", "old")).Must(probe.Login(t, "u"))
		}
		was := c.State()
		var s *session.Session
		c.Visit(func(_ http.ResponseWriter, _ *http.Request, own *session.Session) { s = own })
		p.Tap.Took()
		everyChange(t, s, session.ErrDone)
		if calls := p.Tap.Took(); len(calls) != 0 {
			t.Errorf("the store was asked to %v", calls)
		}
		c.Wants(was)
	}
}

// A handler that heeds no error must not tell the client that all went well.
func TestALateChangeIsNeverAnsweredAsASuccess(t *testing.T) {
	for name, sealed := range map[string]bool{"stored": false, "sealed": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var site *probe.Site
				if sealed {
					site = probe.SealedSite(t, probe.NewRing(t), session.Config{NotBefore: memstore.New()})
				} else {
					site = probe.NewSite(t, nil, session.Config{})
					site.Answers()
				}
				site.Handle("/late", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					_ = s.Set("k", "late")
					_, err := site.M.RevokeAll(context.Background(), "u")
					probe.Must(t, err)
					if err := s.Touch(r.Context()); !errors.Is(err, session.ErrEnded) {
						t.Errorf("Touch returns %v, want ErrEnded", err)
					}
					w.Write([]byte("saved"))
				})
				b := site.Browser()
				b.Want("/login?u", 200, "u/")
				b.Want("/late", http.StatusConflict, "Conflict")
				b.Want("/read", 200, "/")
			})
		})
	}
}

// TestDestroyWaitsForASaveThatIsUnderWay: the session of that Save must not come
// back, nor its cookie go out.
func TestDestroyWaitsForASaveThatIsUnderWay(t *testing.T) {
	mem := memstore.New()
	f := &probe.Faulty{Store: mem}
	d := probe.NewDirect(t, f, session.Config{})
	s := d.Load(nil)
	probe.Must(t, s.Login("u"))
	destroyed := make(chan error, 1)
	f.OnCreate = func(ctx context.Context, rec store.Record) error {
		go func() { destroyed <- s.Destroy(context.Background()) }()
		for len(destroyed) == 0 && !waitsForATurn("Destroy") {
			runtime.Gosched()
		}
		return mem.Create(ctx, rec)
	}
	probe.Must(t, s.Save(t.Context()), <-destroyed)
	if c := d.Commit(s); c != nil && c.Value != "" {
		t.Error("the client gets a token")
	}
	if infos, err := probe.Collect(d.M.List(t.Context(), "u")); err != nil || len(infos) != 0 || s.Subject() != "" {
		t.Errorf("it came back: %v, %v, of %q", infos, err, s.Subject())
	}
}

// waitsForATurn tells whether a goroutine waits for another to be done, in a method of Session.
func waitsForATurn(method string) bool {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, "lockBetweenTurns") && strings.Contains(stack, "(*Session)."+method+"(") {
			return true
		}
	}
	return false
}

// TestALookWaitsForASaveThatIsUnderWay: it must not show what was loaded before
// that Save over what the Save has stored.
func TestALookWaitsForASaveThatIsUnderWay(t *testing.T) {
	for name, look := range looks {
		mem := memstore.New()
		f := &probe.Faulty{Store: mem}
		d := probe.NewDirect(t, f, session.Config{})
		c := d.With("k", "old")
		s := d.Load(c)
		probe.Must(t, s.Set("k", "new"))
		saved := make(chan error, 1)
		f.OnLoad = func(ctx context.Context, id store.ID) (store.Record, error) {
			f.OnLoad = nil
			rec, err := mem.Load(ctx, id)
			go func() { saved <- s.Save(context.Background()) }()
			for len(saved) == 0 && !waitsForATurn("Save") {
				runtime.Gosched()
			}
			return rec, err
		}
		probe.Must(t, look(t.Context(), s), <-saved)
		if s.Get("k") != "new" || d.Load(c).Get("k") != "new" {
			t.Errorf("%s: the session has %v, the store %v", name, s.Get("k"), d.Load(c).Get("k"))
		}
	}
}

// What a request does to one key, one after another, is what it finds at the end,
// and what is stored.
func TestChangesOfOneKeyFollowEachOther(t *testing.T) {
	pop := func(s *session.Session) error { s.Pop("k"); return nil }
	set := func(v any) func(*session.Session) error {
		return func(s *session.Session) error { return s.Set("k", v) }
	}
	del := func(s *session.Session) error { return s.Delete("k") }
	clear := func(s *session.Session) error { return s.Clear() }
	for name, test := range map[string]struct {
		steps []func(*session.Session) error
		want  any
	}{
		"pop, set":           {[]func(*session.Session) error{pop, set(1)}, 1},
		"pop, set, set":      {[]func(*session.Session) error{pop, set(1), set(2)}, 2},
		"set, pop":           {[]func(*session.Session) error{set(1), pop}, nil},
		"set, pop, set":      {[]func(*session.Session) error{set(1), pop, set(2)}, 2},
		"set, pop, delete":   {[]func(*session.Session) error{set(1), pop, del}, nil},
		"set, pop, clear":    {[]func(*session.Session) error{set(1), pop, clear}, nil},
		"pop, set, pop, set": {[]func(*session.Session) error{pop, set(1), pop, set(2)}, 2},
		"delete, set, pop":   {[]func(*session.Session) error{del, set(1), pop}, nil},
	} {
		for _, stored := range []bool{false, true} {
			d := probe.NewDirect(t, nil, session.Config{})
			var c *http.Cookie
			if stored {
				c = d.With("k", "old")
			}
			s := d.Load(c)
			for _, step := range append(test.steps, func(s *session.Session) error { return s.Set("other", 1) }) {
				probe.Must(t, step(s))
			}
			seen := s.Get("k")
			if own := d.Commit(s); c == nil {
				c = own
			}
			if got := d.Load(c).Get("k"); got != test.want || seen != test.want {
				t.Errorf("%s, stored %v: the request sees %v, the next one %v, want %v", name, stored, seen, got, test.want)
			}
		}
	}
}
