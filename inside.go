package session

import (
	"log/slog"
	"net/http"
	"sync"
)

// Inside returns a handler that calls serve with the session of each request: that of
// this manager, or the innermost one if the Manager is nil. It is for middleware that
// stands inside of [Manager.Handler] and looks at the session.
//
// A request without a session does not reach serve, since the middleware must not let it
// pass. [Manager.Answer] answers it with [ErrNoSession], which is 500 by default, and the
// first such request is logged under the middleware's name.
func (m *Manager) Inside(name string, serve func(w http.ResponseWriter, r *http.Request, s *Session)) http.Handler {
	var told sync.Once // anybody can send such requests: one line, not one for each
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s := m.FromContext(r.Context()); s != nil {
			serve(w, r, s)
			return
		}
		told.Do(func() {
			slog.ErrorContext(r.Context(), "session: "+name+" stands where there is no session, and answers 500 there",
				"path", r.URL.Path, "error", ErrNoSession)
		})
		m.Answer(w, r, ErrNoSession)
	})
}
