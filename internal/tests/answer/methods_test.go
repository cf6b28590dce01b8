package answer

import (
	"context"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// signature returns the type of a method without its receiver.
func signature(m reflect.Method) reflect.Type {
	var in, out []reflect.Type
	for i := 1; i < m.Type.NumIn(); i++ {
		in = append(in, m.Type.In(i))
	}
	for i := range m.Type.NumOut() {
		out = append(out, m.Type.Out(i))
	}
	return reflect.FuncOf(in, out, m.Type.IsVariadic())
}

// lacks returns the methods of one type that another has not.
func lacks(has, of reflect.Type) []string {
	var names []string
	for i := range of.NumMethod() {
		want := of.Method(i)
		if got, ok := has.MethodByName(want.Name); !ok || signature(got) != signature(want) {
			names = append(names, want.Name)
		}
	}
	return names
}

// Whatever the server's own writer can, a handler finds on its writer. So does a
// framework, which asks by interfaces of its own.
func TestTheWriterHasEveryMethodOfTheServers(t *testing.T) {
	for _, version := range []probe.Version{probe.HTTP1, probe.HTTP2} {
		p := probe.New(t, session.Config{})
		var below reflect.Type
		h := p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if missing := lacks(reflect.TypeOf(w), below); len(missing) > 0 || below.NumMethod() < 10 {
				t.Errorf("%s: of the %d methods of %v the writer lacks %q", version, below.NumMethod(), below, missing)
			}
		}))
		answerOf(t, version, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			below = reflect.TypeOf(w)
			h.ServeHTTP(w, r)
		}), "")
	}
}

// Whatever a ResponseController does, it does here, and in an error page.
func TestAResponseControllerWorksAsItDoesBelow(t *testing.T) {
	for _, version := range []probe.Version{probe.HTTP1, probe.HTTP2} {
		control := func(w http.ResponseWriter) (done []string) {
			rc := reflect.ValueOf(http.NewResponseController(w))
			for i := range rc.NumMethod() {
				name, method := rc.Type().Method(i).Name, rc.Method(i)
				if name == "Hijack" {
					continue // it would end the request
				}
				var in []reflect.Value
				if method.Type().NumIn() == 1 {
					in = append(in, reflect.ValueOf(time.Now().Add(time.Hour)))
				}
				out := method.Call(in)
				if err := out[len(out)-1]; err.IsNil() {
					done = append(done, name)
				}
			}
			return done
		}
		var bare, handled, failed []string
		answerOf(t, version, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bare = control(w) }), "")
		p := probe.New(t, session.Config{ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { failed = control(w) }})
		answerOf(t, version, p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) { handled = control(w) })), "")
		p.Tap.Fail("create", probe.ErrDown)
		answerOf(t, version, p.M.Handler(probe.Act(probe.Set(t, "k", 1))), "")
		if len(bare) < 4 || !reflect.DeepEqual(handled, bare) || !reflect.DeepEqual(failed, bare) {
			t.Errorf("%s: without the middleware %q work, with it %q, in an error page %q", version, bare, handled, failed)
		}
	}
}

type closeNotifier interface{ CloseNotify() <-chan bool }

func TestCloseNotifyTellsThatTheClientIsGone(t *testing.T) {
	for _, version := range []probe.Version{probe.HTTP1, probe.HTTP2} {
		p := probe.New(t, session.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		told := make(chan bool)
		srv, c := probe.Serve(t, version, p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			var gone <-chan bool
			if n, ok := w.(closeNotifier); ok {
				gone = n.CloseNotify()
			}
			cancel()
			select {
			case yes := <-gone:
				told <- yes
			case <-time.After(30 * time.Second):
				told <- false
			}
		})))
		r, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
		go probe.Fetch(t, c, r)
		if !<-told {
			t.Errorf("%s: nobody was told", version)
		}
	}
}

// notifier is a writer that tells by itself that the client is gone.
type notifier struct {
	*plain
	gone chan bool
}

func (n notifier) CloseNotify() <-chan bool { return n.gone }

func TestCloseNotifyAsksTheWriterBelow(t *testing.T) {
	p := probe.New(t, session.Config{})
	n := notifier{newPlain(), make(chan bool, 1)}
	p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if w.(closeNotifier).CloseNotify() != (<-chan bool)(n.gone) {
			t.Error("the channel is not the one of the writer below")
		}
	})).ServeHTTP(wrapper{n}, httptest.NewRequest("GET", probe.URL, nil))
}

// Where nothing below can tell, the request's context does.
func TestCloseNotifyWorksOverAnyWriter(t *testing.T) {
	p := probe.New(t, session.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, "GET", probe.URL, nil)
	p.M.Handler(probe.Act(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		gone := w.(closeNotifier).CloseNotify()
		select {
		case <-gone:
			t.Error("the client is there, and is said to be gone")
		default:
		}
		cancel()
		if !<-gone {
			t.Error("the channel was closed")
		}
	})).ServeHTTP(newPlain(), r)
}
