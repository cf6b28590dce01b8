package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

// waitLimit has a writer hold the store up, and another one of the same session
// wait for it.
func waitLimit(t *testing.T, e *env) {
	const limit = 500 * time.Millisecond
	m, calm := e.newMachine(session.Config{CommitTimeout: limit}), e.newMachine(session.Config{})
	c, _ := e.signedIn(calm, "u")
	other, _ := e.signedIn(calm, "v")
	entered, release := make(chan struct{}), make(chan struct{})
	var first atomic.Bool
	m.store.interfere(func(_ context.Context, _ string, _ store.ID) error {
		if first.CompareAndSwap(false, true) {
			close(entered)
			<-release // a driver that does not look at its context
		}
		return nil
	}, "Save")
	done := make(chan answer)
	go func() { done <- c.get(m, "/set?a=1") }()
	<-entered
	begin := time.Now()
	c.get(m, "/set?b=2").wantError("the one that waits", http.StatusServiceUnavailable)
	if took := time.Since(begin); took < limit || took > 20*limit {
		t.Errorf("it waited %v, the limit is %v", took, limit)
	}
	c.get(m, "/read").want("a reader does not wait", http.StatusOK, "u map[]")
	other.get(m, "/set?c=3").want("nor does a writer of another session", http.StatusOK, "")
	close(release)
	<-done // by now its time was over, too
	c.get(m, "/set?d=4").want("afterwards", http.StatusOK, "")
}

func retryLimit(t *testing.T, e *env) {
	m := e.newMachine(session.Config{CommitTimeout: 30 * time.Second})
	c, _ := e.signedIn(m, "u")
	m.store.interfere(func(_ context.Context, _ string, id store.ID) error {
		e.rewrite(id, func(*store.Record) {}) // somebody is always first
		return nil
	}, "Save")
	calls := m.store.during(func() {
		c.get(m, "/set?k=v").wantError("with others always first", http.StatusConflict)
	})
	if calls["Save"] < 10 || calls["Save"] > 100 {
		t.Errorf("%d attempts were made", calls["Save"])
	}
	m.store.heal()
	c.get(m, "/read").want("afterwards", http.StatusOK, "u map[]")
}

// secretsLimit renews a session without end, and looks at what is kept of it: 32
// secrets that were replaced, and marks of 16 before these.
func secretsLimit(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	c, id := e.signedIn(m, "u")
	size := 0
	for i := range 120 {
		c.get(m, "/renew").newToken("renew")
		rec, _ := e.record(id)
		if i == 80 {
			size = len(rec.Data)
		}
		if i > 80 && len(rec.Data) > size {
			t.Errorf("the record grows from %d to %d bytes", size, len(rec.Data))
		}
	}
}

// machinesLimit has more and more machines write one session, each of which is
// remembered for a while.
func machinesLimit(t *testing.T, e *env) {
	c, id := e.signedIn(e.newMachine(session.Config{}), "u")
	size := 0
	for i := range 40 {
		c.get(e.newMachine(session.Config{}), "/set?k=v").want("set", http.StatusOK, "")
		rec, _ := e.record(id)
		if i == 35 {
			size = len(rec.Data)
		}
		if i > 35 && len(rec.Data) > size {
			t.Errorf("the record grows from %d to %d bytes", size, len(rec.Data))
		}
	}
}

func collectionStops(t *testing.T, e *env) {
	m := e.newMachine(session.Config{})
	m.store.hang("GC")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := m.GC(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("GC of a store that hangs: %v", err)
	}
	// The rounds in the background are cut short by the next, and by Close.
	rounds := e.newMachine(session.Config{GCInterval: 20 * time.Millisecond})
	rounds.store.hang("GC")
	poll(t, "a round that was cut short", func() bool { return rounds.events.count(session.EventGCFailed) >= 2 })
	begin := time.Now()
	if err := rounds.Close(); err != nil || time.Since(begin) > 5*time.Second {
		t.Errorf("Close: %v after %v", err, time.Since(begin))
	}
}

// poll waits until something is so.
func poll(t *testing.T, what string, so func() bool) {
	t.Helper()
	pollFor(t, what, 10*time.Second, so)
}

// nothingRunsAfterClose marks every goroutine that is started, here and by
// those, with a label of its own.
func nothingRunsAfterClose(t *testing.T, e *env) {
	label := fmt.Sprint("rule-", time.Now().UnixNano())
	running := func() (here int) {
		var profile bytes.Buffer
		pprof.Lookup("goroutine").WriteTo(&profile, 1)
		for _, group := range strings.Split(profile.String(), "\n\n") {
			if strings.Contains(group, label) && strings.Contains(group, "github.com/b4468f51/session.") {
				here++
			}
		}
		return here
	}
	pprof.Do(t.Context(), pprof.Labels("rule", label), func(context.Context) {
		m := e.newMachine(session.Config{GCInterval: 5 * time.Millisecond})
		if running() == 0 {
			t.Error("the collection is not seen running")
		}
		c, id := e.signedIn(m, "u")
		poll(t, "a round of collection", func() bool {
			m.store.mu.Lock()
			defer m.store.mu.Unlock()
			return m.store.calls["GC"] > 1
		})
		c.get(m, "/set?k=v").want("a write", http.StatusOK, "")
		e.age(id, 30*time.Minute)
		const limit = 50 * time.Millisecond
		short := e.newMachine(session.Config{LoadTimeout: limit})
		short.store.hang("Load")
		c.get(short, "/read").wantError("a load that hangs", http.StatusServiceUnavailable)
		late := e.newMachine(session.Config{CommitTimeout: limit})
		late.store.hang("Touch", "Save")
		c.get(late, "/read").want("a touch that hangs", http.StatusOK, "u map[k:v]")
		c.get(late, "/set?k=w").wantError("a save that hangs", http.StatusServiceUnavailable)
		c.http.CloseIdleConnections()
		for _, m := range []*machine{m, short, late} {
			m.server.Close()
			if err := errors.Join(m.Close(), m.Close()); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		rounds := m.store.during(func() { time.Sleep(20 * time.Millisecond) })
		equal(t, "rounds of collection after Close", rounds["GC"], 0)
	})
	poll(t, "no goroutine is left", func() bool { return running() == 0 })
}
