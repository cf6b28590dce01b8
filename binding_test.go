package session_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
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
)

// bound has a handler ask for a binding, and returns it.
func bound(c *probe.Client, purpose string) (b session.Binding) {
	c.P.T.Helper()
	c.Must(probe.Succeed(c.P.T, func(_ *http.Request, s *session.Session) (err error) {
		b, err = s.Binding(purpose)
		return err
	}))
	return b
}

// checked returns the bindings that a request of the client brings.
func checked(c *probe.Client, purpose string, edits ...func(*http.Request)) (all []session.Binding, err error) {
	c.Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { all, err = s.Bindings(purpose) }, edits...)
	return all, err
}

func same(a, b session.Binding) (client, signIn bool) {
	return bytes.Equal(a.Client, b.Client), bytes.Equal(a.SignIn, b.SignIn)
}

func TestABindingIsOfOneClientAndOneSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{RotateEvery: 10 * time.Minute})
		c := p.Client()
		b := bound(c, "forms")
		if len(b.Client) != 32 || len(b.SignIn) != 32 || bytes.Equal(b.Client, b.SignIn) {
			t.Fatalf("it has %d and %d bytes", len(b.Client), len(b.SignIn))
		}
		for _, step := range []struct {
			name   string
			act    probe.Act
			signIn bool // is the same afterwards
		}{
			{"nothing", probe.Idle, true},
			{"the first session", probe.Set(t, "k", 1), true},
			{"login", probe.Login(t, "u"), false},
			{"a change", probe.Set(t, "k", 2), true},
			{"a rotation", func(http.ResponseWriter, *http.Request, *session.Session) { time.Sleep(11 * time.Minute) }, true},
			{"its confirmation", probe.Idle, true},
			{"renew", probe.Renew(t), false},
			{"reauthenticate", probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return s.Reauthenticate(1) }), false},
			{"another login", probe.Login(t, "u"), false},
			{"logout", probe.Logout(t), false},
		} {
			c.Must(step.act)
			next := bound(c, "forms")
			client, signIn := same(b, next)
			if !client || signIn != step.signIn {
				t.Errorf("after %s: the same client: %v, the same sign-in: %v, want %v", step.name, client, signIn, step.signIn)
			}
			if all, err := checked(c, "forms"); err != nil || len(all) != 1 || !bytes.Equal(all[0].Client, next.Client) || !bytes.Equal(all[0].SignIn, next.SignIn) {
				t.Errorf("after %s: the request brings %d bindings, or others: %v", step.name, len(all), err)
			}
			b = next
		}
		if client, signIn := same(b, bound(p.Client(), "forms")); client || signIn {
			t.Errorf("another client: the same client: %v, the same sign-in: %v", client, signIn)
		}
	})
}

// What is made for one purpose, or by one application, is good for no other.
func TestABindingIsOfOnePurposeAndOneRealm(t *testing.T) {
	shared := probe.NewTap()
	a := probe.Over(t, shared, session.Config{App: "a", Cookie: session.Cookie{Name: "id"}})
	b := probe.Over(t, shared, session.Config{App: "b", Cookie: session.Cookie{Name: "id"}})
	c := a.Client()
	forms := bound(c, "forms")
	elsewhere := &probe.Client{P: b, Jar: c.Jar, URL: c.URL}
	secret, err := base64.RawURLEncoding.DecodeString(c.Cookie("id-csrf"))
	probe.Must(t, err)
	key := sha256.Sum256(append([]byte("session form cookie\x00"), secret...)) // of a client without a session
	if longer := bound(c, string(key[:])+"forms"); bytes.Equal(longer.Client, forms.SignIn) {
		t.Error("the client of another purpose is the sign-in of this one")
	}
	for name, other := range map[string]session.Binding{
		"another purpose": bound(c, "links"), "none": bound(c, ""), "a longer one": bound(c, "forms2"), "another realm": bound(elsewhere, "forms"),
	} {
		if client, signIn := same(forms, other); client || signIn {
			t.Errorf("%s: the same client: %v, the same sign-in: %v", name, client, signIn)
		}
	}
}

func TestBindingsAreThoseOfEveryCookie(t *testing.T) {
	const good, other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA"
	for _, tt := range []struct {
		name    string // of the session's cookie
		values  string
		want    int
		several bool
		err     bool
	}{
		{"id", "", 0, false, false},
		{"id", good, 1, false, false},
		{"id", good + " " + good, 1, false, false},
		{"id", good + " " + other, 2, false, false},
		{"id", "x " + good, 1, false, false},
		{"id", "x", 0, false, true},
		{"id", good + "A", 0, false, true},
		{"id", strings.Repeat(good+" ", 4), 0, true, true},
		{"__Host-id", good, 1, false, false},
		{"__Host-id", good + " " + good, 0, true, true},
		{"__Host-id", good + " " + other, 0, true, true},
	} {
		p := probe.New(t, session.Config{Cookie: session.Cookie{Name: tt.name}})
		var lines []string
		for _, val := range strings.Fields(tt.values) {
			lines = append(lines, tt.name+"-csrf="+val)
		}
		res := p.Client().Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			all, err := s.Bindings("forms")
			if len(all) != tt.want || (err != nil) != tt.err || errors.Is(err, session.ErrSeveralCookies) != tt.several {
				t.Errorf("%s of %q: %d bindings, want %d; %v", tt.name, tt.values, len(all), tt.want, err)
			}
		}, probe.Cookies(lines...))
		if len(res.Cookies()) > 0 || res.Header.Get("Vary") != "Cookie" {
			t.Errorf("%s of %q: the answer has %v", tt.name, tt.values, res.Header)
		}
	}
}

func TestABindingTakesAResponseThatCanSetItsCookie(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client()
	c.Visit(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		w.WriteHeader(200)
		if _, err := s.Binding("forms"); err != session.ErrHeadersSent {
			t.Errorf("after the header: %v", err)
		}
	})
	s, err := p.M.Load(httptest.NewRequest("GET", "/", nil))
	probe.Must(t, err)
	if _, err := s.Binding("forms"); err == nil {
		t.Error("there is one where its cookie cannot be set")
	}
	for name, f := range map[string]func(*session.Session) error{
		"Binding":  func(s *session.Session) error { _, err := s.Binding("forms"); return err },
		"Bindings": func(s *session.Session) error { _, err := s.Bindings("forms"); return err },
	} {
		if err := f(nil); err != session.ErrNoSession {
			t.Errorf("%s without a session: %v", name, err)
		}
		inHeader := probe.New(t, session.Config{Header: "Authorization"})
		res := inHeader.Client().Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if err := f(s); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%s with a header: %v", name, err)
			}
		})
		if len(res.Cookies()) > 0 {
			t.Errorf("%s with a header sets %v", name, res.Cookies())
		}
	}
}

func TestABindingShowsItselfToNoLog(t *testing.T) {
	b := bound(probe.New(t, session.Config{}).Client(), "forms")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "binding", b)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "binding", b)
	text, err := json.Marshal(b)
	probe.Must(t, err)
	log.Write(text)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		fmt.Fprintf(&log, verb, b)
	}
	if got := strings.Count(log.String(), "binding of a client"); got != 9 || log.Len() > 500 {
		t.Errorf("shown are %s", &log)
	}
}
