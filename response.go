package session

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/b4468f51/session/internal/commit"
)

// A response is the ResponseWriter that handlers get. It commits the session
// before the first byte leaves, and then passes everything on. It has every
// method that handlers look for, and no Unwrap: that would let them walk
// around the commit.
type response struct {
	w http.ResponseWriter
	r *http.Request
	s *Session

	begun    atomic.Bool // the first byte may leave
	failed   bool        // the status says so; set before begun
	streamed bool        // flushed or hijacked: the handler may have taken long since
	hijacked bool
	closed   bool        // the session is
	mu       sync.Mutex  // guards beginning
	err      error       // why the handler's response was replaced; set before begun
	kept     *keptHeader // nil until the handler has the header
	vary     [1]string   // room for a line of the header
}

func (w *response) wrap(under http.ResponseWriter, r *http.Request, s *Session) {
	w.w, w.r, w.s = under, r, s
	s.sends = true
}

// begin is called before the first byte. It commits, unless the status says
// that the handler failed, and puts into the header what the session needs.
// It returns the error with which the handler's response was replaced, if it was.
func (w *response) begin(status int) error {
	if w.begun.Load() {
		return w.err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun.Load() {
		return w.err
	}
	w.err = errPanicked // unless what follows, an Update's function, returns
	defer w.begun.Store(true)
	if status >= 400 {
		w.s.answeredUnsaved()
	}
	w.failed = status >= 500
	if w.failed {
		w.s.Discard()
	} else if w.beginRead() {
		w.err = nil
		return nil
	} else if err := w.s.m.commit(w.r.Context(), w.s, false); err != nil {
		w.err = err
		w.report(err)
		w.replace(err)
		return err
	}
	w.err = nil
	w.writeHeader()
	return nil
}

// beginRead does all that begin has to where there is nothing to commit. It is
// false, and nothing is done, where there may be.
func (w *response) beginRead() bool {
	s := w.s
	if s.m.sealer != nil {
		return false
	}
	s.committing.Lock() // waits for a commit by another goroutine
	defer s.committing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.onlyReadLocked() {
		return false
	}
	w.writeHeaderLocked()
	return true
}

// errPanicked is what a handler meets that goes on after a panic in a commit.
var errPanicked = errors.New("session: the commit panicked: nothing was saved, and nothing can be shown")

// report reports that a commit failed, unless the commit itself has, or the
// client is told to try again, or that it may not.
func (w *response) report(err error) {
	var failed *commit.StoreError
	if !errors.As(err, &failed) && ErrorStatus(err) >= 500 {
		w.s.m.report(w.r.Context(), Event{Kind: EventCommitFailed, ID: w.s.ID(), Err: err})
	}
}

// writeHeader writes the session's part of the header, and closes it.
func (w *response) writeHeader() {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.writeHeaderLocked()
}

func (w *response) writeHeaderLocked() {
	s := w.s
	s.headersSent = true
	if s.due != cookieNone {
		s.sendTokenLocked(w.w.Header())
		s.used = true
	}
	s.sendFormCookieLocked(w.w.Header())
	if s.used {
		s.m.carrier.Vary(w.w.Header(), &w.vary)
	}
}

// replace answers with an error in the place of the handler. A cookie that was
// due before, for what Save has stored, goes with it.
func (w *response) replace(err error) {
	s := w.s
	s.mu.Lock()
	s.discardLocked()
	s.headersSent, s.used = true, true
	s.mu.Unlock()
	w.dropHeader()
	s.m.answerFor(w, err)
	w.holdHeader()
}

// close is called last, after a panic too. A cookie that is due for what Save
// has stored or Destroy has removed goes with whatever answer is given outside.
func (w *response) close() {
	if w.begun.Load() && w.err == nil {
		w.s.tellUnsaved(w.r.Context())
	}
	if w.closed {
		return
	}
	if !w.begun.Load() {
		w.writeHeader()
	}
	if w.kept != nil && w.kept.dropped != nil {
		w.kept.restore(w.w.Header())
	}
	w.s.close()
}

// end is called when the handler has returned.
func (w *response) end() {
	if !w.begun.Load() {
		if !w.endAround() {
			_ = w.begin(http.StatusOK) // net/http sends the header
		}
		return
	}
	if w.err == errPanicked {
		panic(http.ErrAbortHandler)
	}
	if w.err != nil || w.failed {
		return
	}
	if w.closed = !w.streamed && w.s.closeIdle(); w.closed {
		return
	}
	err := w.s.m.commit(w.r.Context(), w.s, false)
	if err == nil {
		return
	}
	var failed *commit.StoreError
	if !errors.As(err, &failed) { // else the commit has reported it
		w.s.m.report(w.r.Context(), Event{Kind: EventCommitFailed, ID: w.s.ID(), Err: err})
	}
	if !w.hijacked { // the connection is the handler's to close
		panic(http.ErrAbortHandler)
	}
}

func (w *response) WriteHeader(status int) {
	// Of the informational answers only 101 is the last.
	if status >= 200 || status == http.StatusSwitchingProtocols {
		if w.begin(status) != nil {
			return
		}
	}
	w.w.WriteHeader(status)
}

func (w *response) Write(p []byte) (int, error) {
	if err := w.begin(http.StatusOK); err != nil {
		return 0, err
	}
	return w.w.Write(p)
}

func (w *response) WriteString(s string) (int, error) {
	if err := w.begin(http.StatusOK); err != nil {
		return 0, err
	}
	return io.WriteString(w.w, s)
}

// ReadFrom lets a file go out by sendfile where it would without us.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	if err := w.begin(http.StatusOK); err != nil {
		return 0, err
	}
	if rf, ok := w.w.(io.ReaderFrom); ok {
		return rf.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{w.w}, src)
}

// Flush is FlushError for those who do not want to know.
func (w *response) Flush() { _ = w.FlushError() }

func (w *response) FlushError() error {
	if !w.begun.Load() {
		_, flusher := below[http.Flusher](w.w)
		_, reporter := below[interface{ FlushError() error }](w.w)
		if !flusher && !reporter {
			return http.ErrNotSupported
		}
	}
	if err := w.begin(http.StatusOK); err != nil {
		return err
	}
	w.streamed = true
	return http.NewResponseController(w.w).Flush()
}

// Hijack hands the connection over. What handlers set in the header never
// leaves then, so it refuses where a cookie has to be set.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	first := !w.begun.Load()
	if first {
		if _, ok := below[http.Hijacker](w.w); !ok {
			return nil, nil, http.ErrNotSupported
		}
		if w.s.needsCookie() {
			return nil, nil, errHandedOver
		}
	}
	if err := w.begin(http.StatusSwitchingProtocols); err != nil {
		return nil, nil, err
	}
	conn, rw, err := http.NewResponseController(w.w).Hijack()
	switch {
	case err == nil:
		w.streamed, w.hijacked = true, true
	case first:
		w.reopen()
	}
	return conn, rw, err
}

// reopen undoes begin where it turned out that nothing has left. What was
// committed stays.
func (w *response) reopen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.headersSent = false
	w.begun.Store(false)
}
