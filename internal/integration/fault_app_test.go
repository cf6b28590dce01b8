package integration

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

// faultConfig has a request give up within a second, so that faults need not
// last long.
var faultConfig = session.Config{
	App:           appName,
	LoadTimeout:   time.Second,
	CommitTimeout: time.Second,
	GCInterval:    -1,
	Cookie:        session.Cookie{Insecure: true},
	Observer:      func(context.Context, session.Event) {}, // faults are expected
}

var (
	owner = session.NewKey[string]("owner")
	count = session.NewKey[int]("count")
)

// A faultApp is the application under load: one process of it.
type faultApp struct {
	manager *session.Manager
	server  *httptest.Server
	holds   sync.Map // by name: *hold
}

// A hold stops a request between the load of its session and its change.
type hold struct{ loaded, release chan struct{} }

func newFaultApp(t *testing.T, s store.Store) *faultApp {
	t.Helper()
	a := new(faultApp)
	mux := http.NewServeMux()
	a.handle(mux, "/enter", a.enter)
	a.handle(mux, "/work", a.work)
	a.handle(mux, "/renew", a.renew)
	a.handle(mux, "/leave", a.leave)
	var err error
	a.manager, err = session.NewManager(s, faultConfig)
	if err != nil {
		t.Fatal(err)
	}
	a.server = httptest.NewUnstartedServer(a.manager.Handler(mux))
	a.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.server.Start()
	return a
}

func (a *faultApp) close() error {
	a.server.Close()
	return a.manager.Close()
}

// errSignedOut is answered with 401.
var errSignedOut = errors.New("nobody is signed in")

func (a *faultApp) handle(mux *http.ServeMux, path string, f func(*http.Request, *session.Session) (string, error)) {
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		body, err := f(r, session.FromContext(r.Context()))
		switch {
		case errors.Is(err, errSignedOut):
			http.Error(w, err.Error(), http.StatusUnauthorized)
		case err != nil:
			http.Error(w, err.Error(), session.ErrorStatus(err))
		default:
			io.WriteString(w, body)
		}
	})
}

// enter signs a client in, and writes its name into the session.
func (a *faultApp) enter(r *http.Request, s *session.Session) (string, error) {
	name := r.FormValue("owner")
	return "", errors.Join(s.Login(name), owner.Set(s, name), count.Set(s, 0))
}

// work counts one up, and writes a number under the name of the worker. It
// answers with the name that stands in the session.
func (a *faultApp) work(r *http.Request, s *session.Session) (string, error) {
	if h, ok := a.holds.Load(r.FormValue("hold")); ok {
		h := h.(*hold)
		close(h.loaded)
		<-h.release
	}
	if s.Subject() == "" {
		return "", errSignedOut
	}
	n, err := strconv.Atoi(r.FormValue("n"))
	if err != nil {
		return "", err
	}
	name, _ := owner.Get(s)
	return name, errors.Join(
		count.Update(s, func(n int) (int, error) { return n + 1, nil }),
		s.Set("worker "+r.FormValue("worker"), n))
}

// renew replaces the token.
func (a *faultApp) renew(_ *http.Request, s *session.Session) (string, error) {
	if s.Subject() == "" {
		return "", errSignedOut
	}
	return "", s.Renew()
}

// leave signs out, and answers with what was counted.
func (a *faultApp) leave(r *http.Request, s *session.Session) (string, error) {
	if s.Subject() == "" {
		return "", errSignedOut
	}
	n, _ := count.Get(s)
	return strconv.Itoa(n), s.Destroy(r.Context())
}
