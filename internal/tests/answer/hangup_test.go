package answer

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// A client that hangs up while its session is loaded is no failure of the store.
func TestAClientThatHangsUpDuringTheLoadIsNoError(t *testing.T) {
	p := probe.New(t, session.Config{ErrorHandler: func(http.ResponseWriter, *http.Request, error) { t.Error("the error page is shown to nobody") }})
	token := p.Client().Must(probe.Login(t, "u")).Token()
	p.Saw()
	ctx, cancel := context.WithCancel(t.Context())
	p.Tap.Put(func(ctx context.Context, op string, do func() error) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	r := httptest.NewRequestWithContext(ctx, "GET", probe.URL, nil)
	r.Header.Set("Cookie", probe.CookieName+"="+token)
	w := httptest.NewRecorder()
	p.M.Handler(probe.Act(func(http.ResponseWriter, *http.Request, *session.Session) { t.Error("the handler runs") })).ServeHTTP(w, r)
	if got := p.Heard(); got != "" || w.Code != 499 || len(w.Header()["Set-Cookie"]) > 0 {
		t.Errorf("%d %q, the events are %q", w.Code, w.Header(), got)
	}
}

// A load that takes too long is one, whoever has set the limit.
func TestALoadThatTakesTooLongIsAnError(t *testing.T) {
	for name, limit := range map[string]struct {
		load, request time.Duration
	}{"LoadTimeout": {time.Second, time.Hour}, "the request's deadline": {time.Hour, time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			p := probe.New(t, session.Config{LoadTimeout: limit.load})
			token := p.Client().Must(probe.Login(t, "u")).Token()
			p.Saw()
			ctx, cancel := context.WithTimeout(t.Context(), limit.request)
			defer cancel()
			p.Tap.Put(func(ctx context.Context, op string, do func() error) error {
				<-ctx.Done()
				return ctx.Err()
			})
			r := httptest.NewRequestWithContext(ctx, "GET", probe.URL, nil)
			r.Header.Set("Cookie", probe.CookieName+"="+token)
			w := httptest.NewRecorder()
			p.M.Handler(probe.Act(func(http.ResponseWriter, *http.Request, *session.Session) { t.Error("the handler runs") })).ServeHTTP(w, r)
			if got := p.Heard(); got != "load failed" || w.Code != 503 {
				t.Errorf("%s: %d, the events are %q", name, w.Code, got)
			}
		})
	}
}
