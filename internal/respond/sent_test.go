package respond_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/respond"
)

var errBypassed = errors.New("bypassed")

// knows is a framework's writer, which knows whether it has written, as gin's and negroni's.
type knows struct {
	http.ResponseWriter
	written bool
}

func (k *knows) Write(p []byte) (int, error) { k.written = true; return k.ResponseWriter.Write(p) }
func (k *knows) Written() bool               { return k.written }

// knowsMore is one that can be unwrapped too.
type knowsMore struct{ knows }

func (k *knowsMore) Unwrap() http.ResponseWriter { return k.ResponseWriter }

// mute is a wrapper that tells nothing.
type mute struct{ http.ResponseWriter }

// chains are what may stand between the server's writer and ours.
var chains = map[string]struct {
	wrap  func(http.ResponseWriter) http.ResponseWriter
	tells bool
}{
	"the server's writer":       {func(w http.ResponseWriter) http.ResponseWriter { return w }, true},
	"a wrapper":                 {func(w http.ResponseWriter) http.ResponseWriter { return wrapper{wrapper{w}} }, true},
	"a framework's":             {func(w http.ResponseWriter) http.ResponseWriter { return &knows{ResponseWriter: w} }, true},
	"a framework's, wrapped":    {func(w http.ResponseWriter) http.ResponseWriter { return wrapper{&knows{ResponseWriter: w}} }, true},
	"one that can be unwrapped": {func(w http.ResponseWriter) http.ResponseWriter { return &knowsMore{knows{ResponseWriter: w}} }, true},
	"another Writer":            {func(w http.ResponseWriter) http.ResponseWriter { return nested(w) }, true},
	"another Writer over one that tells nothing": {
		func(w http.ResponseWriter) http.ResponseWriter { return nested(mute{w}) }, true},
	"one that tells nothing": {func(w http.ResponseWriter) http.ResponseWriter { return mute{w} }, false},
}

// served runs a handler over the network, with the writers of a chain around the server's.
func served(t *testing.T, h2 bool, wrap func(http.ResponseWriter) http.ResponseWriter, f func(around http.ResponseWriter)) error {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { f(wrap(w)) }))
	srv.EnableHTTP2 = h2
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if h2 != (res.ProtoMajor == 2) {
		t.Errorf("served by %s", res.Proto)
	}
	_, err = io.ReadAll(res.Body)
	return err
}

func TestAnAnswerAroundTheWriterIsNoticed(t *testing.T) {
	for name, chain := range chains {
		for _, h2 := range []bool{false, true} {
			for _, abort := range []bool{false, true} {
				h := &hooks{owes: true, abort: abort, bypassed: errBypassed}
				var panicked any
				err := served(t, h2, chain.wrap, func(around http.ResponseWriter) {
					if panicked = run(around, h, func(w *respond.Writer) { io.WriteString(around, "page") }); panicked != nil {
						panic(panicked)
					}
				})
				if !chain.tells {
					h.wants(t, "before 200") // as far as anybody can know
					continue
				}
				h.wants(t, "bypassed")
				if (panicked == http.ErrAbortHandler) != abort || (err != nil) != abort {
					t.Errorf("%s, HTTP/2 %v: with abort %v the panic is %v, and the client gets %v", name, h2, abort, panicked, err)
				}
			}
		}
	}
}

func TestAHandlerThatWritesNothingIsNotTakenForOneThatWentAround(t *testing.T) {
	for name, chain := range chains {
		for _, h2 := range []bool{false, true} {
			h := &hooks{owes: true}
			err := served(t, h2, chain.wrap, func(around http.ResponseWriter) {
				if p := run(around, h, func(*respond.Writer) {}); p != nil {
					t.Errorf("%s: panicked with %v", name, p)
				}
			})
			h.wants(t, "before 200")
			if err != nil {
				t.Errorf("%s, HTTP/2 %v: %v", name, h2, err)
			}
		}
	}
}

// Its writer is one of net/http that is not the server's, and tells nothing.
func TestAHandlerBelowATimeoutHandlerIsNotTakenForOneThatWentAround(t *testing.T) {
	h := &hooks{owes: true}
	http.TimeoutHandler(http.HandlerFunc(func(under http.ResponseWriter, _ *http.Request) {
		run(under, h, func(*respond.Writer) {})
	}), time.Minute, "").ServeHTTP(httptest.NewRecorder(), request())
	h.wants(t, "before 200")
}

func TestAnAnswerAroundTheWriterIsNobodysAffairWhereNothingIsOwed(t *testing.T) {
	h, k := &hooks{owes: false}, &knows{ResponseWriter: newPlain()}
	run(k, h, func(*respond.Writer) { io.WriteString(k, "page") })
	h.wants(t, "before 200")
}

func TestAWriterThatWasBypassedTakesNothingMore(t *testing.T) {
	h, k := &hooks{owes: true, bypassed: errBypassed}, &knows{ResponseWriter: newPlain()}
	var w respond.Writer
	w.Wrap(k, request(), h)
	io.WriteString(k, "page")
	w.End()
	if _, err := w.Write([]byte("more")); err != errBypassed {
		t.Errorf("Write: %v", err)
	}
	if begun, err := w.Begun(); !begun || err != errBypassed {
		t.Errorf("begun is %v, %v", begun, err)
	}
	w.Close()
	h.wants(t, "bypassed")
}
