package concurrent

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store/memstore"
)

// A way to use a session, which runs beside every other way. It fails the test if
// what it reads is no state that anybody has put.
type way func(t *testing.T, m *session.Manager, w http.ResponseWriter, r *http.Request, s *session.Session)

// reads makes a way of a getter, which finds one of the values that are there.
func reads[T comparable](get func(s *session.Session) T, values ...T) way {
	return func(t *testing.T, _ *session.Manager, _ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if got := get(s); !slices.Contains(values, got) {
			t.Errorf("reads %v, want one of %v", got, values)
		}
	}
}

// readsTime makes a way of a getter of a time, which is the zero Time or within a
// day.
func readsTime(get func(s *session.Session) time.Time) way {
	return func(t *testing.T, _ *session.Manager, _ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if at := get(s); !at.IsZero() && (time.Until(at) > 24*time.Hour || time.Since(at) > 24*time.Hour) {
			t.Errorf("reads %v", at)
		}
	}
}

// tries makes a way of what may fail: the session may have ended.
func tries(f func(r *http.Request, s *session.Session) error) way {
	return func(_ *testing.T, _ *session.Manager, _ http.ResponseWriter, r *http.Request, s *session.Session) {
		_ = f(r, s)
	}
}

// Two subjects of different lengths and beginnings: a reader who gets parts of
// both gets neither.
const (
	shortSubject = "al"
	longSubject  = "bob, whose subject is longer"
)

var greetings = session.NewKey[[]string]("greetings")

// methods has a way for each method of Session.
var methods = map[string]way{
	"ID":              reads(func(s *session.Session) bool { return s.ID().IsZero() }, false),
	"Manager":         reads(func(s *session.Session) bool { return s.Manager() == nil }, false),
	"IsNew":           reads((*session.Session).IsNew, true, false),
	"Lapsed":          reads((*session.Session).Lapsed, true, false),
	"Subject":         reads((*session.Session).Subject, "", shortSubject, longSubject),
	"Label":           reads((*session.Session).Label, "", "phone", "laptop at work"),
	"Level":           reads((*session.Session).Level, 0, 1, 2),
	"Created":         readsTime((*session.Session).Created),
	"Seen":            readsTime((*session.Session).Seen),
	"Expires":         readsTime((*session.Session).Expires),
	"Deadline":        readsTime((*session.Session).Deadline),
	"AuthenticatedAt": readsTime((*session.Session).AuthenticatedAt),
	"Lifetime": func(t *testing.T, _ *session.Manager, _ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if l, own := s.Lifetime(); !own && l != (session.Lifetime{}) {
			t.Errorf("without a lifetime of its own it reads %+v", l)
		}
	},
	"Get": reads(func(s *session.Session) any { return s.Get("k") }, nil, "v", 1),
	"Keys": func(t *testing.T, _ *session.Manager, _ http.ResponseWriter, _ *http.Request, s *session.Session) {
		for key := range s.Keys() {
			if !slices.Contains([]string{"k", "n", "greetings"}, key) {
				t.Errorf("a key is %q", key)
			}
		}
	},
	"String": func(t *testing.T, _ *session.Manager, _ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if text := s.String(); text != "new session" && len(text) != len("session ")+22 {
			t.Errorf("String is %q", text)
		}
	},
	"Format": func(_ *testing.T, _ *session.Manager, _ http.ResponseWriter, _ *http.Request, s *session.Session) {
		fmt.Fprintf(io.Discard, "%v", s)
	},
	"Set": tries(func(_ *http.Request, s *session.Session) error {
		_ = s.Set("k", "v")
		return s.Set("k", 1)
	}),
	"Pop":    reads(func(s *session.Session) any { return s.Pop("k") }, nil, "v", 1),
	"Delete": tries(func(_ *http.Request, s *session.Session) error { return s.Delete("k") }),
	"Clear":  tries(func(_ *http.Request, s *session.Session) error { return s.Clear() }),
	"Login": tries(func(_ *http.Request, s *session.Session) error {
		_ = s.Login(shortSubject)
		return s.Login(longSubject)
	}),
	"Renew": tries(func(_ *http.Request, s *session.Session) error { return s.Renew() }),
	"Reauthenticate": tries(func(_ *http.Request, s *session.Session) error {
		_ = s.Reauthenticate(1)
		return s.Reauthenticate(2)
	}),
	"SetLifetime": tries(func(_ *http.Request, s *session.Session) error {
		return s.SetLifetime(session.Lifetime{Absolute: time.Hour})
	}),
	"SetLabel": tries(func(_ *http.Request, s *session.Session) error {
		_ = s.SetLabel("phone")
		return s.SetLabel("laptop at work")
	}),
	"Reload": tries(func(r *http.Request, s *session.Session) error { return s.Reload(r.Context()) }),
	"Save":   tries(func(r *http.Request, s *session.Session) error { return s.Save(r.Context()) }),
	"Touch":  tries(func(r *http.Request, s *session.Session) error { return s.Touch(r.Context()) }),
	"Watch": tries(func(r *http.Request, s *session.Session) error {
		w, err := s.Watch(r.Context())
		if err == nil {
			w.Stop()
		}
		return err
	}),
	"Destroy": tries(func(r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) }),
	"Discard": tries(func(_ *http.Request, s *session.Session) error { s.Discard(); return nil }),
	"Binding": tries(func(_ *http.Request, s *session.Session) error {
		_, err := s.Binding("together")
		return err
	}),
	"Bindings": tries(func(_ *http.Request, s *session.Session) error {
		_, err := s.Bindings("together")
		return err
	}),
}

// others has the ways to a session that are no methods of it.
var others = map[string]way{
	"Key.Get":    reads(func(s *session.Session) bool { n, _ := probe.Counter.Get(s); return n >= 0 }, true),
	"Key.Update": tries(func(_ *http.Request, s *session.Session) error { return probe.Increment(s) }),
	"Key.Pop":    tries(func(_ *http.Request, s *session.Session) error { probe.Counter.Pop(s); return nil }),
	"Key.Update of a list": tries(func(_ *http.Request, s *session.Session) error {
		return greetings.Update(s, func(texts []string) ([]string, error) { return append(texts, "hello"), nil })
	}),
	"Key.Take": func(t *testing.T, _ *session.Manager, _ http.ResponseWriter, r *http.Request, s *session.Session) {
		texts, _, _ := greetings.Take(r.Context(), s)
		if slices.ContainsFunc(texts, func(text string) bool { return text != "hello" }) {
			t.Errorf("Take returns %q", texts)
		}
	},
	"Manager.Start": func(_ *testing.T, m *session.Manager, w http.ResponseWriter, r *http.Request, _ *session.Session) {
		_, _ = m.Start(w, r)
	},
	"Manager.Destroy": func(_ *testing.T, m *session.Manager, w http.ResponseWriter, r *http.Request, _ *session.Session) {
		_ = m.Destroy(w, r)
	},
	"Manager.Commit": func(_ *testing.T, m *session.Manager, _ http.ResponseWriter, r *http.Request, s *session.Session) {
		_, _ = m.Commit(r.Context(), s)
	},
	"Manager.RevokeAll": func(_ *testing.T, m *session.Manager, _ http.ResponseWriter, r *http.Request, _ *session.Session) {
		_, _ = m.RevokeAll(r.Context(), longSubject)
	},
	"Manager.RevokeOthers": func(_ *testing.T, m *session.Manager, _ http.ResponseWriter, r *http.Request, s *session.Session) {
		_, _ = m.RevokeOthers(r.Context(), s)
	},
	"Manager.Answer": func(_ *testing.T, m *session.Manager, _ http.ResponseWriter, r *http.Request, _ *session.Session) {
		m.Answer(httptest.NewRecorder(), r, session.ErrEnded)
	},
	"csrf.Token": tries(func(_ *http.Request, s *session.Session) error {
		_, err := csrf.Token(s)
		return err
	}),
	"csrf.Verify":  reads(func(s *session.Session) bool { return csrf.Verify(s, strings.Repeat("A", 128)) == nil }, false),
	"csrf.Require": guards(csrf.Require),
	"the response": func(_ *testing.T, _ *session.Manager, w http.ResponseWriter, _ *http.Request, _ *session.Session) {
		io.WriteString(w, "x")
	},
}

func guards(guard func(http.Handler) http.Handler) way {
	h := guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return func(_ *testing.T, _ *session.Manager, _ http.ResponseWriter, r *http.Request, _ *session.Session) {
		post := r.Clone(r.Context())
		post.Method, post.Body = "POST", http.NoBody
		h.ServeHTTP(httptest.NewRecorder(), post)
	}
}

// mayAbort lets a response be aborted, as where a change comes between the commit
// and the first byte, and would need a cookie.
func mayAbort(request func()) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			panic(p)
		}
	}()
	request()
}

func TestEveryMethodOfSessionHasItsPairs(t *testing.T) {
	typ := reflect.TypeFor[*session.Session]()
	for i := range typ.NumMethod() {
		if name := typ.Method(i).Name; methods[name] == nil {
			t.Errorf("Session.%s is not among the methods that run beside each other: add it to the table", name)
		}
	}
	if typ.NumMethod() != len(methods) {
		t.Errorf("Session has %d methods, the table %d", typ.NumMethod(), len(methods))
	}
}

// TestASessionIsUsedByManyGoroutines runs every way to use a session beside every
// other, itself too. The race detector sees what has no lock.
func TestASessionIsUsedByManyGoroutines(t *testing.T) {
	ways := maps.Clone(methods)
	maps.Copy(ways, others)
	names := slices.Sorted(maps.Keys(ways))
	for _, kind := range []struct {
		name   string
		sealed bool
		before []string // the requests of the client before this one
		lost   string   // one more, whose answer the client never sees
		revoke bool     // once it has begun
	}{
		{"new", false, nil, "", false},
		{"stored", false, []string{"/set?v"}, "", false},
		{"signed in", false, []string{"/set?v", "/login?" + shortSubject}, "", false},
		{"replaced", false, []string{"/login?" + shortSubject}, "/renew", false},
		{"revoked", false, []string{"/login?" + shortSubject}, "", true},
		{"sealed, new", true, nil, "", false},
		{"sealed, signed in", true, []string{"/set?v", "/login?" + shortSubject}, "", false},
		{"sealed, revoked", true, []string{"/login?" + shortSubject}, "", true},
	} {
		t.Run(kind.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := session.Config{GCInterval: -1, Grace: time.Hour}
				var site *probe.Site
				if kind.sealed {
					cfg.NotBefore = memstore.New()
					site = probe.SealedSite(t, probe.NewRing(t), cfg)
				} else {
					site = probe.NewSite(t, nil, cfg)
					site.Answers()
				}
				var pair [2]string
				site.Handle("/pair", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					_ = s.Set("k", "v") // what is pending is written to
					if kind.revoke {
						_, err := site.M.RevokeAll(context.Background(), shortSubject)
						probe.Must(t, err)
					}
					var wg sync.WaitGroup
					for _, name := range pair {
						wg.Go(func() {
							for range 3 {
								ways[name](t, site.M, w, r, s)
							}
						})
					}
					wg.Wait()
				})
				for i, a := range names {
					for _, b := range names[i:] {
						if pair = [2]string{a, b}; a == b && a == "the response" {
							continue // no two goroutines write to it
						}
						browser := site.With("", "")
						for _, path := range kind.before {
							browser.Get(path)
						}
						if kind.lost != "" {
							browser.Send(kind.lost)
						}
						time.Sleep(2 * time.Minute) // so that its use has to be written
						mayAbort(func() { browser.Send("/pair") })
					}
				}
			})
		})
	}
}
