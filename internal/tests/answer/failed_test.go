package answer

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// outer is a middleware that sets a cookie and a header of its own.
func outer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "outer", Value: "1"})
		w.Header().Set("X-Request-Id", "7")
		w.Header().Set("Vary", "Origin")
		next.ServeHTTP(w, r)
	})
}

// page writes a page with all the headers that describe one.
func page(w http.ResponseWriter) {
	h := w.Header()
	for name, value := range map[string]string{
		"Content-Length": "100000", "Content-Type": "application/json", "Content-Encoding": "gzip",
		"Content-Range": "bytes 0-9/10", "Content-Language": "de", "Content-Location": "/x",
		"Content-Disposition": "attachment", "Etag": `"1"`, "Last-Modified": "Mon, 02 Jan 2006 15:04:05 GMT",
		"Expires": "Mon, 02 Jan 2046 15:04:05 GMT", "Cache-Control": "public, max-age=600", "Age": "1",
		"Accept-Ranges": "bytes", "Location": "/signed-in", "Refresh": "0; url=/signed-in", "Link": "</x>; rel=next",
		"Trailer": "X-Sum", "Digest": "x", "Content-Digest": "x", "Repr-Digest": "x", "Transfer-Encoding": "identity",
	} {
		h.Set(name, value)
	}
	http.SetCookie(w, &http.Cookie{Name: "handler", Value: "1"})
}

func TestResponse_AFailedCommitAnswersAlone(t *testing.T) {
	writes := map[string]func(w http.ResponseWriter) error{
		"Write":       func(w http.ResponseWriter) error { _, err := w.Write([]byte("signed in")); return err },
		"WriteString": func(w http.ResponseWriter) error { _, err := io.WriteString(w, "signed in"); return err },
		"ReadFrom": func(w http.ResponseWriter) error {
			_, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("signed in"))
			return err
		},
		"Flush":       func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
		"WriteHeader": func(w http.ResponseWriter) error { w.WriteHeader(201); return probe.ErrDown },
		"nothing":     func(http.ResponseWriter) error { return probe.ErrDown },
		"Hijack": func(w http.ResponseWriter) error {
			conn, _, err := http.NewResponseController(w).Hijack()
			if conn != nil {
				t.Error("the connection was handed over")
			}
			return err
		},
	}
	for name, write := range writes {
		for _, version := range []probe.Version{probe.HTTP1, probe.HTTP2} {
			noHijack := func(name string) bool { return version == probe.HTTP2 && name == "Hijack" }
			if noHijack(name) {
				continue
			}
			t.Run(name+" "+string(version), func(t *testing.T) {
				p := probe.New(t, session.Config{})
				token := p.Client().Must(probe.Login(t, "u")).Token()
				p.Tap.Fail("save", probe.ErrDown)
				h := outer(p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					s.Set("k", 1)
					page(w)
					if err := write(w); !errors.Is(err, probe.ErrDown) {
						t.Errorf("%s returns %v", name, err)
					}
					for again, write := range writes { // and so does every other from here on
						if err := write(w); !errors.Is(err, probe.ErrDown) && !noHijack(again) {
							t.Errorf("%s after it returns %v", again, err)
						}
					}
					if err := s.Set("k", 2); !errors.Is(err, probe.ErrDown) {
						t.Errorf("a change afterwards: %v; want the error, since what was written is not known", err)
					}
				})))
				srv, c := probe.Serve(t, version, h)
				r, _ := http.NewRequest("GET", srv.URL, nil)
				r.Header.Set("Cookie", probe.CookieName+"="+token)
				c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
				res, body, err := probe.Fetch(t, c, r)
				if err != nil {
					t.Fatalf("the client cannot read the error page: %v", err)
				}
				if res.StatusCode != 503 || body != "Service Unavailable\n" {
					t.Errorf("%d %q, want 503 and its text", res.StatusCode, body)
				}
				if got := res.Header["Set-Cookie"]; !slices.Equal(got, []string{"outer=1"}) {
					t.Errorf("the cookies are %q, want the outer one alone", got)
				}
				if got := res.Header["Vary"]; !slices.Equal(got, []string{"Origin", "Cookie"}) {
					t.Errorf("Vary is %q", got)
				}
				for name, want := range map[string]string{
					"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", "X-Request-Id": "7", "Content-Length": "20",
					"Content-Encoding": "", "Content-Range": "", "Content-Language": "", "Content-Location": "",
					"Content-Disposition": "", "Etag": "", "Last-Modified": "", "Expires": "", "Age": "", "Accept-Ranges": "",
					"Location": "", "Refresh": "", "Link": "", "Trailer": "", "Digest": "", "Content-Digest": "", "Repr-Digest": "",
				} {
					if got := res.Header.Get(name); got != want {
						t.Errorf("%s is %q, want %q", name, got, want)
					}
				}
				if len(res.Trailer) != 0 {
					t.Errorf("the trailers are %v", res.Trailer)
				}
				p.Tap.Put(nil)
				p.With(token).Wants("<u>")
			})
		}
	}
}

// What a handler says in other headers of how long its page may be kept, or
// adds at the end of it, is not said of the error page either.
func TestResponse_AFailedCommitTakesNothingOver(t *testing.T) {
	p := probe.New(t, session.Config{})
	token := p.Client().Must(probe.Login(t, "u")).Token()
	p.Tap.Fail("save", probe.ErrDown)
	srv, c := probe.Serve(t, probe.HTTP1, p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Set("k", 1)
		for _, name := range []string{"Cdn-Cache-Control", "Surrogate-Control", "Content-Md5", http.TrailerPrefix + "X-Sum"} {
			w.Header().Set(name, "max-age=600")
		}
		io.WriteString(w, "page")
	})))
	r, _ := http.NewRequest("GET", srv.URL, nil)
	r.Header.Set("Cookie", probe.CookieName+"="+token)
	res, _, err := probe.Fetch(t, c, r)
	if err != nil || res.StatusCode != 503 {
		t.Fatal(res, err)
	}
	for _, name := range []string{"Cdn-Cache-Control", "Surrogate-Control", "Content-Md5"} {
		if got := res.Header.Get(name); got != "" {
			t.Errorf("the error page has %s %q", name, got)
		}
	}
	if len(res.Trailer) != 0 {
		t.Errorf("the trailers are %v", res.Trailer)
	}
}

func TestResponse_AnErrorHandlerThatSaysNothingIsNoSuccess(t *testing.T) {
	p := probe.New(t, session.Config{ErrorHandler: func(http.ResponseWriter, *http.Request, error) {}})
	c := p.Client().Must(probe.Login(t, "u"))
	for _, op := range []string{"load", "save"} {
		p.Tap.Fail(op, probe.ErrDown)
		if res := c.Visit(probe.Set(t, "k", 1)); res.StatusCode < 500 {
			t.Errorf("%s failed, and the client is told %d", op, res.StatusCode)
		}
	}
}

func TestResponse_ALateCommitThatFailsAborts(t *testing.T) {
	for _, version := range []probe.Version{probe.HTTP1, probe.HTTP2} {
		for name, tt := range map[string]struct {
			late   func(p *probe.Probe, s *session.Session) error
			events string
		}{
			"store": {func(p *probe.Probe, s *session.Session) error {
				p.Tap.Fail("save", probe.ErrDown)
				return s.Set("late", 1)
			}, "commit failed"},
			"ended": {func(p *probe.Probe, s *session.Session) error {
				return errors.Join(s.Set("late", 1), p.M.Revoke(t.Context(), s.ID()))
			}, "revoked, commit failed"},
		} {
			t.Run(name+" "+string(version), func(t *testing.T) {
				p := probe.New(t, session.Config{})
				token := p.Client().Must(probe.Login(t, "u")).Token()
				p.Saw()
				srv, c := probe.Serve(t, version, p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					io.WriteString(w, "page")
					w.(http.Flusher).Flush()
					if err := tt.late(p, s); err != nil {
						t.Error(err)
					}
				})))
				r, _ := http.NewRequest("GET", srv.URL, nil)
				r.Header.Set("Cookie", probe.CookieName+"="+token)
				if res, body, err := probe.Fetch(t, c, r); err == nil {
					t.Errorf("the client takes %d %q for complete", res.StatusCode, body)
				}
				if got := p.Heard(); got != tt.events {
					t.Errorf("the events are %q, want %q", got, tt.events)
				}
			})
		}
	}
}

// So does one that was dropped before the handler returned.
func TestResponse_ALateChangeThatIsDroppedAborts(t *testing.T) {
	p := probe.New(t, session.Config{})
	token := p.Client().Must(probe.Login(t, "u")).Token()
	srv, c := probe.Serve(t, probe.HTTP1, p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		io.WriteString(w, "saved")
		probe.Must(t, s.Set("late", 1), p.M.Revoke(r.Context(), s.ID()))
		if err := s.Touch(r.Context()); !errors.Is(err, session.ErrEnded) {
			t.Errorf("Touch: %v", err)
		}
	})))
	r, _ := http.NewRequest("GET", srv.URL, nil)
	r.Header.Set("Cookie", probe.CookieName+"="+token)
	if res, body, err := probe.Fetch(t, c, r); err == nil {
		t.Errorf("the client takes %d %q for complete", res.StatusCode, body)
	}
}

func TestResponse_AChangeThatNeedsACookieIsRefusedLate(t *testing.T) {
	p := probe.New(t, session.Config{})
	for name, change := range map[string]func(s *session.Session) error{
		"set":   func(s *session.Session) error { return s.Set("k", 1) },
		"login": func(s *session.Session) error { return s.Login("u") },
	} {
		c := p.Client()
		c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			io.WriteString(w, "page")
			if err := change(s); !errors.Is(err, session.ErrHeadersSent) {
				t.Errorf("%s: %v", name, err)
			}
		})
		c.Wants(probe.Anonymous)
	}
	c := p.Client().Must(probe.Login(t, "u"))
	c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		io.WriteString(w, "page")
		for _, err := range []error{s.Login("u"), s.Renew()} {
			if !errors.Is(err, session.ErrHeadersSent) {
				t.Errorf("a new token: %v", err)
			}
		}
		probe.Logout(t)(w, r, s) // is done, though the cookie cannot be cleared
		if err := s.Set("k", 1); !errors.Is(err, session.ErrHeadersSent) {
			t.Errorf("a new session: %v", err)
		}
	})
	c.Wants(probe.Anonymous)
}

func TestResponse_LoadFailsBeforeTheHandler(t *testing.T) {
	p := probe.New(t, session.Config{})
	token := p.Client().Must(probe.Login(t, "u")).Token()
	p.Tap.Fail("load", probe.ErrDown)
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", probe.URL, nil)
	r.Header.Set("Cookie", probe.CookieName+"="+token)
	outer(p.M.Handler(probe.Act(func(http.ResponseWriter, *http.Request, *session.Session) { t.Error("the handler runs") }))).ServeHTTP(w, r)
	if w.Code != 503 || !slices.Equal(w.Header()["Set-Cookie"], []string{"outer=1"}) || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q", w.Code, w.Header())
	}
}

// A hint that an error page is on its way is not the page.
func TestAnErrorPageThatOnlyHintsHasTheStatusOfItsError(t *testing.T) {
	p := probe.New(t, session.Config{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "sorry")
	}})
	c := p.Client().Must(probe.Set(t, "k", 1))
	p.Tap.Fail("load", probe.ErrDown)
	server := httptest.NewServer(p.M.Handler(http.NotFoundHandler()))
	defer server.Close()
	r, err := http.NewRequest("GET", server.URL, nil)
	probe.Must(t, err)
	r.Header.Set("Cookie", "__Host-id="+c.Token())
	res, err := server.Client().Do(r)
	probe.Must(t, err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Vary") != "Cookie" {
		t.Errorf("a failed load is answered %d, Vary %q", res.StatusCode, res.Header.Get("Vary"))
	}
}
