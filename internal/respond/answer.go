package respond

import (
	"fmt"
	"io"
	"net/http"
)

// Answer writes an answer that is no handler's, such as an error page, to w. It calls
// write with the ResponseWriter to write it to. Just before the first byte leaves, Answer
// calls last with the header: write may know less than last of what caches may keep.
// An answer that write gives no status has the given one, also if write writes nothing.
func Answer(w http.ResponseWriter, status int, last func(http.Header), write func(http.ResponseWriter)) {
	a := &answer{ResponseWriter: w, status: status, last: last}
	write(a)
	a.begin()
}

// An answer is the ResponseWriter that Answer makes.
type answer struct {
	http.ResponseWriter
	status int
	last   func(http.Header)
	begun  bool
}

func (a *answer) begin() {
	if !a.begun {
		a.WriteHeader(a.status)
	}
}

func (a *answer) WriteHeader(status int) {
	if status >= 200 && !a.begun {
		a.begun = true
		a.last(a.Header())
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	a.begin()
	return a.ResponseWriter.Write(p)
}

func (a *answer) Flush() { _ = a.FlushError() }

func (a *answer) FlushError() error {
	a.begin()
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// Unwrap is for what does not write, such as deadlines.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Format writes no more than this, whatever the verb: below the writer is the request,
// which may hold secrets.
func (a *answer) Format(f fmt.State, _ rune) {
	io.WriteString(f, "response writer of an error page")
}
