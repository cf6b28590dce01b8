package answer

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

func TestVaryStandsInEachAnswerToARequestWithAToken(t *testing.T) {
	for name, cfg := range map[string]session.Config{"Cookie": {}, "Authorization": {Header: "Authorization"}, "X-Token": {Header: "X-Token"}} {
		p := probe.New(t, cfg)
		w := httptest.NewRecorder()
		p.M.Handler(probe.Act(probe.Login(t, "u"))).ServeHTTP(w, httptest.NewRequest("GET", probe.URL, nil))
		cookie, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
		line := map[string]string{
			"Cookie":        cookie,
			"Authorization": "Bearer " + w.Header().Get("Session-Token"),
			"X-Token":       w.Header().Get("X-Token"),
		}[name]
		for what, token := range map[string]string{
			"good": line, "unknown": line[:len(line)-64] + probe.ForgedToken(), "malformed": line + "x", "none": "",
		} {
			for how, f := range map[string]probe.Act{
				"not used": probe.Idle,
				"used after the first byte": func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					io.WriteString(w, "page")
					s.Subject()
				},
				"failed":        func(w http.ResponseWriter, r *http.Request, s *session.Session) { w.WriteHeader(500) },
				"used and sent": func(w http.ResponseWriter, r *http.Request, s *session.Session) { s.Lapsed() },
			} {
				r := httptest.NewRequest("GET", probe.URL, nil)
				if token != "" {
					r.Header.Set(name, token)
				}
				w := httptest.NewRecorder()
				p.M.Handler(f).ServeHTTP(w, r)
				var want []string
				if what != "none" || how == "used and sent" {
					want = []string{name}
				}
				if got := w.Result().Header["Vary"]; !slices.Equal(got, want) {
					t.Errorf("%s token in %s, %s: Vary is %q, want %q", what, name, how, got, want)
				}
			}
		}
	}
}

func TestVaryStandsInTheAnswerToAFailedLoad(t *testing.T) {
	for name, handler := range map[string]func(w http.ResponseWriter, r *http.Request, err error){
		"default": nil,
		"nothing": func(http.ResponseWriter, *http.Request, error) {},
		"a page":  func(w http.ResponseWriter, _ *http.Request, _ error) { io.WriteString(w, "sorry") },
		"a stream": func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.NewResponseController(w).Flush()
			io.WriteString(w, "sorry")
		},
		"a status": func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusTooManyRequests) },
		"one with headers": func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.Header().Set("Vary", "Accept-Language")
			w.WriteHeader(http.StatusBadGateway)
		},
	} {
		p := probe.New(t, session.Config{ErrorHandler: handler})
		token := p.Client().Must(probe.Login(t, "u")).Token()
		p.Tap.Fail("load", probe.ErrDown)
		res := p.With(token).Visit(probe.Show)
		if !slices.Contains(res.Header["Vary"], "Cookie") || res.StatusCode < 400 || len(res.Header["Set-Cookie"]) > 0 {
			t.Errorf("%s: %d %q", name, res.StatusCode, res.Header)
		}
	}
}

// Whoever asks the session anything gets an answer that depends on the cookie.
func TestEveryMethodOfASessionMakesTheAnswerVary(t *testing.T) {
	none := map[string]bool{"String": true, "Format": true, "Discard": true, "Manager": true} // they tell the client nothing
	kind := reflect.TypeFor[*session.Session]()
	for i := range kind.NumMethod() {
		method := kind.Method(i)
		if none[method.Name] {
			continue
		}
		p := probe.New(t, session.Config{})
		res := p.Client().Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			in := []reflect.Value{reflect.ValueOf(s)}
			for i := 1; i < method.Type.NumIn(); i++ {
				arg := reflect.New(method.Type.In(i)).Elem()
				switch method.Type.In(i) {
				case reflect.TypeFor[context.Context]():
					arg.Set(reflect.ValueOf(r.Context()))
				case reflect.TypeFor[string]():
					arg.SetString("x")
				}
				in = append(in, arg)
			}
			if method.Type.IsVariadic() {
				in = in[:len(in)-1]
			}
			method.Func.Call(in)
		})
		if got := res.Header["Vary"]; !slices.Equal(got, []string{"Cookie"}) {
			t.Errorf("after %s Vary is %q", method.Name, got)
		}
	}
}
