package session

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
)

// sessionKey finds the innermost session of a context, managerKey that of one
// manager.
type (
	sessionKey struct{}
	managerKey struct{ m *Manager }
)

// sessionContext is a context that holds a session.
type sessionContext struct {
	context.Context
	s *Session
}

// Value finds the session too.
func (c *sessionContext) Value(key any) any {
	switch k := key.(type) {
	case sessionKey:
		return c.s
	case managerKey:
		if k.m == c.s.m {
			return c.s
		}
	}
	return c.Context.Value(key)
}

// String returns the session's ID, for the contexts made of this one, which put
// it before their own.
func (c *sessionContext) String() string { return "context of " + c.s.String() }

// Format writes what String returns, whatever the verb.
func (c *sessionContext) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

// NewContext returns a context that holds s, for frameworks and tests that do
// without [Manager.Handler]. With a nil s it returns ctx.
func NewContext(ctx context.Context, s *Session) context.Context {
	if s == nil {
		return ctx
	}
	return &sessionContext{ctx, s}
}

// FromContext returns the session of a request's context: that of the
// innermost manager, where managers are nested. It returns nil where no
// [Manager.Handler] stands before the handler; the methods of a nil Session
// are safe, and say so when a change is lost.
func FromContext(ctx context.Context) *Session {
	s, _ := ctx.Value(sessionKey{}).(*Session)
	return s
}

// Manager returns the manager that the session belongs to, for packages that stand on
// this one, and nil without a session. See the example of [Manager.Answer].
func (s *Session) Manager() *Manager {
	if s == nil {
		return nil
	}
	return s.m
}

// FromContext returns the session that belongs to this manager, or nil. A nil Manager,
// for a middleware that no manager was named to, finds the innermost session, as the
// function FromContext does.
func (m *Manager) FromContext(ctx context.Context) *Session {
	if m == nil {
		return FromContext(ctx)
	}
	s, _ := ctx.Value(managerKey{m}).(*Session)
	return s
}

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
