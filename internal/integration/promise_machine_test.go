package integration

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/b4468f51/session"
)

// A machine is a server of the application: a manager over a store that it
// opened for itself, and handlers behind it.
type machine struct {
	*session.Manager
	t      *testing.T
	app    string // Config.App
	store  *spy
	events *events
	server *httptest.Server
	mux    *http.ServeMux

	// running is waited for where a client does not see the end of a request.
	running sync.WaitGroup
}

// appName is Config.App of every machine that asks for no other.
const appName = "id"

// newMachine starts a server. It speaks plain HTTP, so the cookie is Insecure.
func (e *env) newMachine(cfg session.Config) *machine {
	e.t.Helper()
	cfg.Cookie.Insecure = true
	m := e.build(cfg)
	m.server.Start()
	return m
}

// build returns a machine whose server is still to be started.
func (e *env) build(cfg session.Config) *machine {
	e.t.Helper()
	cfg.App = cmp.Or(cfg.App, appName) // which a store on the network takes
	m := &machine{t: e.t, app: cfg.App, store: newSpy(e.open()), events: new(events), mux: http.NewServeMux()}
	if !e.logs {
		cfg.Observer = m.events.observe
	}
	var err error
	if e.sealer != nil {
		cfg.NotBefore = m.store
		m.Manager, err = session.NewSealed(e.sealer, cfg)
	} else {
		m.Manager, err = session.NewManager(m.store, cfg)
	}
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() {
		if err := m.Close(); err != nil {
			e.t.Errorf("Manager.Close: %v", err)
		}
	})
	app := m.Handler(m.mux)
	m.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.running.Add(1)
		defer m.running.Done()
		app.ServeHTTP(w, r)
	}))
	m.server.Config.ErrorLog = log.New(io.Discard, "", 0) // panics are part of the game
	e.t.Cleanup(func() { m.store.heal(); m.server.Close() })
	m.basics()
	e.machines = append(e.machines, m)
	return m
}

// A handler is what an application does with the session of a request.
type handler func(w http.ResponseWriter, r *http.Request, s *session.Session)

func (m *machine) handle(path string, h handler) {
	m.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		h(w, r, m.FromContext(r.Context()))
	})
}

// basics are the handlers that every machine has. An error of the session is
// answered with the status it suggests.
func (m *machine) basics() {
	simple := func(path string, f func(r *http.Request, s *session.Session) error) {
		m.handle(path, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if err := f(r, s); err != nil {
				http.Error(w, err.Error(), session.ErrorStatus(err))
			}
		})
	}
	simple("/none", func(*http.Request, *session.Session) error { return nil })
	simple("/set", func(r *http.Request, s *session.Session) error {
		for key, val := range r.URL.Query() {
			if err := s.Set(key, val[0]); err != nil {
				return err
			}
		}
		return nil
	})
	simple("/login", func(r *http.Request, s *session.Session) error { return s.Login(r.URL.RawQuery) })
	simple("/renew", func(_ *http.Request, s *session.Session) error { return s.Renew() })
	simple("/logout", func(r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) })
	m.handle("/read", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		io.WriteString(w, describe(s))
	})
}

// nobody is how describe describes a new session.
const nobody = "nobody map[]"

// describe tells whose a session is, and all that is in it.
func describe(s *session.Session) string {
	content := make(map[string]any)
	for key := range s.Keys() {
		content[key] = s.Get(key)
	}
	subject := s.Subject()
	if subject == "" {
		subject = "nobody"
	}
	return fmt.Sprint(subject, " ", content)
}

// events is what an observer was told.
type events struct {
	mu  sync.Mutex
	all []session.Event
}

func (l *events) observe(_ context.Context, e session.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, e)
}

func (l *events) list() []session.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

func (l *events) count(kind session.EventKind) int {
	n := 0
	for _, e := range l.list() {
		if e.Kind == kind {
			n++
		}
	}
	return n
}
