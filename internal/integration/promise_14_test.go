package integration

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/b4468f51/session"
)

func bounded(t *testing.T, e *env) {
	e.rule("size at Set", sizeAtSet)
	e.rule("size at the merge", sizeAtMerge)
	e.rule("values", valuesLimit)
	e.rule("values at the merge", valuesAtMerge)
	e.rule("pending changes", pendingLimit)
	e.rule("keys and subjects", keyLimit)
	e.rule("the wait for another writer", waitLimit)
	e.rule("retries", retryLimit)
	e.rule("other secrets", secretsLimit)
	e.rule("machines that write", machinesLimit)
	e.rule("garbage collection stops", collectionStops)
	e.rule("nothing runs after Close", nothingRunsAfterClose)
}

func tooLarge(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, session.ErrTooLarge) {
		t.Errorf("%s: got %v, want ErrTooLarge", what, err)
	}
}

func sizeAtSet(t *testing.T, e *env) {
	m := e.newMachine(session.Config{MaxSize: 1000})
	c, _ := e.signedIn(m, "u")
	big := strings.Repeat("x", 600)
	m.handle("/grow", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Set("a", big); err != nil {
			t.Error(err)
		}
		tooLarge(t, "a second value", s.Set("b", big))
		tooLarge(t, "a larger value", s.Set("a", big+big))
		tooLarge(t, "a larger update", session.NewKey[string]("a").Update(s, func(v string) (string, error) { return v + v, nil }))
		if err := s.Set("a", big[1:]); err != nil {
			t.Errorf("the same size again: %v", err)
		}
		if err := s.Set("c", "small"); err != nil {
			t.Error(err)
		}
	})
	c.get(m, "/grow").want("grow", http.StatusOK, "")
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[a:"+big[1:]+" c:small]")

	// The default is a limit, too, and the largest there is fits every store.
	m = e.newMachine(session.Config{})
	m.handle("/huge", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		tooLarge(t, "64 KiB by default", s.Set("k", make([]byte, 64<<10)))
	})
	c.get(m, "/huge").want("huge", http.StatusOK, "")
	largest := e.newMachine(session.Config{MaxSize: 1_000_000})
	largest.handle("/huge", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Set("k", make([]byte, 999_900)); err != nil {
			t.Error(err)
		}
	})
	e.newClient().get(largest, "/huge").newToken("the largest session")
}

func sizeAtMerge(t *testing.T, e *env) {
	m := e.newMachine(session.Config{MaxSize: 1000})
	c, _ := e.signedIn(m, "u")
	big := strings.Repeat("x", 600)
	m.handle("/outer", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Set("outer", big); err != nil {
			t.Error(err)
		}
		c.get(m, "/set?inner="+big).want("the request within", http.StatusOK, "")
	})
	c.get(m, "/outer").wantError("the request around", http.StatusInternalServerError)
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[inner:"+big+"]")
	m.handle("/save", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := errors.Join(s.Delete("inner"), s.Save(r.Context()), s.Set("outer", big)); err != nil {
			t.Error(err)
		}
		c.get(m, "/set?inner="+big).want("the request within", http.StatusOK, "")
		tooLarge(t, "Save", s.Save(r.Context()))
		s.Discard()
	})
	c.get(m, "/save").want("the request around", http.StatusOK, "")
}

func valuesLimit(t *testing.T, e *env) {
	m := e.newMachine(session.Config{MaxValues: 3})
	c, _ := e.signedIn(m, "u")
	m.handle("/grow", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := errors.Join(s.Set("a", 1), s.Set("b", 2), s.Set("c", 3), s.Set("a", 4)); err != nil {
			t.Error(err)
		}
		tooLarge(t, "a fourth value", s.Set("d", 5))
		if err := errors.Join(s.Delete("b"), s.Set("d", 6)); err != nil {
			t.Error(err)
		}
	})
	c.get(m, "/grow").want("grow", http.StatusOK, "")
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[a:4 c:3 d:6]")
}

func valuesAtMerge(t *testing.T, e *env) {
	m := e.newMachine(session.Config{MaxValues: 1})
	c, _ := e.signedIn(m, "u")
	m.handle("/outer", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Set("outer", 1); err != nil {
			t.Error(err)
		}
		c.get(m, "/set?inner=1").want("the request within", http.StatusOK, "")
	})
	c.get(m, "/outer").wantError("the request around", http.StatusInternalServerError)
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[inner:1]")
}

func pendingLimit(t *testing.T, e *env) {
	m := e.newMachine(session.Config{MaxPending: 5})
	c, _ := e.signedIn(m, "u")
	m.handle("/grow", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		for i := range 100 { // the last makes the others pointless
			if err := s.Set("k", i); err != nil {
				t.Error(err)
			}
		}
		for range 4 {
			if err := number.Update(s, plusOne); err != nil {
				t.Error(err)
			}
		}
		tooLarge(t, "a sixth change", number.Update(s, plusOne))
		if err := errors.Join(s.Save(r.Context()), number.Update(s, plusOne)); err != nil {
			t.Errorf("after Save: %v", err)
		}
	})
	c.get(m, "/grow").want("grow", http.StatusOK, "")
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[k:99 n:5]")
}

func keyLimit(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, _ := e.signedIn(m, "u")
	long := strings.Repeat("k", 256)
	m.handle("/keys", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Set(long, "v"); err != nil {
			t.Errorf("a key of 256 bytes: %v", err)
		}
		for _, key := range []string{"", long + "k"} {
			if err := s.Set(key, "v"); err == nil {
				t.Errorf("a key of %d bytes is no error", len(key))
			}
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("NewKey of %d bytes does not panic", len(key))
					}
				}()
				session.NewKey[int](key)
			}()
		}
		for _, subject := range []string{"", strings.Repeat("s", 256), "a\x00b", "\xff"} {
			if err := s.Login(subject); err == nil {
				t.Errorf("the subject %q is no error", subject)
			}
		}
	})
	c.get(m, "/keys").want("keys", http.StatusOK, "")
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map["+long+":v]")
	e.newClient().get(m, "/login?"+strings.Repeat("s", 255)).newToken("a subject of 255 bytes")
}
