package answer

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/iotest"

	"github.com/justinas/alice"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// conflict makes a request whose commit fails: somebody else takes the value that it has taken.
func conflict(t *testing.T, p *probe.Probe, r *http.Request, s *session.Session) {
	s.Pop("once")
	probe.Must(t, p.M.Edit(r.Context(), s.ID(), func(s *session.Session) error { return s.Delete("once") }))
}

// After an error took the place of the answer, a change returns that error: nothing would save it.
func TestAReplacedAnswerTakesNoMoreChanges(t *testing.T) {
	var inHandler, inErrorHandler, written, answered error
	p := probe.New(t, session.Config{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
		inErrorHandler, answered = session.FromContext(r.Context()).Set("message", "try again"), err
		w.WriteHeader(http.StatusConflict)
	}})
	c := p.Client().Must(probe.Set(t, "once", "x"))
	c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		conflict(t, p, r, s)
		_, written = io.WriteString(w, "page")
		inHandler = s.Set("late", 1)
		if s.Get("late") != nil {
			t.Error("it is shown, and will not be saved")
		}
	})
	for where, err := range map[string]error{"ErrorHandler": inErrorHandler, "the handler": inHandler, "Write": written} {
		if !errors.Is(err, session.ErrConflict) || err != answered {
			t.Errorf("in %s the error is %v, want %v", where, err, answered)
		}
	}
	c.Wants("<>")
}

// Who may end a session on an error still can.
func TestAReplacedAnswerMayDestroy(t *testing.T) {
	p := probe.New(t, session.Config{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
		probe.Must(t, session.FromContext(r.Context()).Destroy(r.Context()))
		w.WriteHeader(http.StatusConflict)
	}})
	c := p.Client().Must(probe.Set(t, "once", "x"))
	token := c.Token()
	c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) { conflict(t, p, r, s) })
	if state := p.With(token).State(); state != "<>" {
		t.Errorf("the session is %q", state)
	}
}

// What the session of an inner manager has stored is told, though the outer manager's commit
// fails: its old token may be dead.
func TestTheCookieOfAnInnerManagerSurvivesAnOuterFailure(t *testing.T) {
	outer := probe.New(t, session.Config{Cookie: session.Cookie{Name: "__Host-outer"}})
	middle := probe.New(t, session.Config{Cookie: session.Cookie{Name: "__Host-middle"}})
	inner := probe.New(t, session.Config{})
	signedIn := inner.Client().Must(probe.Login(t, "u"))
	old := signedIn.Token()
	for name, constructors := range map[string][]alice.Constructor{
		"two":   {outer.M.Handler, inner.M.Handler},
		"three": {outer.M.Handler, middle.M.Handler, unwrapping, inner.M.Handler},
	} {
		t.Run(name, func(t *testing.T) {
			outer.Tap.Fail("create", probe.ErrDown)
			defer outer.Tap.Put(nil)
			h := alice.New(constructors...).ThenFunc(func(w http.ResponseWriter, r *http.Request) {
				s := inner.M.FromContext(r.Context())
				w.Header().Set("X-Handler", "1")
				probe.Must(t, outer.M.FromContext(r.Context()).Set("k", 1), s.Renew(), s.Save(r.Context()))
				io.WriteString(w, "renewed")
			})
			r := httptest.NewRequest("GET", probe.URL, nil)
			r.AddCookie(&http.Cookie{Name: probe.CookieName, Value: old})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			told := probe.SessionCookie(w.Result())
			if told == nil || w.Code != http.StatusServiceUnavailable || w.Header().Get("X-Handler") != "" {
				t.Fatalf("the answer is %d with the header %v", w.Code, w.Header())
			}
			inner.With(told.Value).Wants("<u>")
			old = told.Value
		})
	}
}

// unwrapping is a middleware with a writer of its own.
func unwrapping(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(unwrapper{w, w}, r) })
}

type unwrapper struct {
	http.ResponseWriter
	under http.ResponseWriter
}

func (u unwrapper) Unwrap() http.ResponseWriter { return u.under }

// As net/http's ResponseController, the middleware takes a writer whose Unwrap returns nil.
func TestAWriterThatUnwrapsToNil(t *testing.T) {
	p := probe.New(t, session.Config{})
	h := p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Login("u"))
		_ = http.NewResponseController(w).Flush()
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(unwrapper{w, nil}, httptest.NewRequest("GET", probe.URL, nil))
	if probe.SessionCookie(w.Result()) == nil {
		t.Error("there is no cookie")
	}
}

type panics struct{}

func (panics) Read([]byte) (int, error) { panic("oops") }

// io.Copy of what fails before its first byte leaves the answer to the handler: one of 502, as
// well as a panic, commits nothing.
func TestACopyOfWhatFailsAtOnceCommitsNothing(t *testing.T) {
	for name, src := range map[string]io.Reader{"an error": iotest.ErrReader(errors.New("upstream is gone")), "a panic": panics{}} {
		t.Run(name, func(t *testing.T) {
			p := probe.New(t, session.Config{})
			srv, c := probe.Serve(t, probe.HTTP1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					if recover() != nil {
						w.WriteHeader(http.StatusBadGateway)
					}
				}()
				p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					probe.Must(t, s.Set("ordered", 1))
					if _, err := io.Copy(w, src); err != nil {
						http.Error(w, "bad gateway", http.StatusBadGateway)
					}
				})).ServeHTTP(w, r)
			}))
			res, _ := probe.Get(t, c, srv.URL)
			if res.StatusCode != http.StatusBadGateway || len(res.Cookies()) > 0 || len(p.Tap.Given()) > 0 {
				t.Errorf("the answer is %d with %v, and the store was given %v", res.StatusCode, res.Header, p.Tap.Given())
			}
		})
	}
}

// If ErrorHandler panics there is no answer, whoever recovers inside of the middleware.
func TestAPanicOfTheErrorHandlerIsNoSuccess(t *testing.T) {
	p := probe.New(t, session.Config{ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic("oops") }})
	p.Tap.Fail("create", probe.ErrDown)
	srv, c := probe.Serve(t, probe.HTTP1, p.M.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				http.Error(w, "oops", http.StatusInternalServerError)
			}
		}()
		probe.Must(t, session.FromContext(r.Context()).Set("k", 1))
		io.WriteString(w, "saved")
	})))
	r, err := http.NewRequest("GET", srv.URL, nil)
	probe.Must(t, err)
	if res, body, err := probe.Fetch(t, c, r); err == nil {
		t.Errorf("the answer is %d %q, and nothing was saved", res.StatusCode, body)
	}
}
