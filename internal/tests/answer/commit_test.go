package answer

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

func TestResponse_TheFirstByteCommits(t *testing.T) {
	for name, tt := range map[string]struct {
		f      func(w http.ResponseWriter)
		status int
		keeps  bool
	}{
		"nothing":     {func(http.ResponseWriter) {}, 200, true},
		"write":       {func(w http.ResponseWriter) { io.WriteString(w, "x") }, 200, true},
		"empty write": {func(w http.ResponseWriter) { w.Write(nil) }, 200, true},
		"flush":       {func(w http.ResponseWriter) { w.(http.Flusher).Flush() }, 200, true},
		"read from":   {func(w http.ResponseWriter) { io.Copy(w, strings.NewReader("x")) }, 200, true},
		"201":         {func(w http.ResponseWriter) { w.WriteHeader(201) }, 201, true},
		"204":         {func(w http.ResponseWriter) { w.WriteHeader(204) }, 204, true},
		"303":         {func(w http.ResponseWriter) { w.Header().Set("Location", "/"); w.WriteHeader(303) }, 303, true},
		"304":         {func(w http.ResponseWriter) { w.WriteHeader(304) }, 304, true},
		"404":         {func(w http.ResponseWriter) { w.WriteHeader(404) }, 404, true},
		"499":         {func(w http.ResponseWriter) { w.WriteHeader(499) }, 499, true},
		"500":         {func(w http.ResponseWriter) { w.WriteHeader(500) }, 500, false},
		"503":         {func(w http.ResponseWriter) { http.Error(w, "no", http.StatusServiceUnavailable) }, 503, false},
		"103, 200":    {func(w http.ResponseWriter) { w.WriteHeader(103); w.WriteHeader(200) }, 200, true},
		"103, 500":    {func(w http.ResponseWriter) { w.WriteHeader(103); w.WriteHeader(500) }, 500, false},
		"102, 100":    {func(w http.ResponseWriter) { w.WriteHeader(102); w.WriteHeader(100) }, 200, true},
		"200, 500":    {func(w http.ResponseWriter) { w.WriteHeader(200); w.WriteHeader(500) }, 200, true},
	} {
		for _, version := range []probe.Version{probe.HTTP1, probe.HTTP2} {
			for _, method := range []string{"GET", "HEAD"} {
				t.Run(name+" "+string(version)+" "+method, func(t *testing.T) {
					p := probe.New(t, session.Config{})
					srv, c := probe.Serve(t, version, p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
						if r.URL.Path == "/show" {
							probe.Show(w, r, s)
							return
						}
						s.Set("k", 1)
						tt.f(w)
					})))
					r, _ := http.NewRequest(method, srv.URL, nil)
					c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
					res, _, err := probe.Fetch(t, c, r)
					if err != nil {
						t.Fatal(err)
					}
					probe.CheckAnswer(t, res)
					if res.StatusCode != tt.status || (probe.SessionCookie(res) != nil) != tt.keeps {
						t.Errorf("%d %q, want %d and a cookie: %v", res.StatusCode, res.Header, tt.status, tt.keeps)
					}
					want := map[bool]string{true: "<> k=1", false: probe.Anonymous}[tt.keeps]
					if _, got := probe.Get(t, c, srv.URL+"/show"); got != want {
						t.Errorf("the session is %q, want %q", got, want)
					}
				})
			}
		}
	}
}

func TestResponse_InformationalAnswersCommitNothing(t *testing.T) {
	p := probe.New(t, session.Config{})
	for _, status := range []int{100, 102, 103, 199} {
		p.Client().Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			s.Set("k", 1)
			p.Tap.Took()
			w.WriteHeader(status)
			if calls := p.Tap.Took(); len(calls) != 0 {
				t.Errorf("%d had the store %v", status, calls)
			}
			if err := s.Set("k2", 1); err != nil {
				t.Errorf("after %d: %v", status, err)
			}
		})
	}
	w := newPlain()
	p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Set("k", 1)
		p.Tap.Took()
		w.WriteHeader(http.StatusSwitchingProtocols)
		if calls := p.Tap.Took(); len(calls) != 1 || calls[0] != "create" {
			t.Errorf("101 had the store %v", calls)
		}
	})).ServeHTTP(w, httptest.NewRequest("GET", probe.URL, nil))
	if w.status != 101 || len(w.header["Set-Cookie"]) != 1 {
		t.Errorf("%d %q, want 101 and the cookie", w.status, w.header)
	}
}

func TestResponse_ServerErrorsKeepWhatWasSaved(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client()
	res := c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Login("u")
		s.Set("saved", 1)
		if err := s.Save(r.Context()); err != nil {
			t.Error(err)
		}
		s.Set("dropped", 1)
		s.Renew()
		w.WriteHeader(500)
		s.Set("late", 1)
	})
	if res.StatusCode != 500 || c.Token() == "" {
		t.Errorf("%d %q, want 500 and the cookie", res.StatusCode, res.Header)
	}
	c.Wants("<u> saved=1")
	res = c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Logout(t)(w, r, s)
		s.Set("k", 1)
		w.WriteHeader(500)
	})
	if res.StatusCode != 500 || c.Token() != "" {
		t.Errorf("%d %q: a logout has happened, and its cookie goes", res.StatusCode, res.Header)
	}
}

func TestResponse_APanicCommitsNothing(t *testing.T) {
	for name, end := range map[string]func(){
		"panic":           func() { panic("boom") },
		"ErrAbortHandler": func() { panic(http.ErrAbortHandler) },
		"Goexit":          runtime.Goexit,
	} {
		for when, before := range map[string]func(w http.ResponseWriter){
			"before the first byte": func(http.ResponseWriter) {},
			"after it":              func(w http.ResponseWriter) { io.WriteString(w, "page"); w.(http.Flusher).Flush() },
		} {
			t.Run(name+" "+when, func(t *testing.T) {
				p := probe.New(t, session.Config{})
				token := p.Client().Must(probe.Login(t, "u")).Token()
				p.Tap.Took()
				srv, c := probe.Serve(t, probe.HTTP1, p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					before(w)
					s.Set("k", 1)
					end()
				})))
				r, _ := http.NewRequest("GET", srv.URL, nil)
				r.Header.Set("Cookie", probe.CookieName+"="+token)
				res, body, err := probe.Fetch(t, c, r)
				if err == nil {
					t.Errorf("the client takes %d %q for complete", res.StatusCode, body)
				}
				if calls := p.Tap.Took(); slices.Contains(calls, "save") {
					t.Errorf("the store was asked to %v", calls)
				}
				p.With(token).Wants("<u>")
			})
		}
	}
}

func TestResponse_VaryIsMergedWhereTheSessionIsUsed(t *testing.T) {
	uses := map[string]struct {
		f   probe.Act
		yes bool
	}{
		"nothing": {probe.Idle, false},
		"Get":     {func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Get("k") }, true},
		"Keys":    {func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Keys() }, true},
		"Key.Get": {func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { probe.Counter.Get(s) }, true},
		"Subject": {func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Subject() }, true},
		"IsNew":   {func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.IsNew() }, true},
		"ID":      {func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.ID() }, true},
		"Seen":    {func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Seen() }, true},
		"Set":     {probe.Set(t, "k", 1), true},
		"Pop":     {func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Pop("none") }, true},
		"Destroy": {probe.Logout(t), true},
	}
	for name, use := range uses {
		for given, merged := range map[string]string{
			"": "Cookie", "Accept": "Accept|Cookie", "Accept, Origin|Accept-Language": "Accept, Origin|Accept-Language|Cookie",
			"cookie": "cookie", "Accept, COOKIE": "Accept, COOKIE", "*": "*", "X-Cookie": "X-Cookie|Cookie",
		} {
			for _, status := range []int{200, 404, 500} {
				p := probe.New(t, session.Config{})
				w := httptest.NewRecorder()
				p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					if given != "" {
						w.Header()["Vary"] = strings.Split(given, "|")
					}
					use.f(w, r, s)
					w.WriteHeader(status)
				})).ServeHTTP(w, httptest.NewRequest("GET", probe.URL, nil))
				want := given
				if use.yes {
					want = merged
				}
				if got := strings.Join(w.Result().Header["Vary"], "|"); got != want {
					t.Errorf("%s over Vary %q with %d: %q, want %q", name, given, status, got, want)
				}
			}
		}
	}
}
