package session_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// errAtNight names the status of its answer.
type errAtNight struct{}

func (errAtNight) Error() string { return "the shop is closed" }
func (errAtNight) Status() int   { return http.StatusServiceUnavailable }

// A middleware of another package refuses requests as this one would: by the
// application's error page, and with an event.
func ExampleManager_Answer() {
	sessions, err := session.NewManager(memstore.New(), session.Config{
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "a page in the colours of the shop", session.ErrorStatus(err))
		},
		Observer: func(_ context.Context, e session.Event) { fmt.Println("reported:", e.Kind) },
	})
	if err != nil {
		panic(err)
	}
	defer sessions.Close()

	atNight := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s := session.FromContext(r.Context())
			s.Manager().Report(r.Context(), session.Event{Kind: "at night", Subject: s.Subject()})
			s.Manager().Answer(w, r, errAtNight{})
		})
	}
	w := httptest.NewRecorder()
	sessions.Handler(atNight(http.NotFoundHandler())).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// reported: at night
	// 503 a page in the colours of the shop
}
