package sessiontest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/sessiontest"
)

func TestRequest(t *testing.T) {
	r := httptest.NewRequest("POST", "/a?b", nil)
	r.Header.Set("Cookie", "theirs=1")
	got, s := sessiontest.Request(t, r, sessiontest.Options{})
	if session.FromContext(got.Context()) != s || !s.IsNew() || s.Subject() != "" {
		t.Errorf("the session is %v, IsNew %v, of %q", s, s.IsNew(), s.Subject())
	}
	if got.URL.String() != "/a?b" || got.Method != "POST" || got.Header.Get("Cookie") != "theirs=1" {
		t.Error("the request is another one")
	}
	got, s = sessiontest.Request(t, r, sessiontest.Options{Subject: "u", Values: map[string]any{"a": 1}})
	if session.FromContext(got.Context()) != s || s.IsNew() || s.Subject() != "u" || s.Get("a") != 1 {
		t.Errorf("the session is %v, IsNew %v, of %q, with %v", s, s.IsNew(), s.Subject(), s.Get("a"))
	}
	if err := s.Set("b", 2); err != nil {
		t.Error(err)
	}
	if err := s.Save(got.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Destroy(got.Context()); err != nil {
		t.Error(err)
	}
}

func TestRequestWithAConfig(t *testing.T) {
	_, s := sessiontest.Request(t, httptest.NewRequest("GET", "/", nil), sessiontest.Options{
		Config: session.Config{MaxValues: 1, Cookie: session.Cookie{Name: "other", SameSite: http.SameSiteStrictMode}},
		Values: map[string]any{"a": 1},
	})
	if err := s.Set("b", 2); err == nil {
		t.Error("the limit was not heeded")
	}
}

func TestRequestTakesForms(t *testing.T) {
	for _, o := range []sessiontest.Options{{}, {Subject: "u"}, {Subject: "u", Config: session.Config{Header: "Authorization"}}} {
		r, s := sessiontest.Request(t, httptest.NewRequest("POST", "/", nil), o)
		token, err := csrf.Token(s)
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		r.Header.Set("X-CSRF-Token", token)
		w := httptest.NewRecorder()
		csrf.Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		if w.Code != http.StatusOK || s.Subject() != o.Subject {
			t.Errorf("status %d, subject %q", w.Code, s.Subject())
		}
	}
}
