package frameworks_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"

	echo4 "github.com/labstack/echo/v4"
	middleware4 "github.com/labstack/echo/v4/middleware"
	echo5 "github.com/labstack/echo/v5"
	middleware5 "github.com/labstack/echo/v5/middleware"

	"github.com/b4468f51/session"
)

// An echo is what the tests need of echo, in either version.
type echo struct {
	http.Handler
	get     func(path string, f func(w http.ResponseWriter, r *http.Request) error)
	post    func(path string, f func(w http.ResponseWriter, r *http.Request) error)
	use     func(middleware func(http.Handler) http.Handler)
	recover func()
}

// onEachEcho runs a test on both versions.
func onEachEcho(t *testing.T, test func(t *testing.T, e echo)) {
	t.Run("v4", func(t *testing.T) {
		e := echo4.New()
		e.Logger.SetOutput(io.Discard)
		handler := func(f func(w http.ResponseWriter, r *http.Request) error) echo4.HandlerFunc {
			return func(c echo4.Context) error { return f(c.Response(), c.Request()) }
		}
		test(t, echo{
			Handler: e,
			get:     func(path string, f func(http.ResponseWriter, *http.Request) error) { e.GET(path, handler(f)) },
			post:    func(path string, f func(http.ResponseWriter, *http.Request) error) { e.POST(path, handler(f)) },
			use:     func(middleware func(http.Handler) http.Handler) { e.Use(echo4.WrapMiddleware(middleware)) },
			recover: func() { e.Use(middleware4.Recover()) },
		})
	})
	t.Run("v5", func(t *testing.T) {
		e := echo5.New()
		e.Logger = slog.New(slog.DiscardHandler)
		handler := func(f func(w http.ResponseWriter, r *http.Request) error) echo5.HandlerFunc {
			return func(c *echo5.Context) error { return f(c.Response(), c.Request()) }
		}
		test(t, echo{
			Handler: e,
			get:     func(path string, f func(http.ResponseWriter, *http.Request) error) { e.GET(path, handler(f)) },
			post:    func(path string, f func(http.ResponseWriter, *http.Request) error) { e.POST(path, handler(f)) },
			use:     func(middleware func(http.Handler) http.Handler) { e.Use(echo5.WrapMiddleware(middleware)) },
			recover: func() { e.Use(middleware5.Recover()) },
		})
	})
}

// routes adds what the tests ask for.
func (e echo) routes(t *testing.T) {
	e.get("/count", func(w http.ResponseWriter, r *http.Request) error {
		n, err := count(r)
		io.WriteString(w, n)
		return err
	})
	e.get("/fails", func(w http.ResponseWriter, r *http.Request) error {
		return errors.Join(signIn(r), errors.New("the greeting could not be sent"))
	})
	e.get("/panics", func(w http.ResponseWriter, r *http.Request) error {
		signIn(r)
		panic("no")
	})
	e.get("/signin", func(w http.ResponseWriter, r *http.Request) error {
		if err := signIn(r); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	})
	e.get("/who", func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.WriteString(w, who(r))
		return err
	})
	e.get("/stream", func(w http.ResponseWriter, r *http.Request) error {
		n, err := count(r)
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		io.WriteString(w, n)
		return err
	})
}

const internalError = `{"message":"Internal Server Error"}`

func TestEcho_TheManagerWrapsTheRouter(t *testing.T) {
	onEachEcho(t, func(t *testing.T, e echo) {
		s := newSite(t, session.Config{})
		e.routes(t)
		b := browse(t, serve(t, s.m.Handler(e)))
		b.want("/count", 200, "1")
		b.want("/stream", 200, "2")
		// Echo answers errors when the handler has returned, and within m.Handler.
		if a := b.want("/fails", 500, internalError); a.sets() != "" {
			t.Errorf("the error answer sets %q", a.sets())
		}
		b.want("/who", 200, "<> 2")
		b.want("/signin", 204, "")
		b.want("/who", 200, "<ada> 2")
		s.store.broken.Store(true)
		b.want("/count", 503, "Service Unavailable")
	})
}

// As middleware of echo, m.Handler has returned, and committed, before echo
// answers an error. That is what the documentation warns of.
func TestEcho_WrapMiddlewareCommitsBeforeErrorsAreAnswered(t *testing.T) {
	onEachEcho(t, func(t *testing.T, e echo) {
		s := newSite(t, session.Config{})
		e.use(s.m.Handler)
		e.routes(t)
		b := browse(t, serve(t, e))
		b.want("/count", 200, "1")
		b.want("/fails", 500, internalError)
		b.want("/who", 200, "<ada> 1") // signed in, in spite of the answer
	})
}

func TestEcho_RecoverStandsInside(t *testing.T) {
	onEachEcho(t, func(t *testing.T, e echo) {
		s := newSite(t, session.Config{})
		e.recover()
		e.routes(t)
		b := browse(t, serve(t, s.m.Handler(e)))
		if a := b.want("/panics", 500, internalError); a.sets() != "" {
			t.Errorf("a panic sets %q", a.sets())
		}
		b.want("/who", 200, "<> 0")
	})
}
