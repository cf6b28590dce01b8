package checklist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// A contextKey is the key of a value of a handler.
type contextKey struct{}

// printed returns all that fmt and encoding/json make of a value.
func printed(x any) string {
	var b strings.Builder
	for verb := 'A'; verb <= 'z'; verb++ {
		if verb == '[' { // the letters that follow are small
			verb = 'a'
		}
		for _, flag := range []string{"", "+", "#", "+#", " "} {
			fmt.Fprintf(&b, "%"+flag+string(verb)+"\n", x)
		}
	}
	fmt.Fprintln(&b, x)
	text, err := json.Marshal(x)
	fmt.Fprintf(&b, "%s %v", text, err)
	return b.String()
}

func TestSecurity_DT4_PrintingTheWriterOrTheContextShowsTheIDAtMost(t *testing.T) {
	const subject, value = "the-subject-of-it", "the-value-in-it"
	var leaks func(what string, x any)
	p := probe.New(t, session.Config{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
		leaks("the writer of an error page", w)
	}})
	c := p.Client().Must(probe.Login(t, subject)).Must(probe.Set(t, "k", value))
	var secrets []string
	leaks = func(what string, x any) {
		t.Helper()
		out := printed(x)
		for _, secret := range secrets {
			if at := strings.Index(out, secret); at >= 0 {
				t.Errorf("%s shows %q: %.300q", what, secret, out[max(0, at-200):])
			}
		}
	}
	all := func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		id := s.ID().String()
		for what, x := range map[string]any{
			"the writer":               w,
			"a wrapper of it":          struct{ http.ResponseWriter }{w},
			"a struct that holds it":   struct{ w http.ResponseWriter }{w},
			"the context":              r.Context(),
			"one with a value":         context.WithValue(r.Context(), contextKey{}, "child"),
			"a struct that embeds it":  struct{ context.Context }{r.Context()},
			"a struct that holds that": struct{ ctx context.Context }{r.Context()},
			"an error of it":           errors.Join(context.Cause(r.Context())),
		} {
			leaks(what, x)
			if shown := fmt.Sprint(x); strings.HasPrefix(what, "the ") && !strings.Contains(shown, id) {
				t.Errorf("%s is %q, without the session's ID", what, shown)
			}
		}
		ctx, cancel := context.WithCancel(r.Context())
		leaks("one that can be cancelled", ctx)
		cancel()
	}
	for range 2 {
		for name, f := range map[string]probe.Act{"read": probe.Show, "changed": probe.Set(t, "k", value), "renewed": probe.Renew(t), "saved": probe.Saved(t, probe.Renew(t))} {
			token := c.Token()
			secrets = []string{token, token[22:], subject, value}
			if res := c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				f(w, r, s)
				all(w, r, s)
				w.WriteHeader(http.StatusOK)
				all(w, r, s)
			}); res.StatusCode >= 500 {
				t.Errorf("%s: %d", name, res.StatusCode)
			}
		}
	}
	p.Tap.Fail("save", probe.ErrDown)
	c.Visit(probe.Set(t, "k", 1))
}

// A session that Start has begun holds its cookie until the answer leaves.
func TestSecurity_DT4_ASessionOfStartPrintsNoToken(t *testing.T) {
	p := probe.New(t, session.Config{})
	w := httptest.NewRecorder()
	s, err := p.M.Start(w, httptest.NewRequest("GET", probe.URL, nil))
	if err != nil {
		t.Fatal(err)
	}
	token := w.Result().Cookies()[0].Value
	for what, x := range map[string]any{"the session": s, "a struct that holds it": struct{ s *session.Session }{s}} {
		if out := printed(x); strings.Contains(out, token) {
			t.Errorf("%s shows the token: %.300q", what, out[strings.Index(out, token)-100:])
		}
	}
}
