package guard

import (
	"log/slog"
	"net/http"
	"sync"

	"github.com/b4468f51/session"
)

// sessionOf returns the session that a middleware looks at.
func sessionOf(r *http.Request, m *session.Manager) *session.Session {
	if m != nil {
		return m.FromContext(r.Context())
	}
	return session.FromContext(r.Context())
}

// misplaced answers for a middleware that finds no session. Anybody can send
// such requests, so it writes one line to the log, not one for each.
type misplaced struct {
	name string
	m    *session.Manager // nil where none was named
	once sync.Once
}

func (p *misplaced) answer(w http.ResponseWriter, r *http.Request) {
	p.once.Do(func() {
		slog.ErrorContext(r.Context(), "guard: "+p.name+" stands where there is no session, and answers 500 there",
			"path", r.URL.Path, "error", session.ErrNoSession)
	})
	p.m.Answer(w, r, session.ErrNoSession)
}
