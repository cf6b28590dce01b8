package answer

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/internal/probe"
)

// answerOf sends a request with a token, and returns the answer and its body.
func answerOf(t *testing.T, version probe.Version, h http.Handler, token string) (*http.Response, string) {
	t.Helper()
	srv, c := probe.Serve(t, version, h)
	r, err := http.NewRequest("GET", srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Cookie", probe.CookieName+"="+token)
	}
	res, body, err := probe.Fetch(t, c, r)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

// around is a middleware with headers and a trailer of its own.
func around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Before"], h["X-Twice"], h["X-Deleted"] = []string{"1"}, []string{"a", "b"}, []string{"still there"}
		h["X-Changed"], h["Vary"], h["Trailer"] = []string{"1"}, []string{"Origin"}, []string{"X-Outer"}
		next.ServeHTTP(w, r)
		h.Set("X-Outer", "end")
	})
}

func TestAnErrorAnswerHasNothingOfTheHandlersHeader(t *testing.T) {
	spoil := func(h http.Header, when string) {
		for _, name := range []string{
			"X-Code", "X-Accel-Redirect", "X-Sendfile", "Hx-Redirect", "Location", "Content-Encoding", "Content-Length",
			"Set-Cookie", "Www-Authenticate", "Retry-After", "Strict-Transport-Security", http.TrailerPrefix + "X-Secret", "X-Outer",
		} {
			h.Set(name, "1 "+when)
		}
		delete(h, "X-Deleted")
		h.Add("X-Twice", "c "+when)
		h.Add("Trailer", "X-Declared")
		h.Set("X-Declared", "secret "+when)
		if line := h["X-Changed"]; len(line) > 0 {
			line[0] = "changed " + when
		}
	}
	for name, write := range map[string]func(w http.ResponseWriter) error{
		"Write":       func(w http.ResponseWriter) error { _, err := w.Write([]byte("page")); return err },
		"Flush":       func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
		"WriteHeader": func(w http.ResponseWriter) error { w.WriteHeader(http.StatusFound); return probe.ErrDown },
		"nothing":     func(w http.ResponseWriter) error { return probe.ErrDown },
	} {
		for _, version := range []probe.Version{probe.HTTP1, probe.HTTP2} {
			t.Run(name+" "+string(version), func(t *testing.T) {
				p := probe.New(t, session.Config{})
				token := p.Client().Must(probe.Login(t, "u")).Token()
				p.Tap.Fail("save", probe.ErrDown)
				res, body := answerOf(t, version, around(p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					h := w.Header()
					spoil(h, "before")
					probe.Set(t, "k", 1)(w, r, s)
					if err := write(w); !errors.Is(err, probe.ErrDown) {
						t.Errorf("the error is %v", err)
					}
					if name == "nothing" {
						return
					}
					if got := w.Header().Get("X-Code"); got != "1 before" {
						t.Errorf("the handler finds %q in its own header", got)
					}
					spoil(h, "kept")
					spoil(w.Header(), "asked for anew")
				}))), token)
				want := http.Header{
					"X-Before": {"1"}, "X-Twice": {"a", "b"}, "X-Deleted": {"still there"}, "X-Changed": {"1"},
					"Vary": {"Origin", "Cookie"}, "Cache-Control": {"no-store"},
					"Content-Type": {"text/plain; charset=utf-8"}, "X-Content-Type-Options": {"nosniff"},
				}
				for _, name := range []string{"Date", "Content-Length", "Trailer"} {
					delete(res.Header, name)
				}
				if res.StatusCode != 503 || body != "Service Unavailable\n" || !maps.EqualFunc(res.Header, want, slices.Equal) {
					t.Errorf("%d %q\n%q, want\n%q", res.StatusCode, body, res.Header, want)
				}
				if want := (http.Header{"X-Outer": {"end"}}); !maps.EqualFunc(res.Trailer, want, slices.Equal) {
					t.Errorf("the trailer is %q, want %q", res.Trailer, want)
				}
			})
		}
	}
}

// A panic in the error page leaves the header to whoever recovers.
func TestAnErrorPageThatPanicsLeavesTheHeaderOfBefore(t *testing.T) {
	for name, handler := range map[string]probe.Act{
		"the handler has set a header": func(w http.ResponseWriter, r *http.Request, s *session.Session) { w.Header().Set("X-Code", "1") },
		"and has not":                  probe.Idle,
	} {
		p := probe.New(t, session.Config{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { panic("boom") }})
		token := p.Client().Must(probe.Login(t, "u")).Token()
		p.Tap.Fail("save", probe.ErrDown)
		res, body := answerOf(t, probe.HTTP1, recovered(around(p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			handler(w, r, s)
			probe.Set(t, "k", 1)(w, r, s)
		})))), token)
		if res.StatusCode != 500 || body != "recovered\n" || res.Header.Get("X-Before") != "1" || res.Header.Get("X-Code") != "" {
			t.Errorf("%s: %d %q %q", name, res.StatusCode, body, res.Header)
		}
	}
}

// Whoever loses a value that is given once learns nothing of it.
func TestTheLoserOfAOneTimeValueSeesNothingOfIt(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "code", "4711"))
	g := probe.NewGate()
	answer := make(chan *http.Response)
	go func() {
		answer <- c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			code, _ := s.Pop("code").(string)
			g.Wait()
			for _, name := range []string{"X-Code", "X-Accel-Redirect", "Hx-Redirect"} {
				w.Header().Set(name, "/"+code)
			}
			io.WriteString(w, code)
			w.Header().Set(http.TrailerPrefix+"X-Code", code)
		})
	}()
	g.During(func() {
		c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Pop("code") })
	})
	res := <-answer
	if shown := fmt.Sprint(res.Header, res.Trailer, probe.Text(t, res)); res.StatusCode != 409 || strings.Contains(shown, "4711") {
		t.Errorf("%d %s", res.StatusCode, shown)
	}
}

// zipper compresses what goes through it.
type zipper struct {
	http.ResponseWriter
	zip   *gzip.Writer
	early bool // the header says so from the beginning
	begun bool
}

func (z *zipper) WriteHeader(status int) {
	if !z.begun {
		z.begun = true
		z.Header().Del("Content-Length")
		if !z.early {
			z.Header().Set("Content-Encoding", "gzip")
			z.Header().Add("Vary", "Accept-Encoding")
		}
	}
	z.ResponseWriter.WriteHeader(status)
}

func (z *zipper) Write(p []byte) (int, error) {
	if !z.begun {
		z.WriteHeader(http.StatusOK)
	}
	return z.zip.Write(p)
}

func compressed(early bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if early {
				w.Header().Set("Content-Encoding", "gzip")
				w.Header().Add("Vary", "Accept-Encoding")
			}
			z := &zipper{ResponseWriter: w, zip: gzip.NewWriter(w), early: early}
			defer z.zip.Close()
			next.ServeHTTP(z, r)
		})
	}
}

func TestAnErrorAnswerIsReadableThroughACompressor(t *testing.T) {
	for _, early := range []bool{true, false} {
		for name, chain := range map[string]func(p *probe.Probe, f probe.Act) http.Handler{
			"outside": func(p *probe.Probe, f probe.Act) http.Handler { return compressed(early)(p.M.Handler(f)) },
			"inside":  func(p *probe.Probe, f probe.Act) http.Handler { return p.M.Handler(compressed(early)(f)) },
			"both": func(p *probe.Probe, f probe.Act) http.Handler {
				return compressed(early)(p.M.Handler(compressed(!early)(f)))
			},
		} {
			p := probe.New(t, session.Config{})
			token := p.Client().Must(probe.Login(t, "u")).Token()
			p.Tap.Fail("save", probe.ErrDown)
			res, body := answerOf(t, probe.HTTP1, chain(p, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				probe.Set(t, "k", 1)(w, r, s)
				w.Header().Set("Content-Type", "text/html")
				io.WriteString(w, strings.Repeat("page", 10_000))
			}), token)
			if res.StatusCode != 503 || body != "Service Unavailable\n" || res.Uncompressed != (name != "inside") {
				t.Errorf("%s, early %v: %d %q, uncompressed: %v, %q", name, early, res.StatusCode, body, res.Uncompressed, res.Header)
			}
			want := []string{"Cookie"}
			if name != "inside" {
				want = append(want, "Accept-Encoding")
			}
			if got := res.Header["Vary"]; len(got) != len(want) || !slices.Contains(got, want[0]) || !slices.Contains(got, want[len(want)-1]) {
				t.Errorf("%s, early %v: Vary is %q, want %q", name, early, got, want)
			}
		}
	}
}

func TestTheErrorAnswerTellsTokensOfEveryKind(t *testing.T) {
	t.Run("csrf", func(t *testing.T) {
		p := probe.New(t, session.Config{})
		c := p.Client()
		var token string
		p.Tap.Fail("create", probe.ErrDown)
		res := c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			token, _ = csrf.Token(s)
			probe.Set(t, "k", 1)(w, r, s)
		})
		p.Tap.Put(nil)
		if res.StatusCode != 503 || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%d %q", res.StatusCode, res.Header)
		}
		c.Must(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if err := csrf.Verify(s, token); err != nil {
				t.Errorf("the form's token is not good, for its cookie was not sent: %v", err)
			}
		})
	})
	t.Run("header", func(t *testing.T) {
		p := probe.New(t, session.Config{Header: "Authorization"})
		w := httptest.NewRecorder()
		p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			probe.Saved(t, probe.Login(t, "u"))(w, r, s)
			p.Tap.Fail("save", probe.ErrDown)
			probe.Set(t, "k", 1)(w, r, s)
		})).ServeHTTP(w, httptest.NewRequest("GET", probe.URL, nil))
		if token := w.Header().Get("Session-Token"); w.Code != 503 || len(token) != 64 || w.Header().Get("Vary") != "Authorization" {
			t.Errorf("%d %q", w.Code, w.Header())
		}
	})
	t.Run("sealed", func(t *testing.T) {
		sealer := &probe.BrokenSealer{Sealer: probe.NewRing(t), Err: nil}
		site := probe.SealedSite(t, sealer, session.Config{})
		site.Handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			probe.Saved(t, probe.Login(t, "u"))(w, r, s)
			sealer.Err = probe.ErrDown
			probe.Set(t, "k", 1)(w, r, s)
		})
		site.Handle("/who", func(w http.ResponseWriter, r *http.Request, s *session.Session) { io.WriteString(w, s.Subject()) })
		b := site.Browser()
		b.Want("/", 503, "Service Unavailable")
		sealer.Err = nil
		b.Want("/who", 200, "u")
	})
}

// An error page may say what it likes of caching: it has a cookie.
func TestAnErrorPageWithATokenIsNotStored(t *testing.T) {
	p := probe.New(t, session.Config{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
		w.Header().Set("Cache-Control", "public, max-age=600")
		w.Header().Set("Cdn-Cache-Control", "max-age=600")
		w.WriteHeader(http.StatusServiceUnavailable)
	}})
	c := p.Client().Must(probe.Login(t, "u"))
	res := c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Saved(t, probe.Renew(t))(w, r, s)
		p.Tap.Fail("save", probe.ErrDown)
		probe.Set(t, "k", 1)(w, r, s)
	})
	if res.StatusCode != 503 || probe.SessionCookie(res) == nil || res.Header.Get("Cdn-Cache-Control") != "" {
		t.Errorf("%d %q", res.StatusCode, res.Header)
	}
	p.Tap.Put(nil)
	c.Wants("<u>")
}
