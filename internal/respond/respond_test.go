package respond_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/b4468f51/session/internal/respond"
)

var errBefore = errors.New("before fails")

// hooks write down what is called, and do what a test wants of them.
type hooks struct {
	log []string

	before   func(status int, h http.Header) error
	replace  func(w http.ResponseWriter, r *http.Request, err error)
	handOver error
	owes     bool
	abort    bool
	bypassed error
	after    error
}

func (h *hooks) say(format string, args ...any) { h.log = append(h.log, fmt.Sprintf(format, args...)) }

func (h *hooks) Before(status int, header http.Header) error {
	h.say("before %d", status)
	if h.before != nil {
		return h.before(status, header)
	}
	header.Set("X-Before", "1")
	return nil
}

func (h *hooks) Replace(w http.ResponseWriter, r *http.Request, err error) {
	h.say("replace %v", err)
	if h.replace != nil {
		h.replace(w, r, err)
		return
	}
	w.WriteHeader(http.StatusTeapot)
	io.WriteString(w, "another")
}

func (h *hooks) HandOver() error { h.say("hand over"); return h.handOver }
func (h *hooks) Reopened()       { h.say("reopened") }
func (h *hooks) Owes() bool      { return h.owes }

func (h *hooks) Bypassed() (bool, error) { h.say("bypassed"); return h.abort, h.bypassed }

func (h *hooks) After(status int, streamed bool) error {
	h.say("after %d %v", status, streamed)
	return h.after
}

func (h *hooks) String() string { return "a test" }

func (h *hooks) wants(t *testing.T, log ...string) {
	t.Helper()
	if !slices.Equal(h.log, log) {
		t.Errorf("the hooks called are %q, want %q", h.log, log)
	}
}

// fails makes Before fail.
func fails(int, http.Header) error { return errBefore }

// request returns a request for nothing in particular.
func request() *http.Request { return httptest.NewRequest("GET", "/", nil) }

// run runs a handler on a Writer over under, as a middleware does, and returns what it
// panicked with.
func run(under http.ResponseWriter, h *hooks, f func(w *respond.Writer)) (panicked any) {
	defer func() { panicked = recover() }()
	var w respond.Writer
	w.Wrap(under, request(), h)
	defer w.Close()
	f(&w)
	w.End()
	return nil
}

// plain is a writer with the three methods and no more. It keeps the header that left.
type plain struct {
	header, sent http.Header
	log          []string
	body         bytes.Buffer
}

func newPlain() *plain { return &plain{header: http.Header{}} }

func (p *plain) say(format string, args ...any) { p.log = append(p.log, fmt.Sprintf(format, args...)) }

func (p *plain) Header() http.Header { return p.header }

func (p *plain) leave() {
	if p.sent == nil {
		p.sent = p.header.Clone()
	}
}

func (p *plain) WriteHeader(status int) {
	p.say("status %d", status)
	if status >= 200 {
		p.leave()
	}
}

func (p *plain) Write(b []byte) (int, error) {
	p.leave()
	p.say("write %s", b)
	return p.body.Write(b)
}

// able is a writer that has every method.
type able struct {
	plain
	hijackErr error
}

func newAble() *able { return &able{plain: *newPlain()} }

func (a *able) Flush()            { a.say("plain flush") }
func (a *able) FlushError() error { a.leave(); a.say("flush"); return nil }
func (a *able) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.say("hijack")
	return nil, nil, a.hijackErr
}

func (a *able) WriteString(s string) (int, error) {
	a.leave()
	a.say("string %s", s)
	return len(s), nil
}
func (a *able) ReadFrom(r io.Reader) (int64, error) {
	a.leave()
	a.say("read from %T", r)
	return io.Copy(&a.body, r)
}

// wrapper is a middleware's writer, which has no method of its own.
type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// ways are all ways to the first byte.
var ways = map[string]struct {
	status int
	write  func(w *respond.Writer) error
	below  string // what the writer below is asked for
}{
	"Write":       {200, func(w *respond.Writer) error { _, err := w.Write([]byte("x")); return err }, "write x"},
	"WriteString": {200, func(w *respond.Writer) error { _, err := w.WriteString("x"); return err }, "string x"},
	"ReadFrom": {200, func(w *respond.Writer) error { _, err := w.ReadFrom(strings.NewReader("x")); return err },
		"write x"},
	"Flush":                  {200, func(w *respond.Writer) error { w.Flush(); return errBefore }, "flush"},
	"FlushError":             {200, func(w *respond.Writer) error { return w.FlushError() }, "flush"},
	"WriteHeader":            {204, func(w *respond.Writer) error { w.WriteHeader(204); return errBefore }, "status 204"},
	"switching protocols":    {101, func(w *respond.Writer) error { w.WriteHeader(101); return errBefore }, "status 101"},
	"Hijack":                 {101, func(w *respond.Writer) error { _, _, err := w.Hijack(); return err }, "hijack"},
	"the end without a byte": {200, func(w *respond.Writer) error { w.End(); return errBefore }, ""},
}

func TestTheFirstByteIsCalledBackForWhateverWayItTakes(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			h, a := &hooks{}, newAble()
			h.before = func(_ int, header http.Header) error {
				if len(a.log) != 0 {
					t.Errorf("before the callback the writer below was asked to %q", a.log)
				}
				header.Set("X-Before", "1")
				return nil
			}
			if p := run(a, h, func(w *respond.Writer) {
				if begun, err := w.Begun(); begun || err != nil {
					t.Errorf("at first: %v %v", begun, err)
				}
				w.Header().Set("X-Handler", "1")
				way.write(w)
				if begun, err := w.Begun(); !begun || err != nil {
					t.Errorf("afterwards: %v %v", begun, err)
				}
				w.Write([]byte("more"))
				w.Flush()
			}); p != nil {
				t.Errorf("panicked with %v", p)
			}
			log := []string{fmt.Sprint("before ", way.status), fmt.Sprintf("after %d true", way.status)}
			if name == "Hijack" {
				log = slices.Insert(log, 0, "hand over")
			}
			h.wants(t, log...)
			if way.below != "" && a.log[0] != way.below {
				t.Errorf("the writer below was asked to %q, want %q first", a.log, way.below)
			}
			if sent := a.sent; sent.Get("X-Before") != "1" || sent.Get("X-Handler") != "1" {
				t.Errorf("the header that left is %q", sent)
			}
		})
	}
}

func TestInformationalAnswersAreNotTheFirstByte(t *testing.T) {
	h, p := &hooks{}, newPlain()
	run(p, h, func(w *respond.Writer) {
		w.WriteHeader(103)
		w.WriteHeader(102)
		h.wants(t)
		w.WriteHeader(200)
	})
	h.wants(t, "before 200", "after 200 false")
	if want := []string{"status 103", "status 102", "status 200"}; !slices.Equal(p.log, want) {
		t.Errorf("the writer below was asked to %q, want %q", p.log, want)
	}
}

func TestTheEndWithoutAByteLeavesTheHeaderToTheServer(t *testing.T) {
	h, p := &hooks{}, newPlain()
	run(p, h, func(*respond.Writer) {})
	h.wants(t, "before 200")
	if len(p.log) != 0 || p.header.Get("X-Before") != "1" {
		t.Errorf("the writer below was asked to %q, with the header %q", p.log, p.header)
	}
}

func TestAfterIsGivenTheStatusAndWhetherTheAnswerWasStreamed(t *testing.T) {
	for want, f := range map[string]func(w *respond.Writer){
		"after 200 false": func(w *respond.Writer) { w.WriteString("page") },
		"after 503 false": func(w *respond.Writer) { w.WriteHeader(503) },
		"after 200 true":  func(w *respond.Writer) { w.Flush() },
		"after 101 true":  func(w *respond.Writer) { w.Hijack() },
	} {
		h := &hooks{}
		run(newAble(), h, f)
		if got := h.log[len(h.log)-1]; got != want {
			t.Errorf("the last call is %q, want %q", got, want)
		}
	}
}

func TestALateFailureAbortsAllButAConnectionOfTheHandlers(t *testing.T) {
	h := &hooks{after: errors.New("too late")}
	if p := run(newAble(), h, func(w *respond.Writer) { w.WriteString("page") }); p != http.ErrAbortHandler {
		t.Errorf("an answer: panicked with %v, want that the client sees it cut off", p)
	}
	if p := run(newAble(), h, func(w *respond.Writer) { w.Flush() }); p != http.ErrAbortHandler {
		t.Errorf("a stream: panicked with %v, want that the client sees it cut off", p)
	}
	if p := run(newAble(), h, func(w *respond.Writer) { w.Hijack() }); p != nil {
		t.Errorf("a connection that was handed over: panicked with %v", p)
	}
}

func TestAHandlersPanicCallsNothingBack(t *testing.T) {
	h, p := &hooks{}, newPlain()
	if got := run(p, h, func(w *respond.Writer) { w.Header().Set("X-Handler", "1"); panic("oops") }); got != "oops" {
		t.Errorf("panicked with %v", got)
	}
	h.wants(t)
	if p.header.Get("X-Handler") != "1" { // as without a Writer: whoever recovers answers
		t.Errorf("the header is %q", p.header)
	}
}

func TestAPanicBeforeTheFirstByteShowsNothing(t *testing.T) {
	h, a := &hooks{}, newAble()
	h.before = func(int, http.Header) error { panic("oops") }
	got := run(a, h, func(w *respond.Writer) {
		func() {
			defer func() {
				if p := recover(); p != "oops" {
					t.Errorf("the handler recovers %v", p)
				}
			}()
			w.WriteString("page")
		}()
		for name, way := range ways { // the handler goes on
			if name == "the end without a byte" {
				continue
			}
			if err := way.write(w); err == nil {
				t.Errorf("%s succeeds", name)
			}
		}
		if begun, err := w.Begun(); !begun || err == nil {
			t.Errorf("begun is %v, %v", begun, err)
		}
		w.Header().Set("X-Late", "1") // as ever
	})
	h.wants(t, "before 200")
	if len(a.log) != 0 || got != http.ErrAbortHandler {
		t.Errorf("the writer below was asked to %q, and the panic is %v", a.log, got)
	}
}

func TestTheFirstOfSeveralGoroutinesCallsBack(t *testing.T) {
	for _, outcome := range []error{nil, errBefore} {
		h, p := &hooks{}, &locked{plain: newPlain()}
		h.before = func(int, http.Header) error {
			for range 10_000 { // time for the others to come in, if they can
				runtime.Gosched()
			}
			return outcome
		}
		var wg sync.WaitGroup
		run(p, h, func(w *respond.Writer) {
			for range 8 {
				wg.Go(func() {
					if _, err := w.Write([]byte("x")); err != outcome {
						t.Errorf("Write returns %v, want %v", err, outcome)
					}
				})
			}
			wg.Wait()
		})
		log, body := []string{"before 200", "after 200 false"}, "xxxxxxxx"
		if outcome != nil {
			log, body = []string{"before 200", "replace before fails"}, "another"
		}
		h.wants(t, log...)
		if got := p.plain.body.String(); got != body {
			t.Errorf("the answer is %q, want %q", got, body)
		}
	}
}

func TestTheHeaderAfterTheFirstByteIsTheAnswers(t *testing.T) {
	h, p := &hooks{}, newPlain()
	run(p, h, func(w *respond.Writer) {
		w.WriteHeader(200)
		w.Header().Set(http.TrailerPrefix+"X-Sum", "1")
	})
	if p.header.Get(http.TrailerPrefix+"X-Sum") != "1" {
		t.Errorf("the header is %q, want the handler's trailer in it", p.header)
	}
}
