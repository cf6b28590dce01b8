package life

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// machines are the managers of two machines on one store. A stream is open on the first.
type machines struct {
	t         *testing.T
	one, two  *probe.Probe
	c         *probe.Client // whose stream it is
	watch     *session.Watch
	stream    *session.Session
	closeDown context.CancelFunc
}

// open opens a stream of a user who is signed in, in its handler.
func open(t *testing.T, cfg session.Config, do func(m *machines)) {
	synctest.Test(t, func(t *testing.T) {
		m := &machines{t: t, one: probe.New(t, cfg)}
		m.two = probe.Over(t, m.one.Tap, cfg)
		m.c = m.one.Client().Must(probe.Login(t, "u"))
		m.c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			watch, err := s.Watch(ctx)
			probe.Must(t, err)
			m.watch, m.stream, m.closeDown = watch, s, cancel
			synctest.Wait()
			m.goesOn()
			do(m)
		})
		probe.Must(t, m.one.M.Close(), m.two.M.Close())
	})
}

func (m *machines) goesOn() {
	m.t.Helper()
	if err := context.Cause(m.watch); err != nil {
		m.t.Fatalf("the stream has ended: %v", err)
	}
}

// ends checks that the stream hears of the end of its session within some time.
func (m *machines) ends(within time.Duration) {
	m.t.Helper()
	began := time.Now()
	select {
	case <-m.watch.Done():
	case <-time.After(within + time.Second):
		m.t.Fatal("the stream does not hear of the end")
	}
	if cause := context.Cause(m.watch); cause != session.ErrEnded || m.watch.Err() != context.Canceled {
		m.t.Errorf("the cause is %v, and the error %v", cause, m.watch.Err())
	}
	if took := time.Since(began); took > within {
		m.t.Errorf("it hears of it after %v, want %v", took, within)
	}
}

// changed tells whether the stream is told of a change.
func (m *machines) changed(within time.Duration) bool {
	select {
	case <-m.watch.Changed():
		return true
	case <-time.After(within + time.Second):
		return false
	}
}

// interval is how long it takes at the most to hear of what happens on another machine.
const interval = 5 * time.Second

// The ways in which a session ends, each on a machine of its own.
var sessionEnds = map[string]func(m *machines, p *probe.Probe){
	"Destroy": func(m *machines, p *probe.Probe) {
		m.c.On(p).Must(probe.Succeed(m.t, func(r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) }))
	},
	"Revoke":    func(m *machines, p *probe.Probe) { probe.Must(m.t, p.M.Revoke(m.t.Context(), m.stream.ID())) },
	"RevokeAll": func(m *machines, p *probe.Probe) { _, err := p.M.RevokeAll(m.t.Context(), "u"); probe.Must(m.t, err) },
	"RevokeOthers": func(m *machines, p *probe.Probe) {
		p.Client().Must(probe.Login(m.t, "u")).Must(probe.Succeed(m.t, func(r *http.Request, s *session.Session) error {
			_, err := p.M.RevokeOthers(r.Context(), s)
			return err
		}))
	},
	"Login of another": func(m *machines, p *probe.Probe) { m.c.On(p).Must(probe.Login(m.t, "v")) },
	"Login again":      func(m *machines, p *probe.Probe) { m.c.On(p).Must(probe.Login(m.t, "u")) },
	"Renew": func(m *machines, p *probe.Probe) {
		m.c.On(p).Must(probe.Succeed(m.t, func(_ *http.Request, s *session.Session) error { return s.Renew() }))
	},
	"a new password": func(m *machines, p *probe.Probe) {
		m.c.On(p).Must(probe.Succeed(m.t, func(_ *http.Request, s *session.Session) error { return s.Reauthenticate(1) }))
	},
	"too many sign-ins": func(m *machines, p *probe.Probe) {
		for range 3 {
			time.Sleep(time.Second)
			p.Client().Must(probe.Login(m.t, "u"))
		}
	},
}

func TestAStreamHearsOfTheEnd(t *testing.T) {
	for name, end := range sessionEnds {
		t.Run(name+"/on its machine", func(t *testing.T) {
			open(t, session.Config{MaxSessions: 3}, func(m *machines) { end(m, m.one); m.ends(0) })
		})
		t.Run(name+"/on another", func(t *testing.T) {
			open(t, session.Config{MaxSessions: 3}, func(m *machines) { end(m, m.two); m.ends(interval) })
		})
	}
	t.Run("it expires", func(t *testing.T) {
		open(t, session.Config{IdleTimeout: time.Hour}, func(m *machines) { m.ends(time.Hour + interval) })
	})
}

// What happens to others, and what leaves the token good, ends no stream.
func TestAStreamGoesOn(t *testing.T) {
	for name, do := range map[string]func(m *machines, p *probe.Probe){
		"another session of the subject": func(m *machines, p *probe.Probe) {
			c := p.Client().Must(probe.Login(m.t, "u"))
			c.Must(probe.Succeed(m.t, func(r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) }))
		},
		"another subject": func(m *machines, p *probe.Probe) {
			p.Client().Must(probe.Login(m.t, "v"))
			_, err := p.M.RevokeAll(m.t.Context(), "v")
			probe.Must(m.t, err)
		},
		"a rotation": func(m *machines, p *probe.Probe) {
			time.Sleep(20 * time.Minute)
			before := m.c.Token()
			m.c.On(p).Must(func(http.ResponseWriter, *http.Request, *session.Session) {})
			if m.c.Token() == before {
				m.t.Error("it was not rotated")
			}
		},
		"a longer lifetime": func(m *machines, p *probe.Probe) {
			m.c.On(p).Must(probe.Succeed(m.t, func(_ *http.Request, s *session.Session) error {
				return s.SetLifetime(session.Lifetime{Absolute: 48 * time.Hour})
			}))
		},
		"use": func(m *machines, p *probe.Probe) {
			for range 10 { // ten hours, of which one may pass without use
				time.Sleep(59 * time.Minute)
				m.c.On(p).Must(func(http.ResponseWriter, *http.Request, *session.Session) {})
			}
		},
		"its own renewal": func(m *machines, _ *probe.Probe) {
			probe.Must(m.t, m.stream.Renew(), m.stream.Save(m.t.Context()))
		},
		"its own use": func(m *machines, _ *probe.Probe) {
			for range 10 {
				time.Sleep(59 * time.Minute)
				probe.Must(m.t, m.stream.Touch(m.t.Context()))
			}
		},
	} {
		for on, p := range map[string]func(m *machines) *probe.Probe{
			"its machine": func(m *machines) *probe.Probe { return m.one },
			"another":     func(m *machines) *probe.Probe { return m.two },
		} {
			t.Run(name+"/on "+on, func(t *testing.T) {
				open(t, session.Config{RotateEvery: 15 * time.Minute, MaxLifetime: 100 * time.Hour}, func(m *machines) {
					do(m, p(m))
					time.Sleep(3 * interval)
					m.goesOn()
				})
			})
		}
	}
}

// A stream that asks is told of what others change, and not of what it changes itself.
func TestAStreamHearsOfChanges(t *testing.T) {
	open(t, session.Config{}, func(m *machines) {
		ctx := m.t.Context()
		probe.Must(m.t, m.stream.Set("own", 1), m.stream.Save(ctx))
		if m.changed(3 * interval) {
			m.t.Error("it is told of its own change")
		}
		for name, p := range map[string]*probe.Probe{"its machine": m.one, "another": m.two} {
			m.c.On(p).Must(probe.Set(m.t, "k", name))
			if !m.changed(interval) {
				m.t.Errorf("it is not told of a change on %s", name)
			}
			probe.Must(m.t, m.stream.Reload(ctx))
			if got := m.stream.Get("k"); got != name {
				m.t.Errorf("it sees %v, want %v", got, name)
			}
			if m.changed(3 * interval) {
				m.t.Error("it is told once more")
			}
		}
		probe.Must(m.t, m.two.M.Edit(ctx, m.stream.ID(), func(s *session.Session) error { return s.Set("k", "edited") }))
		if !m.changed(interval) {
			m.t.Error("it is not told of an edit")
		}
	})
}

// A store that is down ends no stream, and is reported once. What happened meanwhile is heard when
// it is back.
func TestADeadStoreEndsNoStream(t *testing.T) {
	open(t, session.Config{}, func(m *machines) {
		m.one.Saw()
		m.one.Tap.Fail("load", probe.ErrDown)
		time.Sleep(10 * interval)
		m.goesOn()
		if got := strings.Count(m.one.Heard(), string(session.EventWatchFailed)); got != 1 {
			m.t.Errorf("it was reported %d times", got)
		}
		probe.Must(m.t, m.two.M.Revoke(m.t.Context(), m.stream.ID()))
		time.Sleep(interval)
		m.goesOn()
		m.one.Tap.Put(nil)
		m.ends(interval)
	})
}

// Whoever watches a session that ended before hears of it at once.
func TestNothingFallsBetween(t *testing.T) {
	open(t, session.Config{}, func(m *machines) {
		probe.Must(m.t, m.two.M.Revoke(m.t.Context(), m.stream.ID()))
		again, err := m.stream.Watch(m.t.Context())
		probe.Must(m.t, err)
		m.watch = again
		m.ends(0)
	})
}

// The watches go with their context, and when the Manager is closed.
func TestAWatchEnds(t *testing.T) {
	open(t, session.Config{}, func(m *machines) {
		m.watch.Stop()
		if m.watch.Err() != context.Canceled || context.Cause(m.watch) == session.ErrEnded {
			m.t.Errorf("after Stop: %v", context.Cause(m.watch))
		}
		m.watch.Stop()
		w, err := m.stream.Watch(m.t.Context())
		probe.Must(m.t, err)
		probe.Must(m.t, m.one.M.Close())
		<-w.Done()
		if cause := context.Cause(w); cause == nil || cause == context.Canceled || cause == session.ErrEnded {
			m.t.Errorf("after Close: %v", cause)
		}
		if _, err := m.stream.Watch(m.t.Context()); err == nil {
			m.t.Error("it can be watched after Close")
		}
	})
}

// What is not stored, or gone, cannot be watched.
func TestWhatCannotBeWatched(t *testing.T) {
	p := probe.New(t, session.Config{})
	if _, err := (*session.Session)(nil).Watch(t.Context()); err != session.ErrNoSession {
		t.Errorf("no session: %v", err)
	}
	var left *session.Session
	p.Client().Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if _, err := s.Watch(r.Context()); err == nil || !strings.Contains(err.Error(), "Save it first") {
			t.Errorf("a session that is not stored: %v", err)
		}
		left = s
	})
	if _, err := left.Watch(t.Context()); err != session.ErrDone {
		t.Errorf("after the handler: %v", err)
	}
	c := p.Client().Must(probe.Login(t, "u"))
	c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, p.M.Revoke(r.Context(), s.ID()))
		if err := s.Reload(r.Context()); !errors.Is(err, session.ErrEnded) {
			t.Error(err)
		}
		if _, err := s.Watch(r.Context()); !errors.Is(err, session.ErrEnded) {
			t.Errorf("one that has ended: %v", err)
		}
	})
}

// Ten thousand streams cost one goroutine for looking and one for following, and each of them
// less than a kilobyte.
func TestTenThousandWatches(t *testing.T) {
	const streams, each = 10_000, 1 << 10
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	c.Visit(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		ctx, cancel := context.WithCancel(r.Context())
		goroutines, memory := runtime.NumGoroutine(), heap()
		watches := make([]*session.Watch, streams)
		for i := range watches {
			watch, err := s.Watch(ctx)
			probe.Must(t, err)
			watches[i] = watch
		}
		if n := runtime.NumGoroutine() - goroutines; n > 2 {
			t.Errorf("%d goroutines", n)
		}
		if n := (heap() - memory) / streams; n > each {
			t.Errorf("%d bytes for each stream, want at most %d", n, each)
		} else {
			t.Logf("%d bytes for each stream", n)
		}
		probe.Must(t, p.M.Revoke(ctx, s.ID()))
		for _, watch := range watches {
			<-watch.Done()
		}
		cancel()
	})
	probe.Must(t, p.M.Close())
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
