package session_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/b4468f51/session"
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
	p := newProbe(t, session.Config{})
	c := p.client().must(set(t, "k", 1))
	first := succeed(t, func(_ *http.Request, s *session.Session) error {
		return counter.Update(s, func(n int) (int, error) {
			if n > 0 {
				return 0, statusError(http.StatusPaymentRequired)
			}
			return 1, nil
		})
	})
	res := c.visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		first(w, r, s)
		(&client{p, c.jar, c.url}).must(first)
	})
	if res.StatusCode != http.StatusPaymentRequired {
		t.Errorf("status %d, want that of the error", res.StatusCode)
	}
}

func TestAnswerIsThatOfTheErrorHandler(t *testing.T) {
	var got error
	p := newProbe(t, session.Config{ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { got = err }})
	w := httptest.NewRecorder()
	p.m.Answer(w, httpRequest(), statusError(http.StatusTeapot))
	if got != statusError(http.StatusTeapot) || w.Code != http.StatusTeapot || w.Header().Get("Vary") != "Cookie" {
		t.Errorf("the handler is given %v, and the answer is %d %q", got, w.Code, w.Header())
	}
	w = httptest.NewRecorder()
	(*session.Manager)(nil).Answer(w, httpRequest(), session.ErrNoSession)
	if w.Code != http.StatusInternalServerError || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("without a manager: %d %q", w.Code, w.Header())
	}
}

func TestAnEventOfAnotherPackageIsObservedAsItIs(t *testing.T) {
	p := newProbe(t, session.Config{})
	want := session.Event{Kind: "odd hour", Subject: "u", Key: "k", Err: statusError(400)}
	p.m.Report(t.Context(), want)
	if got := p.saw(); len(got) != 1 || got[0] != want {
		t.Errorf("seen is %+v", got)
	}
}

func TestConfigHasTheDefaults(t *testing.T) {
	p := newProbe(t, session.Config{App: "shop", IdleTimeout: time.Minute})
	cfg := p.m.Config()
	if cfg.App != "shop" || cfg.IdleTimeout != time.Minute || cfg.Lifetime != 24*time.Hour || cfg.Cookie.Name != "__Host-shop" || cfg.ErrorHandler == nil {
		t.Errorf("it is %+v", cfg)
	}
}

func TestASessionKnowsItsManager(t *testing.T) {
	outer, inner := newProbe(t, session.Config{App: "outer"}), newProbe(t, session.Config{App: "inner"})
	outer.m.Handler(inner.m.Handler(act(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if s.Manager() != inner.m || outer.m.FromContext(r.Context()).Manager() != outer.m {
			t.Error("a session knows another's manager")
		}
	}))).ServeHTTP(httptest.NewRecorder(), httpRequest())
	if (*session.Session)(nil).Manager() != nil {
		t.Error("no session has a manager")
	}
}
