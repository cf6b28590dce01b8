package respond

import (
	"maps"
	"net/http"
)

// lines are a copy of a header.
type lines []line

// A line is a name with its values.
type line struct {
	name   string
	values []string
}

// copyLines copies a header with its values, which a handler may change in place.
func copyLines(h http.Header) lines {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	copied, all := make(lines, 0, len(h)), make([]string, 0, n)
	for name, values := range h {
		all = append(all, values...)
		copied = append(copied, line{name, all[len(all)-len(values) : len(all) : len(all)]})
	}
	return copied
}

// restore makes h what it was when it was copied.
func (l lines) restore(h http.Header) {
	clear(h)
	for _, line := range l {
		h[line.name] = line.values
	}
}

// A replacement is the answer in the place of the handler's.
type replacement struct {
	err     error       // why
	aborts  bool        // nothing can be shown: End aborts
	dropped http.Header // what the handler has of its own answer; nil where nothing was put in its place
	lines   lines       // what may leave
}

// Header returns the header of the answer. A handler whose answer was replaced gets one
// that goes nowhere.
func (w *Writer) Header() http.Header {
	if w.begun.Load() {
		if w.replaced != nil && w.replaced.dropped != nil {
			return w.replaced.dropped
		}
		return w.under.Header()
	}
	h := w.under.Header()
	if w.before == nil {
		w.before = &none // for most: nothing is there yet
		if len(h) > 0 {
			l := copyLines(h)
			w.before = &l
		}
	}
	return h
}

var none lines

// Keep calls write with every header that a Writer below this one would go back to if it
// replaced the answer: what is written tells the client of what has happened, and leaves in any
// case.
func (w *Writer) Keep(write func(http.Header)) {
	for under := w.under; ; {
		switch u := under.(type) {
		case *Writer:
			u.keep(write)
			under = u.under
		case interface{ Unwrap() http.ResponseWriter }:
			under = u.Unwrap()
		default:
			return
		}
	}
}

func (w *Writer) keep(write func(http.Header)) {
	if w.begun.Load() {
		return
	}
	w.Header() // there is a copy of the header from here on
	kept := make(http.Header, len(*w.before)+1)
	w.before.restore(kept)
	write(kept)
	before := copyLines(kept)
	w.before = &before
}

// replace puts another answer in the place of the handler's.
func (w *Writer) replace(err error) {
	h := w.under.Header()
	r := &replacement{err: panicked.err, aborts: true, dropped: maps.Clone(h)} // unless Replace returns
	if w.before == nil {                                                       // the handler has put nothing into the header
		r.lines = copyLines(h)
	} else {
		r.lines = *w.before
	}
	w.replaced = r
	r.lines.restore(h)
	w.hooks.Replace(w.under, w.r, err)
	r.err, r.aborts = err, false
	// The handler may still have this header, and what it puts there from now on would
	// leave as a trailer: Close takes it out.
	r.lines = copyLines(w.under.Header())
}
