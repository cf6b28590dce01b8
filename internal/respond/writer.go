package respond

import (
	"net/http"
	"sync"
	"sync/atomic"
)

// Hooks are what a Writer calls back. All calls but String are by the goroutine whose
// call of the Writer caused them.
type Hooks interface {
	// Before is called before the first byte of the answer leaves, with the status.
	// It may change the header, which leaves as Before has left it. If it returns an error,
	// nothing of the handler's answer leaves, and Replace is called; it must not have
	// changed the header then.
	//
	// After a panic in Before the answer is neither the handler's nor another: what the
	// handler writes is dropped, and End aborts.
	Before(status int, h http.Header) error

	// Replace writes the answer that takes the place of the handler's to w, because
	// Before has returned err. The header is again what it was before the handler had it.
	// The request is the handler's.
	Replace(w http.ResponseWriter, r *http.Request, err error)

	// HandOver is called before a connection is handed over whose header has not left,
	// and so never will: it returns an error if something in the header has to reach the
	// client. Before is called next.
	HandOver() error

	// Reopened is called where the connection could not be handed over after all. The header
	// can still be written, and Before will be called again.
	Reopened()

	// Owes tells whether it matters that the handler has used the Writer. It is called when the
	// handler returned without a byte, and spares a look for whether the header has left.
	Owes() bool

	// Bypassed is called when the handler has returned without using the Writer,
	// although the header has left: the handler, or something between, had a writer below
	// this one. The error is what the Writer returns from then on; the answer is aborted
	// if abort is set.
	Bypassed() (abort bool, err error)

	// After is called when the handler has returned and the answer was its own, unless the
	// header is still to leave. Streamed is set where the handler has flushed, or
	// taken over the connection: the first byte may have left long ago. An error aborts
	// the answer, but not a connection that the handler took over.
	After(status int, streamed bool) error

	// String names the answer, for whoever prints the Writer.
	String() string
}

// A Writer is the ResponseWriter of a handler. It calls Hooks.Before before the first byte
// leaves, and then passes everything on to the writer below. It has every method that
// handlers look for, and no Unwrap: that would let them write before the callback.
//
// Call Wrap before the handler, End when it has returned, and Close in any case.
type Writer struct {
	under http.ResponseWriter
	r     *http.Request
	hooks Hooks

	mu       sync.Mutex  // held by the first to write
	begun    atomic.Bool // the first byte may leave
	status   uint16      // of the answer; set before begun
	streamed bool        // flushed or handed over
	hijacked bool
	before   *lines       // the header before the handler had it; nil until then
	replaced *replacement // nil where the answer is the handler's; set before begun
}

// Wrap makes w, which must be zero, the writer over under. The request is the one that the
// handler gets.
func (w *Writer) Wrap(under http.ResponseWriter, r *http.Request, hooks Hooks) {
	w.under, w.r, w.hooks = under, r, hooks
}

// Begun tells whether the first byte may have left, and why the answer is not the
// handler's, if it is not.
func (w *Writer) Begun() (bool, error) {
	if !w.begun.Load() {
		return false, nil
	}
	return true, w.err()
}

func (w *Writer) err() error {
	if w.replaced == nil {
		return nil
	}
	return w.replaced.err
}

// begin is called before each byte. It returns the error with which the handler's answer
// was replaced, if it was.
func (w *Writer) begin(status int) error {
	if w.begun.Load() {
		return w.err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun.Load() {
		return w.err()
	}
	w.status = uint16(min(status, 999)) // net/http takes no higher one
	w.replaced = &panicked              // unless Before returns
	defer w.begun.Store(true)
	if err := w.hooks.Before(status, w.under.Header()); err != nil {
		w.replace(err)
		return err
	}
	w.replaced = nil
	return nil
}

// End is called when the handler has returned. It panics with [http.ErrAbortHandler] where
// the client must not take the answer for complete.
func (w *Writer) End() {
	switch {
	case !w.begun.Load():
		if !w.hooks.Owes() || !headerSent(w.under) {
			_ = w.begin(http.StatusOK) // the server sends the header
			return
		}
		abort, err := w.hooks.Bypassed()
		w.replaced = &replacement{err: err}
		w.begun.Store(true)
		if abort {
			panic(http.ErrAbortHandler)
		}
	case w.replaced != nil && w.replaced.aborts:
		panic(http.ErrAbortHandler)
	case w.replaced == nil:
		if err := w.hooks.After(int(w.status), w.streamed); err != nil && !w.hijacked {
			panic(http.ErrAbortHandler)
		}
	}
}

// Close is called last, after a panic of the handler too. It takes out of the header what a
// handler has put there whose answer was replaced.
func (w *Writer) Close() {
	if w.begun.Load() && w.replaced != nil && w.replaced.dropped != nil {
		w.replaced.lines.restore(w.under.Header())
	}
}
