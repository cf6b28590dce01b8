package session

import (
	"maps"
	"net/http"
)

// A keptHeader is what stood in the header of a response before the handler had
// it, so that an error answer takes nothing over from the handler.
type keptHeader struct {
	lines   []headerLine
	dropped http.Header // that of a handler whose response was replaced
}

// A headerLine is a name with its values.
type headerLine struct {
	name   string
	values []string
}

// Header returns the header of the response. A handler whose response was
// replaced gets one that goes nowhere.
func (w *response) Header() http.Header {
	if w.begun.Load() {
		if w.kept != nil && w.kept.dropped != nil {
			return w.kept.dropped
		}
		return w.w.Header()
	}
	h := w.w.Header()
	if w.kept == nil {
		w.kept = nothingKept // for most: nothing stands there yet
		if len(h) > 0 {
			w.kept = &keptHeader{lines: headerLines(h)}
		}
	}
	return h
}

var nothingKept = new(keptHeader)

// dropHeader takes out of the header what the handler has put there.
func (w *response) dropHeader() {
	h := w.w.Header()
	if w.kept == nil { // it has put nothing there
		w.kept = &keptHeader{lines: headerLines(h)}
	}
	w.kept = &keptHeader{lines: w.kept.lines, dropped: maps.Clone(h)}
	w.kept.restore(h)
}

// holdHeader lets nothing into the header any more: the handler may still have it,
// and what it puts there would be in the trailer.
func (w *response) holdHeader() { w.kept.lines = headerLines(w.w.Header()) }

// restore makes h what it was when it was kept.
func (k *keptHeader) restore(h http.Header) {
	clear(h)
	for _, line := range k.lines {
		h[line.name] = line.values
	}
}

// headerLines copies a header, with its values, which a handler may change where
// they stand.
func headerLines(h http.Header) []headerLine {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	lines, all := make([]headerLine, 0, len(h)), make([]string, 0, n)
	for name, values := range h {
		all = append(all, values...)
		lines = append(lines, headerLine{name, all[len(all)-len(values) : len(all) : len(all)]})
	}
	return lines
}
