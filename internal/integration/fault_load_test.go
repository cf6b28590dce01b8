package integration

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

// soak makes loads larger and faults more frequent: see make soak.
var soak = os.Getenv("SESSION_SOAK") != ""

// faultSize is how many clients a load has, and how often each of them has to
// succeed before a fault and after it.
func faultSize() (clients, steps int) {
	if soak {
		return 20, 50
	}
	return 10, 18
}

const (
	maxSteps    = 20_000           // of a client
	faultLimit  = 40 * time.Second // for each phase
	breathing   = 5 * time.Millisecond
	shownErrors = 5
)

// A load is a number of clients who sign in, change their sessions, renew and
// sign out all the time, by way of two processes of an application, and write
// down what was acknowledged.
type load struct {
	t       *testing.T
	apps    [2]*faultApp // nil where they run in another process
	base    [2]atomic.Pointer[string]
	http    *http.Transport
	clients []*faultClient
	stop    context.CancelFunc
	running sync.WaitGroup

	// breaks tells that the application itself dies: then a request may end
	// without an answer.
	breaks bool

	requests, errors, noAnswers atomic.Int64

	mu      sync.Mutex
	verdict verdict
}

// newLoad returns a load on two processes over stores.
func newLoad(t *testing.T, stores [2]store.Store) *load {
	l := newRemoteLoad(t)
	for i, s := range stores {
		l.apps[i] = newFaultApp(t, s)
		l.at(i, l.apps[i].server.URL)
	}
	return l
}

// newRemoteLoad returns a load on whatever at says.
func newRemoteLoad(t *testing.T) *load {
	l := &load{t: t, http: &http.Transport{MaxIdleConnsPerHost: 200}}
	clients, _ := faultSize()
	for i := range clients {
		c := &faultClient{load: l, name: fmt.Sprintf("client-%d", i)}
		c.http = &http.Client{Transport: l.http}
		l.clients = append(l.clients, c)
	}
	return l
}

// at says where a process of the application is.
func (l *load) at(app int, url string) { l.base[app].Store(&url) }

func (l *load) url(app int) string { return *l.base[app].Load() }

// start has the clients begin.
func (l *load) start() {
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	for _, c := range l.clients {
		l.running.Go(func() {
			for i := 0; i < maxSteps && ctx.Err() == nil; i++ {
				if c.step(i) {
					c.acks.Add(1)
					continue
				}
				c.failures.Add(1)
				select {
				case <-ctx.Done():
				case <-time.After(breathing):
				}
			}
		})
	}
}

// end waits for the clients, and closes the application.
func (l *load) end() {
	l.stop()
	l.running.Wait()
	l.http.CloseIdleConnections()
	for _, a := range l.apps {
		if a != nil {
			if err := a.close(); err != nil {
				l.t.Errorf("Manager.Close: %v", err)
			}
		}
	}
}

// eachSucceeds waits until every client has succeeded so many times from now on.
func (l *load) eachSucceeds(times int) {
	l.t.Helper()
	l.await("every client succeeds again", func(c *faultClient, before int64) bool {
		return c.acks.Load() >= before+int64(times)
	}, func(c *faultClient) int64 { return c.acks.Load() })
}

// eachFails waits until every client has failed twice from now on.
func (l *load) eachFails() {
	l.t.Helper()
	l.await("every client fails", func(c *faultClient, before int64) bool {
		return c.failures.Load() >= before+2
	}, func(c *faultClient) int64 { return c.failures.Load() })
}

// someFail waits until some clients have failed.
func (l *load) someFail() {
	l.t.Helper()
	before := l.errors.Load()
	pollFor(l.t, "some clients fail", faultLimit, func() bool { return l.errors.Load() >= before+5 })
}

// pollFor waits until something is so.
func pollFor(t *testing.T, what string, limit time.Duration, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !so(); time.Sleep(breathing) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

func (l *load) await(what string, so func(c *faultClient, before int64) bool, begin func(*faultClient) int64) {
	l.t.Helper()
	before := make([]int64, len(l.clients))
	for i, c := range l.clients {
		before[i] = begin(c)
	}
	for i, c := range l.clients {
		pollFor(l.t, what, faultLimit, func() bool { return so(c, before[i]) })
	}
}

// A verdict is what became of a load.
type verdict struct {
	acked       int // increments, sign-ins, renewals and sign-outs
	lost        int // of the acknowledged changes
	lostLogins  int // sessions that are gone, or were not known for a while
	doubled     int // increments that happened more than once
	resurrected int // sessions or tokens that were ended and live
	foreigners  int // times that a client was shown another's session
	problems    int // answers that are none: an error with a cookie, no answer at all
	recovery    time.Duration
}

func (v verdict) String() string {
	return fmt.Sprintf("%d acknowledged, %d lost, %d sign-ins lost, %d doubled, %d resurrected, %d foreign, %d bad answers, recovered in %v",
		v.acked, v.lost, v.lostLogins, v.doubled, v.resurrected, v.foreigners, v.problems, v.recovery.Round(time.Millisecond))
}

// judge compares what the clients were told with what is in the store, which a
// manager of its own reads.
func (l *load) judge(s store.Store) verdict {
	l.t.Helper()
	m, err := session.NewManager(s, faultConfig)
	if err != nil {
		l.t.Fatal(err)
	}
	defer m.Close()
	for _, c := range l.clients {
		for _, life := range c.lives {
			l.judgeLife(m, life)
		}
	}
	return l.verdict
}

func (l *load) judgeLife(m *session.Manager, life *life) {
	v := &l.verdict
	v.acked += life.acked + 1 + len(life.deadTokens)
	for _, token := range life.deadTokens {
		if who := presents(l.t, m, token); who != "" {
			l.resurrected("%s: a token that was killed is good for the session of %q", life.owner, who)
		}
	}
	var name string
	var n int
	var set [2]int
	err := retry(func() error {
		return m.Edit(l.t.Context(), life.id, func(s *session.Session) error {
			name, _ = owner.Get(s)
			n, _ = count.Get(s)
			for i := range set {
				set[i], _ = s.Get(fmt.Sprint("worker ", i)).(int)
			}
			return nil
		})
	})
	found := err == nil
	switch {
	case err != nil && session.ErrorStatus(err) != http.StatusConflict:
		l.t.Errorf("the session of %s cannot be read: %v", life.owner, err)
	case found && life.left:
		l.resurrected("%s: the session lives after sign-out", life.owner)
	case !found && !life.left && !life.mayBeGone:
		v.lost += life.acked
		v.lostLogins++
	case found:
		if name != life.owner {
			l.foreign("the session of %s has become that of %q", life.owner, name)
		}
		l.counted(life, n)
		for i := range set {
			if set[i] < life.set[i] || set[i] > life.tried[i] {
				v.lost++
			}
		}
	}
}

// counted compares what was counted in a session with what was acknowledged.
func (l *load) counted(life *life, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.verdict.lost += max(0, life.acked-n)
	l.verdict.doubled += max(0, n-life.acked-life.maybe)
}

// presents returns whose session a token is good for.
func presents(t *testing.T, m *session.Manager, token string) (name string) {
	t.Helper()
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", "id="+token)
	err := retry(func() error {
		s, err := m.Load(r)
		if err == nil {
			name, _ = owner.Get(s)
		}
		return err
	})
	if err != nil {
		t.Errorf("a token cannot be looked up: %v", err)
	}
	return name
}

// retry repeats what met with an error of the store.
func retry(f func() error) error {
	for attempt := 0; ; attempt++ {
		err := f()
		if err == nil || session.ErrorStatus(err) != http.StatusServiceUnavailable || attempt == 20 {
			return err
		}
	}
}

func (l *load) problem(format string, args ...any) { l.note(&l.verdict.problems, format, args...) }
func (l *load) foreign(format string, args ...any) { l.note(&l.verdict.foreigners, format, args...) }
func (l *load) signedOut(format string, args ...any) {
	l.note(&l.verdict.lostLogins, format, args...)
}
func (l *load) resurrected(format string, args ...any) {
	l.note(&l.verdict.resurrected, format, args...)
}

// note counts something that should not be, and shows the first few.
func (l *load) note(n *int, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if *n++; *n <= shownErrors {
		l.t.Logf(format, args...)
	}
}

// noAnswer is for a request that ended without an answer.
func (l *load) noAnswer(err error) {
	l.noAnswers.Add(1)
	if !l.breaks {
		l.problem("no answer: %v", err)
	}
}
