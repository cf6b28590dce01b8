package session_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// A statusError is an error of another package that names its status.
type statusError int

func (e statusError) Error() string { return "of another package" }
func (e statusError) Status() int   { return int(e) }

func TestAnErrorMayNameItsStatus(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{statusError(401), 401},
		{fmt.Errorf("wrapped: %w", statusError(413)), 413},
		{errors.Join(errors.New("another"), statusError(599)), 599},
		{statusError(200), 500}, {statusError(399), 500}, {statusError(600), 500}, {statusError(0), 500},
		{errors.New("another"), 500},
		{errors.Join(statusError(404), session.ErrEnded), 409}, // what this package says comes first
	} {
		if got := session.ErrorStatus(tt.err); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.err, got, tt.want)
		}
	}
	// So may that of an Update's function which a concurrent request makes fail.
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "k", 1))
	first := probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
		return probe.Counter.Update(s, func(n int) (int, error) {
			if n > 0 {
				return 0, statusError(http.StatusPaymentRequired)
			}
			return 1, nil
		})
	})
	res := c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		first(w, r, s)
		(&probe.Client{P: p, Jar: c.Jar, URL: c.URL}).Must(first)
	})
	if res.StatusCode != http.StatusPaymentRequired {
		t.Errorf("status %d, want that of the error", res.StatusCode)
	}
}

func TestAnswerIsThatOfTheErrorHandler(t *testing.T) {
	var got error
	p := probe.New(t, session.Config{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { got = err }})
	w := httptest.NewRecorder()
	p.M.Answer(w, probe.Request(), statusError(http.StatusTeapot))
	if got != statusError(http.StatusTeapot) || w.Code != http.StatusTeapot || w.Header().Get("Vary") != "Cookie" {
		t.Errorf("the handler is given %v, and the answer is %d %q", got, w.Code, w.Header())
	}
	w = httptest.NewRecorder()
	(*session.Manager)(nil).Answer(w, probe.Request(), session.ErrNoSession)
	if w.Code != http.StatusInternalServerError || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("without a manager: %d %q", w.Code, w.Header())
	}
}

func TestAnEventOfAnotherPackageIsObservedAsItIs(t *testing.T) {
	p := probe.New(t, session.Config{})
	want := session.Event{Kind: "odd hour", Subject: "u", Key: "k", Err: statusError(400)}
	p.M.Report(t.Context(), want)
	if got := p.Saw(); len(got) != 1 || got[0] != want {
		t.Errorf("seen is %+v", got)
	}
}

func TestConfigHasTheDefaults(t *testing.T) {
	p := probe.New(t, session.Config{App: "shop", IdleTimeout: time.Minute})
	cfg := p.M.Config()
	if cfg.App != "shop" || cfg.IdleTimeout != time.Minute || cfg.Lifetime != 24*time.Hour || cfg.Cookie.Name != "__Host-shop" || cfg.ErrorHandler == nil {
		t.Errorf("it is %+v", cfg)
	}
}

func TestASessionKnowsItsManager(t *testing.T) {
	outer, inner := probe.New(t, session.Config{App: "outer"}), probe.New(t, session.Config{App: "inner"})
	outer.M.Handler(inner.M.Handler(probe.Act(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if s.Manager() != inner.M || outer.M.FromContext(r.Context()).Manager() != outer.M {
			t.Error("a session knows another's manager")
		}
	}))).ServeHTTP(httptest.NewRecorder(), probe.Request())
	if (*session.Session)(nil).Manager() != nil {
		t.Error("no session has a manager")
	}
}
