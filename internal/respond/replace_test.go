package respond_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/b4468f51/session/internal/respond"
)

// locked is a writer for several goroutines.
type locked struct {
	mu    sync.Mutex
	plain *plain
}

func (l *locked) Header() http.Header { return l.plain.header }

func (l *locked) WriteHeader(status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plain.WriteHeader(status)
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.plain.Write(b)
}

func TestAReplacedAnswerHasNothingOfTheHandlers(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			h, a := &hooks{before: fails}, newAble()
			a.header["X-Outer"] = []string{"1", "2"}
			a.header["X-Removed"] = []string{"1"}
			if p := run(a, h, func(w *respond.Writer) {
				w.Header()["X-Outer"][0] = "changed in place"
				w.Header().Add("X-Outer", "3")
				w.Header().Del("X-Removed")
				w.Header().Set("Trailer", "X-Sum")
				if err := way.write(w); !errors.Is(err, errBefore) {
					t.Errorf("%s returns %v", name, err)
				}
				for again, way := range ways {
					if err := way.write(w); !errors.Is(err, errBefore) {
						t.Errorf("%s after it returns %v", again, err)
					}
				}
				if begun, err := w.Begun(); !begun || err != errBefore {
					t.Errorf("begun is %v, %v", begun, err)
				}
				w.WriteHeader(102)
			}); p != nil {
				t.Errorf("panicked with %v", p)
			}
			log := []string{h.log[0], "replace before fails"}
			if name == "Hijack" {
				log = []string{"hand over", "before 101", "replace before fails"}
			}
			h.wants(t, log...)
			if got := a.body.String(); got != "" && got != "another" {
				t.Errorf("the body is %q", got)
			}
			want := http.Header{"X-Outer": {"1", "2"}, "X-Removed": {"1"}}
			if !maps.EqualFunc(a.sent, want, slices.Equal[[]string]) || !maps.EqualFunc(a.header, want, slices.Equal[[]string]) {
				t.Errorf("the header that left is %q, and then it is %q, want %q", a.sent, a.header, want)
			}
		})
	}
}

func TestAHandlerWhoseAnswerWasReplacedWritesItsHeaderToNowhere(t *testing.T) {
	h, p := &hooks{before: fails}, newPlain()
	h.replace = func(w http.ResponseWriter, _ *http.Request, _ error) {
		w.Header().Set("X-Another", "1")
		w.WriteHeader(500)
	}
	run(p, h, func(w *respond.Writer) {
		kept := w.Header() // the one that leaves
		kept.Set("X-Handler", "1")
		w.WriteHeader(200)
		w.Header().Set("X-Late", "1")
		if got := w.Header(); got.Get("X-Handler") != "1" || got.Get("X-Late") != "1" || got.Get("X-Another") != "" {
			t.Errorf("the handler sees the header %q, want its own", got)
		}
		kept.Set(http.TrailerPrefix+"X-Sum", "1")
	})
	if got := p.header; len(got) != 1 || got.Get("X-Another") != "1" {
		t.Errorf("the header is %q, want the other answer's alone", got)
	}
}

func TestAnAnswerIsReplacedWithoutTheHandlersLookAtTheHeader(t *testing.T) {
	h, p := &hooks{before: fails}, newPlain()
	p.header.Set("X-Outer", "1")
	run(p, h, func(w *respond.Writer) { w.WriteHeader(200) })
	if want := (http.Header{"X-Outer": {"1"}}); !maps.EqualFunc(p.sent, want, slices.Equal[[]string]) {
		t.Errorf("the header that left is %q, want %q", p.sent, want)
	}
}

func TestAReplacedAnswerHasNoTrailerOverHTTP(t *testing.T) {
	h := &hooks{before: fails}
	srv := httptest.NewServer(http.HandlerFunc(func(under http.ResponseWriter, r *http.Request) {
		run(under, h, func(w *respond.Writer) {
			kept := w.Header()
			kept.Set("Trailer", "X-Sum")
			w.WriteString("page")
			w.Header().Set("X-Sum", "1")
			kept.Set("X-Sum", "1")
			kept.Set(http.TrailerPrefix+"X-Sum2", "1")
		})
	}))
	defer srv.Close()
	res, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusTeapot || string(body) != "another" || len(res.Trailer) != 0 {
		t.Errorf("%v: %d %q with the trailer %q", err, res.StatusCode, body, res.Trailer)
	}
}

func TestReplaceIsGivenTheRequestOfTheHandlerAndTheWriterBelow(t *testing.T) {
	h, p, r := &hooks{before: fails}, newPlain(), request()
	h.replace = func(w http.ResponseWriter, got *http.Request, err error) {
		if w != http.ResponseWriter(p) || got != r || err != errBefore {
			t.Errorf("Replace is given %v %v %v", w, got, err)
		}
	}
	var w respond.Writer
	w.Wrap(p, r, h)
	w.WriteHeader(200)
}

func TestAPanicOfTheOtherAnswerLeavesTheHeaderOfBefore(t *testing.T) {
	h, p := &hooks{before: fails}, newPlain()
	p.header.Set("X-Outer", "1")
	h.replace = func(w http.ResponseWriter, _ *http.Request, _ error) {
		w.Header().Set("X-Another", "1")
		panic("oops")
	}
	if got := run(p, h, func(w *respond.Writer) { w.Header().Set("X-Handler", "1"); w.WriteHeader(200) }); got != "oops" {
		t.Errorf("panicked with %v", got)
	}
	if got := p.header; len(got) != 1 || got.Get("X-Outer") != "1" {
		t.Errorf("the header is %q, want the one of before the handler", got)
	}
}

func TestAnAnswerCallsLastBeforeItsFirstByte(t *testing.T) {
	for name, test := range map[string]struct {
		write func(w http.ResponseWriter)
		log   []string
	}{
		"nothing":      {func(http.ResponseWriter) {}, []string{"status 503"}},
		"Write":        {func(w http.ResponseWriter) { io.WriteString(w, "sorry") }, []string{"status 503", "write sorry"}},
		"a status":     {func(w http.ResponseWriter) { w.WriteHeader(401); io.WriteString(w, "sorry") }, []string{"status 401", "write sorry"}},
		"success":      {func(w http.ResponseWriter) { w.WriteHeader(200) }, []string{"status 200"}},
		"Flush":        {func(w http.ResponseWriter) { w.(http.Flusher).Flush() }, []string{"status 503", "flush"}},
		"a controller": {func(w http.ResponseWriter) { http.NewResponseController(w).Flush() }, []string{"status 503", "flush"}},
		"hints alone":  {func(w http.ResponseWriter) { w.WriteHeader(103) }, []string{"status 103", "status 503"}},
		"hints first":  {func(w http.ResponseWriter) { w.WriteHeader(103); w.WriteHeader(401) }, []string{"status 103", "status 401"}},
		"two statuses": {func(w http.ResponseWriter) { w.WriteHeader(401); w.WriteHeader(402) }, []string{"status 401", "status 402"}},
	} {
		t.Run(name, func(t *testing.T) {
			a, n := newAble(), 0
			respond.Answer(a, 503, func(h http.Header) {
				n++
				if h.Get("X-Page") != "1" || a.sent != nil {
					t.Errorf("last has the header %q, after %q", h, a.log)
				}
				h.Set("X-Last", "1")
			}, func(w http.ResponseWriter) { w.Header().Set("X-Page", "1"); test.write(w) })
			if n != 1 || a.sent.Get("X-Last") != "1" {
				t.Errorf("last was called %d times, and the header that left is %q", n, a.sent)
			}
			if !slices.Equal(a.log, test.log) {
				t.Errorf("the writer below was asked to %q, want %q", a.log, test.log)
			}
		})
	}
}

func TestTheWriterOfAnAnswerPrintsNothingOfTheRequest(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Set-Cookie", "hidden")
	respond.Answer(w, 503, func(http.Header) {}, func(w http.ResponseWriter) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
			if got := fmt.Sprintf(verb, w); got != "response writer of an error page" {
				t.Errorf("%s prints %q", verb, got)
			}
		}
	})
}
