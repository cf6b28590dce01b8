package session

import (
	"context"
	"errors"
	"net/http"

	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/life"
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
// Handler loads the session first. If that fails, Config.ErrorHandler answers and next does
// not run. A client that hangs up meanwhile gets no answer, and is not an error.
//
// If the commit fails, Config.ErrorHandler answers. The header goes back to what it was
// before next ran, and next's writes return the error and are dropped: next only has to
// return. A cookie for what an earlier Save stored is still sent. A response of status 500
// or above, and a panic, commit nothing.
//
// What next changes after the first byte is committed when it returns. If that fails,
// Handler panics with [http.ErrAbortHandler], so that the client does not take the response
// for complete.
//
// What next does to its request, such as reading a form or matching a pattern, is visible to
// the handlers outside once next has returned. The temporary files of a form that next has
// read are removed then.
//
// The ResponseWriter of next has every method that the server's has. Two things need care:
//
//   - A connection that next takes over, as for a WebSocket, leaves without the header. If a
//     cookie has to be set, Hijack returns [ErrHeadersSent]. Set the cookie in an earlier
//     request. Or leave the path out with Config.Skip, call [Manager.Start], and give
//     w.Header() to the upgrade.
//   - [http.MaxBytesReader] limits a body as ever, but cannot close the connection of a
//     client that sends more: it needs the server's own writer for that. Put
//     [http.MaxBytesHandler] outside of Handler, or set the header Connection to close.
//
// If another site makes a request, and the browser leaves the cookie out, no cookie of an
// anonymous session is set: see "Cookies" in the package documentation.
//
// Handler passes on unchanged a request that already has a session of this manager, and one
// that Config.Skip leaves out.
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
		e.session.life.Keep(r.Context())
		e.session.life.GiveHeader()
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
	response respond.Writer // calls back the exchange: see Before and what follows
	vary     [1]string      // room for a line of the header
	closed   bool           // the session is, and has nothing to tell
}

// close is called last, after a panic too. A cookie that is due for what Save
// has stored or Destroy has removed goes with whatever answer is given outside.
func (e *exchange) close() {
	begun, err := e.response.Begun()
	if !begun {
		e.writeHeader(e.response.Header())
	}
	e.response.Close()
	if e.closed {
		return
	}
	if notes := e.session.life.Close(); notes && begun && err == nil {
		e.session.life.TellUnsaved(&e.context)
	}
}

// What the ResponseWriter of a handler calls back: an exchange is a respond.Hooks.

// Before commits the session, unless the status says that the handler failed, and
// writes the session's part of the header.
func (e *exchange) Before(status int, h http.Header) error {
	s := &e.session
	if status >= 400 {
		s.life.AnsweredUnsaved()
	}
	if status >= 500 {
		s.life.Discard()
	} else if part := (life.Header{}); s.life.CloseReadHeader(&part) {
		e.writePart(h, &part)
		return nil
	} else if err := s.life.Commit(&e.context, false); err != nil {
		if ErrorStatus(err) >= 500 { // else the client is told to try again, or that it may not
			e.reportFailed(err)
		}
		return err
	}
	e.writeHeader(h)
	return nil
}

// reportFailed reports that a commit failed, unless the commit itself has.
func (e *exchange) reportFailed(err error) {
	var failed *commit.StoreError
	if !errors.As(err, &failed) {
		e.session.m.report(&e.context, Event{Kind: EventCommitFailed, ID: e.session.ID(), Err: err})
	}
}

// writeHeader writes the session's part of the header, and closes it.
func (e *exchange) writeHeader(h http.Header) {
	part := e.session.life.CloseHeader()
	e.writePart(h, &part)
}

func (e *exchange) writePart(h http.Header, part *life.Header) {
	s := &e.session
	if part.Due {
		write := func(h http.Header) { s.m.carrier.Write(h, part.Token.Text, part.Token.Until) }
		write(h)
		e.response.Keep(write)
	}
	s.sendBeside(h, part.Token.Until)
	if part.Used {
		s.m.carrier.Vary(h, &e.vary)
	}
}

// Replace answers with an error in the place of the handler. A cookie that was
// due before, for what Save has stored, goes with it.
func (e *exchange) Replace(w http.ResponseWriter, r *http.Request, err error) {
	e.session.life.Fail(err)
	e.session.m.answerWith(w, r, err, e.writeHeader)
}

// HandOver refuses where a cookie has to be set: it is lost with the header.
func (e *exchange) HandOver() error {
	if e.session.life.NeedsHeader() || e.session.bindCookieDue() {
		return life.ErrHandedOver
	}
	return nil
}

// Reopened lets cookies be set again. What was committed stays.
func (e *exchange) Reopened() { e.session.life.ReopenHeader() }

// Owes tells whether something has to be stored, or told the client.
func (e *exchange) Owes() bool { return e.session.life.Owes() || e.session.bindCookieDue() }

// errBypassed is reported where the response was written around the session's
// writer, so that no cookie could be set.
var errBypassed = errors.New("session: the response did not go through the writer of Manager.Handler: " +
	"hand on the ResponseWriter that Handler gives to its handler, not only the request")

// Bypassed keeps what needs no cookie. The client must not take the response for
// complete where something else was lost.
func (e *exchange) Bypassed() (abort bool, err error) {
	s := &e.session
	lost := s.life.LoseHeader() || s.bindCookieDue()
	failed := s.life.Commit(&e.context, false)
	err = errors.Join(errBypassed, failed)
	s.m.report(&e.context, Event{Kind: EventCommitFailed, ID: s.ID(), Err: err})
	return lost || failed != nil, err
}

// After commits what the handler has changed since the first byte, unless the status
// said that it failed. Only where the response was streamed may the first byte have left
// so long ago that the times are due again.
func (e *exchange) After(status int, streamed bool) error {
	s := &e.session
	if status >= 500 {
		return nil
	}
	if !streamed {
		if e.closed = s.life.CloseIdle(); e.closed {
			return nil
		}
	}
	err := s.life.Commit(&e.context, false)
	if err != nil {
		e.reportFailed(err)
	}
	return err
}

// String names the session, for whoever prints the writer.
func (e *exchange) String() string { return e.session.String() }
