package respond_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/respond"
)

// Handlers and frameworks look for these by type assertion.
var _ interface {
	http.ResponseWriter
	http.Flusher
	http.Hijacker
	http.Pusher
	io.StringWriter
	io.ReaderFrom
	FlushError() error
	CloseNotify() <-chan bool
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
	EnableFullDuplex() error
} = new(respond.Writer)

func TestNobodyGetsBelowTheWriter(t *testing.T) {
	if _, ok := any(new(respond.Writer)).(interface{ Unwrap() http.ResponseWriter }); ok {
		t.Error("Unwrap lets handlers write before the callback")
	}
}

func TestARefusedConnectionIsNotTouched(t *testing.T) {
	refused := errors.New("refused")
	h, a := &hooks{handOver: refused}, newAble()
	run(a, h, func(w *respond.Writer) {
		if conn, rw, err := w.Hijack(); conn != nil || rw != nil || err != refused {
			t.Errorf("Hijack: %v %v %v", conn, rw, err)
		}
		if len(a.log) != 0 {
			t.Errorf("the writer below was asked to %q", a.log)
		}
		w.WriteHeader(426) // and goes on as an answer
	})
	h.wants(t, "hand over", "before 426", "after 426 false")
}

func TestAConnectionThatCannotBeHandedOverReopensTheAnswer(t *testing.T) {
	h, a := &hooks{}, newAble()
	a.hijackErr = errors.New("no connection")
	run(a, h, func(w *respond.Writer) {
		if _, _, err := w.Hijack(); err != a.hijackErr {
			t.Errorf("Hijack: %v", err)
		}
		h.wants(t, "hand over", "before 101", "reopened")
		if begun, err := w.Begun(); begun || err != nil {
			t.Errorf("begun is %v, %v", begun, err)
		}
		w.Header().Set("X-Late", "1")
		w.WriteHeader(500)
	})
	h.wants(t, "hand over", "before 101", "reopened", "before 500", "after 500 false")
	if a.sent.Get("X-Late") != "1" {
		t.Errorf("the header that left is %q", a.sent)
	}
}

func TestAnAnswerThatHasBegunIsNotReopened(t *testing.T) {
	h, a := &hooks{handOver: errors.New("refused")}, newAble()
	a.hijackErr = errors.New("no connection")
	run(a, h, func(w *respond.Writer) {
		w.WriteString("page")
		if _, _, err := w.Hijack(); err != a.hijackErr { // what the header should have said has left
			t.Errorf("Hijack: %v", err)
		}
	})
	h.wants(t, "before 200", "after 200 false")
}

func TestWhatTheWriterBelowLacksBeginsNothing(t *testing.T) {
	for name, under := range map[string]http.ResponseWriter{
		"plain": newPlain(), "wrapped": wrapper{newPlain()}, "a Writer": nested(newPlain()),
	} {
		h := &hooks{}
		run(under, h, func(w *respond.Writer) {
			if err := w.FlushError(); !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("%s: FlushError: %v", name, err)
			}
			w.Flush()
			if _, _, err := w.Hijack(); !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("%s: Hijack: %v", name, err)
			}
			if err := w.Push("/x", nil); !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("%s: Push: %v", name, err)
			}
			if err := errors.Join(w.SetReadDeadline(time.Time{}), w.SetWriteDeadline(time.Time{}), w.EnableFullDuplex()); !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("%s: deadlines: %v", name, err)
			}
			h.wants(t)
			if n, err := w.ReadFrom(strings.NewReader("read ")); n != 5 || err != nil {
				t.Errorf("%s: ReadFrom: %d, %v", name, n, err)
			}
			if n, err := w.WriteString("string"); n != 6 || err != nil {
				t.Errorf("%s: WriteString: %d, %v", name, n, err)
			}
			if err := w.FlushError(); !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("%s: FlushError afterwards: %v", name, err)
			}
		})
	}
}

// nested returns a Writer over another writer.
func nested(under http.ResponseWriter) *respond.Writer {
	var w respond.Writer
	w.Wrap(under, request(), &hooks{})
	return &w
}

// flusher, reporter and such have one method beside the three.
type flusher struct{ *plain }

func (f flusher) Flush() { f.say("flush") }

type reporter struct{ *plain }

func (r reporter) FlushError() error { r.say("flush"); return nil }

type hijacker struct{ *plain }

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h.say("hijack")
	return nil, nil, nil
}

type pusher struct{ *plain }

func (p pusher) Push(target string, _ *http.PushOptions) error { p.say("push %s", target); return nil }

type deadliner struct{ *plain }

func (d deadliner) SetReadDeadline(time.Time) error  { d.say("read deadline"); return nil }
func (d deadliner) SetWriteDeadline(time.Time) error { d.say("write deadline"); return nil }
func (d deadliner) EnableFullDuplex() error          { d.say("full duplex"); return nil }

type notifier struct {
	*plain
	gone chan bool
}

func (n notifier) CloseNotify() <-chan bool { return n.gone }

func TestWhatAnyWriterBelowCanIsFound(t *testing.T) {
	for name, test := range map[string]struct {
		has func(p *plain) http.ResponseWriter
		ask func(w *respond.Writer) error
		log []string
	}{
		"Flush":      {func(p *plain) http.ResponseWriter { return flusher{p} }, (*respond.Writer).FlushError, []string{"flush"}},
		"FlushError": {func(p *plain) http.ResponseWriter { return reporter{p} }, (*respond.Writer).FlushError, []string{"flush"}},
		"Hijack": {func(p *plain) http.ResponseWriter { return hijacker{p} },
			func(w *respond.Writer) error { _, _, err := w.Hijack(); return err }, []string{"hijack"}},
		"Push": {func(p *plain) http.ResponseWriter { return pusher{p} },
			func(w *respond.Writer) error { return w.Push("/x", nil) }, []string{"push /x"}},
		"deadlines": {func(p *plain) http.ResponseWriter { return deadliner{p} },
			func(w *respond.Writer) error {
				return errors.Join(w.SetReadDeadline(time.Time{}), w.SetWriteDeadline(time.Time{}), w.EnableFullDuplex())
			},
			[]string{"read deadline", "write deadline", "full duplex"}},
	} {
		for chain, wrap := range map[string]func(http.ResponseWriter) http.ResponseWriter{
			"directly":               func(w http.ResponseWriter) http.ResponseWriter { return w },
			"through wrappers":       func(w http.ResponseWriter) http.ResponseWriter { return wrapper{wrapper{w}} },
			"through another Writer": func(w http.ResponseWriter) http.ResponseWriter { return wrapper{nested(wrapper{w})} },
		} {
			p := newPlain()
			run(wrap(test.has(p)), &hooks{}, func(w *respond.Writer) {
				if err := test.ask(w); err != nil || !slices.Equal(p.log, test.log) {
					t.Errorf("%s %s: %v, and the writer was asked to %q, want %q", name, chain, err, p.log, test.log)
				}
			})
		}
	}
}

func TestCloseNotifyIsTheWritersBelow(t *testing.T) {
	gone := make(chan bool, 1)
	run(wrapper{nested(notifier{newPlain(), gone})}, &hooks{}, func(w *respond.Writer) {
		if w.CloseNotify() != (<-chan bool)(gone) {
			t.Error("the channel is another")
		}
	})
}

func TestCloseNotifyIsToldByTheContextOverAnyOtherWriter(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var w respond.Writer
	w.Wrap(newPlain(), request().WithContext(ctx), &hooks{})
	gone := w.CloseNotify()
	select {
	case <-gone:
		t.Error("the client is there, and is said to be gone")
	default:
	}
	cancel()
	if !<-gone {
		t.Error("the channel was closed")
	}
}

func TestPrintingTheWriterShowsWhatTheHooksSay(t *testing.T) {
	r := request()
	r.Header.Set("Cookie", "hidden")
	var w respond.Writer
	w.Wrap(httptest.NewRecorder(), r, &hooks{})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		if got := fmt.Sprintf(verb, &w); got != "response writer of a test" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}
