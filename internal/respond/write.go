package respond

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
)

// panicked is in the place of an answer whose Before has panicked. A handler that goes on
// after that must not be shown as if Before had succeeded.
var panicked = replacement{
	err:    errors.New("session: a panic before the first byte: nothing of this answer can be shown"),
	aborts: true,
}

// WriteHeader begins the answer. Of the informational answers 101 alone begins it: it is
// the last, and the others only come before it.
func (w *Writer) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		if w.begin(status) != nil {
			return
		}
	}
	w.under.WriteHeader(status)
}

// Write begins the answer, and writes to it. Like all that writes, it returns the error
// with which the answer was replaced, if it was.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.begin(http.StatusOK); err != nil {
		return 0, err
	}
	return w.under.Write(p)
}

// WriteString begins the answer, and writes to it.
func (w *Writer) WriteString(s string) (int, error) {
	if err := w.begin(http.StatusOK); err != nil {
		return 0, err
	}
	return io.WriteString(w.under, s)
}

// ReadFrom begins the answer with the first byte of src: if there is none because src fails,
// the handler can still answer. It lets a file go out by sendfile where the writer below can.
func (w *Writer) ReadFrom(src io.Reader) (n int64, err error) {
	if !w.begun.Load() {
		n, err = io.CopyN(struct{ io.Writer }{w}, src, firstRead)
		if err == io.EOF { // that was all
			return n, nil
		}
	}
	if err == nil {
		err = w.begin(http.StatusOK)
	}
	if err != nil {
		return n, err
	}
	var more int64
	if rf, ok := w.under.(io.ReaderFrom); ok {
		more, err = rf.ReadFrom(src)
	} else {
		more, err = io.Copy(struct{ io.Writer }{w.under}, src)
	}
	return n + more, err
}

// firstRead is how much of a reader is written before the rest is left to the writer below, in
// bytes: as much as net/http looks at for the type of the content.
const firstRead = 512

// Flush is FlushError without the error.
func (w *Writer) Flush() { _ = w.FlushError() }

// FlushError begins the answer, and sends what was written. Where the writer below cannot
// flush it begins nothing, so that the handler can still answer.
func (w *Writer) FlushError() error {
	if !w.begun.Load() {
		_, flusher := below[http.Flusher](w.under)
		_, reporter := below[interface{ FlushError() error }](w.under)
		if !flusher && !reporter {
			return http.ErrNotSupported
		}
	}
	if err := w.begin(http.StatusOK); err != nil {
		return err
	}
	w.streamed = true
	return http.NewResponseController(w.under).Flush()
}

// Hijack hands the connection over, unless Hooks.HandOver refuses: what is in the header
// never leaves then. Where it cannot be handed over nothing has begun, and the handler can
// still answer.
func (w *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	first := !w.begun.Load()
	if first {
		if _, ok := below[http.Hijacker](w.under); !ok {
			return nil, nil, http.ErrNotSupported
		}
		if err := w.hooks.HandOver(); err != nil {
			return nil, nil, err
		}
	}
	if err := w.begin(http.StatusSwitchingProtocols); err != nil {
		return nil, nil, err
	}
	conn, rw, err := http.NewResponseController(w.under).Hijack()
	switch {
	case err == nil:
		w.streamed, w.hijacked = true, true
	case first: // nothing has left
		w.hooks.Reopened()
		w.begun.Store(false)
	}
	return conn, rw, err
}
