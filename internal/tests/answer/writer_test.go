package answer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

func TestResponse_HasWhatTheServerHas(t *testing.T) {
	for _, version := range []probe.Version{probe.HTTP1, probe.HTTP2} {
		t.Run(string(version), func(t *testing.T) {
			p := probe.New(t, session.Config{})
			srv, c := probe.Serve(t, version, p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				if r.Proto != string(version) {
					t.Errorf("the request is of %s", r.Proto)
				}
				_, flusher := w.(http.Flusher)
				_, flushError := w.(interface{ FlushError() error })
				_, hijacker := w.(http.Hijacker)
				_, readerFrom := w.(io.ReaderFrom)
				_, stringWriter := w.(io.StringWriter)
				_, pusher := w.(http.Pusher)
				if !flusher || !flushError || !hijacker || !readerFrom || !stringWriter || !pusher {
					t.Error("the writer lacks a method", flusher, flushError, hijacker, readerFrom, stringWriter, pusher)
				}
				if _, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
					t.Error("Unwrap lets handlers walk around the commit")
				}
				rc := http.NewResponseController(w)
				if err := errors.Join(rc.SetReadDeadline(time.Now().Add(time.Minute)), rc.SetWriteDeadline(time.Now().Add(time.Minute))); err != nil {
					t.Error(err)
				}
				if err := rc.EnableFullDuplex(); err != nil {
					t.Error(err)
				}
				if err := w.(http.Pusher).Push("/style.css", nil); !errors.Is(err, http.ErrNotSupported) {
					t.Errorf("Push to a client that takes none: %v", err)
				}
				s.Set("k", 1) // until here, nothing has left
				n1, err1 := io.WriteString(w, "string ")
				n2, err2 := w.(io.ReaderFrom).ReadFrom(strings.NewReader("reader "))
				err3 := rc.Flush()
				n4, err4 := w.Write([]byte("bytes"))
				if err := errors.Join(err1, err2, err3, err4); err != nil || n1 != 7 || n2 != 7 || n4 != 5 {
					t.Error(n1, n2, n4, err)
				}
			})))
			res, body := probe.Get(t, c, srv.URL)
			if body != "string reader bytes" || probe.SessionCookie(res) == nil {
				t.Errorf("%q %v", body, res.Cookies())
			}
		})
	}
}

func TestResponse_WriteDeadlineReachesTheServer(t *testing.T) {
	p := probe.New(t, session.Config{})
	srv, c := probe.Serve(t, probe.HTTP1, p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(-time.Second)); err != nil {
			t.Error(err)
		}
		if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<20)); err == nil {
			t.Error("a write after the deadline succeeds")
		}
	})))
	r, _ := http.NewRequest("GET", srv.URL, nil)
	if _, _, err := probe.Fetch(t, c, r); err == nil {
		t.Error("the client got an answer after the deadline")
	}
}

// plain is a writer with the three methods and no more.
type plain struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newPlain() *plain { return &plain{header: http.Header{}} }

func (w *plain) Header() http.Header  { return w.header }
func (w *plain) WriteHeader(code int) { w.status = code }
func (w *plain) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = 200
	}
	return w.body.Write(b)
}

// able is a writer that writes down what it is asked to do.
type able struct {
	plain
	log []string
}

func (w *able) say(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *able) FlushError() error { w.say("flush"); return nil }
func (w *able) Flush()            { w.say("flush") }
func (w *able) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.say("hijack")
	return nil, nil, nil
}
func (w *able) WriteString(s string) (int, error) { w.say("string %s", s); return len(s), nil }
func (w *able) ReadFrom(r io.Reader) (int64, error) {
	w.say("read from %T", r)
	return io.Copy(&w.body, r)
}
func (w *able) Push(target string, _ *http.PushOptions) error { w.say("push %s", target); return nil }
func (w *able) SetReadDeadline(time.Time) error               { w.say("read deadline"); return nil }
func (w *able) SetWriteDeadline(time.Time) error              { w.say("write deadline"); return nil }
func (w *able) EnableFullDuplex() error                       { w.say("full duplex"); return nil }

// wrapper offers the three methods of another writer, and the way to it.
type wrapper struct{ inner http.ResponseWriter }

func (w wrapper) Header() http.Header         { return w.inner.Header() }
func (w wrapper) WriteHeader(code int)        { w.inner.WriteHeader(code) }
func (w wrapper) Write(b []byte) (int, error) { return w.inner.Write(b) }
func (w wrapper) Unwrap() http.ResponseWriter { return w.inner }

// useAll uses every ability of a writer and returns the errors.
func useAll(w http.ResponseWriter) map[string]error {
	errs := map[string]error{}
	rc := http.NewResponseController(w)
	errs["read deadline"] = rc.SetReadDeadline(time.Time{})
	errs["write deadline"] = rc.SetWriteDeadline(time.Time{})
	errs["full duplex"] = rc.EnableFullDuplex()
	errs["push"] = w.(http.Pusher).Push("/x", nil)
	_, errs["string"] = io.WriteString(w, "s")
	_, errs["read from"] = io.Copy(w, struct{ io.Reader }{strings.NewReader("r")})
	errs["flush"] = rc.Flush()
	_, _, errs["hijack"] = rc.Hijack()
	return errs
}

func TestResponse_PassesEverythingOn(t *testing.T) {
	p := probe.New(t, session.Config{})
	for name, tt := range map[string]struct {
		w    func(a *able) http.ResponseWriter
		want string
	}{
		"able":   {func(a *able) http.ResponseWriter { return a }, "read deadline, write deadline, full duplex, push /x, string s, read from struct { io.Reader }, flush, hijack"},
		"unwrap": {func(a *able) http.ResponseWriter { return wrapper{wrapper{a}} }, "read deadline, write deadline, full duplex, push /x, flush, hijack"},
	} {
		a := &able{plain: *newPlain()}
		var errs map[string]error
		p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) { errs = useAll(w) })).
			ServeHTTP(tt.w(a), httptest.NewRequest("GET", probe.URL, nil))
		for what, err := range errs {
			if err != nil {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		if got := strings.Join(a.log, ", "); got != tt.want {
			t.Errorf("%s: below happened %q, want %q", name, got, tt.want)
		}
	}
}

func TestResponse_PromisesNoMoreThanThereIs(t *testing.T) {
	p := probe.New(t, session.Config{})
	w := newPlain()
	var errs map[string]error
	p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Set("k", 1)
		errs = useAll(w)
		w.(http.Flusher).Flush()
	})).ServeHTTP(w, httptest.NewRequest("GET", probe.URL, nil))
	for what, err := range errs {
		if lacks := what != "string" && what != "read from"; lacks != errors.Is(err, http.ErrNotSupported) || !lacks && err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if w.status != 200 || w.body.String() != "sr" || len(w.header["Set-Cookie"]) != 1 {
		t.Errorf("%d %q %q", w.status, w.body.String(), w.header)
	}
}

// What cannot be done must leave the answer as it was.
func TestResponse_WhatIsNotSupportedBeginsNothing(t *testing.T) {
	for name, try := range map[string]func(rc *http.ResponseController) error{
		"hijack": func(rc *http.ResponseController) error { _, _, err := rc.Hijack(); return err },
		"flush":  (*http.ResponseController).Flush,
	} {
		t.Run(name, func(t *testing.T) {
			p := probe.New(t, session.Config{})
			token := p.Client().Must(probe.Login(t, "u")).Token()
			p.Tap.Took()
			w := newPlain()
			r := httptest.NewRequest("GET", probe.URL, nil)
			r.Header.Set("Cookie", probe.CookieName+"="+token)
			p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				probe.Set(t, "k", 1)(w, r, s)
				if err := try(http.NewResponseController(w)); !errors.Is(err, http.ErrNotSupported) {
					t.Errorf("the error is %v", err)
				}
				if calls := p.Tap.Took(); len(calls) != 1 {
					t.Errorf("the store was asked to %v", calls)
				}
				if err := s.Renew(); err != nil {
					t.Errorf("nothing has left, but: %v", err)
				}
				w.WriteHeader(http.StatusInternalServerError)
			})).ServeHTTP(w, r)
			if calls := p.Tap.Took(); w.status != 500 || len(calls) != 0 || len(w.header["Set-Cookie"]) != 0 {
				t.Errorf("%d %q; the store was asked to %v", w.status, w.header, calls)
			}
		})
	}
}
