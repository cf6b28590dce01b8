package session

import (
	"context"
	"net/http"

	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/internal/respond"
)

// statusHungUp is nginx's status for a client that has hung up. Nobody reads it,
// but logs do, and it counts for no failure there.
const statusHungUp = 499

// Handler is the middleware: it gives next the session of each request, by
// [FromContext], and commits what next changed before the first byte of the
// response leaves. Its shape is that of an alice.Constructor.
//
// The session is loaded first; where that fails, Config.ErrorHandler answers
// and next does not run. A client that hangs up meanwhile gets no answer, and is
// no error. Where the commit fails, Config.ErrorHandler answers:
// the header goes back to what it was before next ran, and what next writes is
// dropped with that error. Next has only to return. The cookie of what a Save
// before has stored is sent. A response of status 500
// or above, and a panic, commit nothing. What next changes after the first
// byte is committed when it returns; if that fails, Handler panics with
// [http.ErrAbortHandler], so that the client does not take the response for
// complete.
//
// What next does to its request, such as to read a form or to match a pattern,
// is seen outside once it has returned. The temporary files of a form that next
// has read are removed then.
//
// The ResponseWriter that next gets has every method that the server's has. Two
// things need care. A connection that next takes over, as for a WebSocket, leaves
// without the header: Hijack returns [ErrHeadersSent] where a cookie has to be set.
// Have it set by a request before; or leave the path out with Config.Skip, call
// [Manager.Start], and give w.Header() to the upgrade. And [http.MaxBytesReader]
// limits a body as ever, but can close the connection of a client that sends more
// only through the server's own writer: put [http.MaxBytesHandler] outside of
// Handler, or have next set the header Connection to close.
//
// A request that another site has made, and that its browser sends without the
// cookie, gets no cookie of an anonymous session: see "Cookies" in the package
// documentation.
//
// A request that has a session of this manager already, and one that
// Config.Skip leaves out, is handed on as it is.
func (m *Manager) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.cfg.Skip(r) || m.FromContext(r.Context()) != nil {
			next.ServeHTTP(w, r)
			return
		}
		e := new(exchange)
		if err := m.load(r, &e.session, &e.loading); err != nil {
			if r.Context().Err() == context.Canceled {
				w.WriteHeader(statusHungUp)
				return
			}
			m.Answer(w, r, err)
			return
		}
		m.keep(r, &e.session)
		e.session.sends = true
		e.context = sessionContext{r.Context(), &e.session}
		own := r.WithContext(&e.context)
		e.response.Wrap(w, own, e)
		defer e.close() // commits nothing: what is pending after a panic is dropped
		defer respond.HandBack(r, own)
		next.ServeHTTP(&e.response, own)
		e.response.End()
	})
}

// An exchange is all that one request needs, in one allocation.
type exchange struct {
	session  Session
	loading  limit.Context
	context  sessionContext
	response respond.Writer // calls back the exchange: see response.go
	vary     [1]string      // room for a line of the header
}

// close is called last, after a panic too. A cookie that is due for what Save
// has stored or Destroy has removed goes with whatever answer is given outside.
func (e *exchange) close() {
	begun, err := e.response.Begun()
	if !begun {
		e.writeHeader(e.response.Header())
	}
	e.response.Close()
	if notes := e.session.close(); notes && begun && err == nil {
		e.session.tellUnsaved(&e.context)
	}
}
