package limit

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// do runs one request, with a Cookie header, in a handler.
func do(m *Manager[int], cookie string, h func(*Session[int])) http.Header {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		h(FromContext[int](r.Context()))
	})).ServeHTTP(w, r)
	return w.Header()
}

// begin returns the cookie of a new session.
func begin(m *Manager[int], content int) string {
	h := do(m, "", func(s *Session[int]) { s.Begin(content) })
	pair, _, _ := strings.Cut(h.Get("Set-Cookie"), ";")
	return pair
}

func get(m *Manager[int], cookie string) (content int, ok bool) {
	do(m, cookie, func(s *Session[int]) { content, ok = s.Get() })
	return content, ok
}

func TestNewSession(t *testing.T) {
	m := New[int]()
	h := do(m, "", func(s *Session[int]) { s.Begin(7) })
	c, err := http.ParseSetCookie(h.Get("Set-Cookie"))
	if err != nil || c.Name != cookieName || len(c.Value) != tokenLen || c.Path != "/" ||
		!c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("Set-Cookie: %v, %v", c, err)
	}
	if h.Get("Cache-Control") != "no-store" || h.Get("Vary") != "Cookie" {
		t.Errorf("headers: %v", h)
	}
	if got, ok := get(m, "a=b; "+c.Name+"="+c.Value+"; c=d"); got != 7 || !ok {
		t.Errorf("next request: %d, %t", got, ok)
	}
}

func TestRefuses(t *testing.T) {
	m := New[int]()
	good, other := begin(m, 1), begin(m, 2)
	head := len(cookieName) + 1 + 24 // 18 bytes: the ID and two of the secret
	for name, cookie := range map[string]string{
		"no cookie":     "",
		"wrong secret":  good[:head] + other[head:],
		"unknown ID":    cookieName + "=AAAA" + good[len(cookieName)+5:],
		"no base64":     good[:len(good)-1] + "+",
		"line break":    good[:len(good)-1] + "\n",
		"too short":     good[:len(good)-1],
		"too long":      good + "A",
		"other name":    "x" + good,
		"planted":       good + "; " + other,
		"empty":         cookieName + "=",
		"just the name": cookieName,
	} {
		if content, ok := get(m, cookie); ok {
			t.Errorf("%s: accepted, with content %d", name, content)
		}
	}
	if content, ok := get(m, good); content != 1 || !ok {
		t.Errorf("the good one: %d, %t", content, ok)
	}
}

func TestExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New[int]()
		idle, used := begin(m, 1), begin(m, 2)
		for range 23*60/50 + 1 {
			time.Sleep(50 * time.Minute)
			if _, ok := get(m, used); !ok {
				t.Fatal("one that was used all the time has expired")
			}
		}
		if _, ok := get(m, idle); ok {
			t.Error("an idle one was accepted")
		}
		time.Sleep(50 * time.Minute)
		if _, ok := get(m, used); ok {
			t.Error("one past its deadline was accepted")
		}
	})
}

func TestUpdatesCompose(t *testing.T) {
	m := New[int]()
	cookie := begin(m, 0)
	const n = 100
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			do(m, cookie, func(s *Session[int]) {
				if err := s.Update(func(i int) int { return i + 1 }); err != nil {
					t.Error(err)
				}
			})
		})
	}
	wg.Wait()
	if got, _ := get(m, cookie); got != n {
		t.Errorf("%d of %d updates were kept", got, n)
	}
}

func TestEndIsFinal(t *testing.T) {
	m := New[int]()
	cookie := begin(m, 1)
	do(m, cookie, func(late *Session[int]) {
		do(m, cookie, func(s *Session[int]) { s.End() })
		if err := late.Update(func(i int) int { return i }); err != ErrEnded {
			t.Errorf("update of an ended session: %v", err)
		}
	})
	if _, ok := get(m, cookie); ok {
		t.Error("an ended session came back")
	}
}

func TestVary(t *testing.T) {
	m := New[int]()
	cookie := begin(m, 1)
	if h := do(m, cookie, func(*Session[int]) {}); len(h) != 0 {
		t.Errorf("headers of an unused session: %v", h)
	}
	if h := do(m, cookie, func(s *Session[int]) { s.Get(); s.Get() }); len(h) != 1 || len(h["Vary"]) != 1 {
		t.Errorf("headers of a read: %v", h)
	}
	if h := do(m, cookie, func(s *Session[int]) {
		s.header["Vary"] = []string{"Accept, cookie"}
		s.Get()
	}); len(h["Vary"]) != 1 {
		t.Errorf("Vary twice: %v", h)
	}
}

func TestReadAllocates(t *testing.T) {
	m := New[int]()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", begin(m, 1))
	w := httptest.NewRecorder()
	h := m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		FromContext[int](r.Context()).Get()
	}))
	h.ServeHTTP(w, r)
	if n := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); n != 2 {
		t.Errorf("%v allocations, want 2: the context and the request's copy", n)
	}
}
