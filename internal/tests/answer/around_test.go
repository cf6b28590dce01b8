package answer

import (
	"io"
	"net/http"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// ginLike stands for a framework whose writer knows whether it has written.
type ginLike struct {
	http.ResponseWriter
	written bool
}

func (g *ginLike) Write(p []byte) (int, error) { g.written = true; return g.ResponseWriter.Write(p) }
func (g *ginLike) Written() bool               { return g.written }

// An adapter that hands on the request and not the writer loses each cookie: that
// is reported, and no session is stored that nobody can come back to.
func TestAnAnswerAroundTheWriterIsReported(t *testing.T) {
	for _, version := range []probe.Version{probe.HTTP1, probe.HTTP2} {
		for name, wrapped := range map[string]func(http.ResponseWriter) http.ResponseWriter{
			"the server's writer": func(w http.ResponseWriter) http.ResponseWriter { return w },
			"a wrapper":           func(w http.ResponseWriter) http.ResponseWriter { return wrapper{w} },
			"a framework's":       func(w http.ResponseWriter) http.ResponseWriter { return &ginLike{ResponseWriter: w} },
		} {
			for what, f := range map[string]probe.Act{
				"a value": probe.Set(t, "k", 1), "a saved one": probe.Saved(t, probe.Set(t, "k", 1)), "a sign-in": probe.Login(t, "u"),
				"a form": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Binding("forms") },
			} {
				t.Run(string(version)+" "+name+" "+what, func(t *testing.T) {
					p := probe.New(t, session.Config{})
					srv, c := probe.Serve(t, version, http.HandlerFunc(func(outer http.ResponseWriter, r *http.Request) {
						outer = wrapped(outer)
						p.M.Handler(probe.Act(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
							f(outer, r, s)
							io.WriteString(outer, "page")
						})).ServeHTTP(outer, r)
					}))
					r, _ := http.NewRequest("GET", srv.URL, nil)
					if res, body, err := probe.Fetch(t, c, r); err == nil {
						t.Errorf("the client takes %d %q for complete", res.StatusCode, body)
					}
					var errs int
					for _, e := range p.Saw() {
						if e.Kind == session.EventCommitFailed && e.Err != nil {
							errs++
						}
					}
					if calls := p.Tap.Took(); errs != 1 || what != "a saved one" && len(calls) != 0 {
						t.Errorf("%d errors were reported, and the store was asked to %v", errs, calls)
					}
				})
			}
		}
	}
}

// A handler that writes nothing is as good as any: the server sends the header.
func TestAHandlerThatWritesNothingIsNotReported(t *testing.T) {
	for _, version := range []probe.Version{probe.HTTP1, probe.HTTP2} {
		p := probe.New(t, session.Config{})
		srv, c := probe.Serve(t, version, p.M.Handler(probe.Act(probe.Set(t, "k", 1))))
		res, _ := probe.Get(t, c, srv.URL)
		if got := p.Heard(); probe.SessionCookie(res) == nil || got != "created" {
			t.Errorf("%s: %q, the events are %q", version, res.Header, got)
		}
	}
}

// Of two nested managers, the outer one's writer tells the inner one, whatever stands below.
func TestAnAnswerAroundANestedWriterIsReported(t *testing.T) {
	outer := probe.New(t, session.Config{Cookie: session.Cookie{Name: "__Host-outer"}})
	inner := probe.New(t, session.Config{})
	h := outer.M.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.M.Handler(probe.Act(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			probe.Set(t, "k", 1)(w, r, s)
			io.WriteString(w, "page")
		})).ServeHTTP(w, r)
	}))
	srv, c := probe.Serve(t, probe.HTTP1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(struct{ http.ResponseWriter }{w}, r) // which tells nothing
	}))
	r, _ := http.NewRequest("GET", srv.URL, nil)
	if res, body, err := probe.Fetch(t, c, r); err == nil {
		t.Errorf("the client takes %d %q for complete", res.StatusCode, body)
	}
	if got := inner.Heard(); got != "commit failed" {
		t.Errorf("the events are %q", got)
	}
}
