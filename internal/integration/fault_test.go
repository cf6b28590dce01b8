package integration

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

// A fault is something that happens to a server under load.
type fault struct {
	name   string
	inject func(t *testing.T)
	heal   func(t *testing.T) // nil where it heals by itself

	// partly tells that not all clients need notice.
	partly bool

	// mayLose tells that the server's settings promise less than that every
	// acknowledged change survives this.
	mayLose bool
}

// A target is a server, or a group of them, with all that can happen to it.
type target struct {
	name  string
	begin func(t *testing.T) (open func(t *testing.T) store.Store, faults []fault)
}

var targets = []target{postgresTarget, mysqlTarget, redisTarget, sentinelTarget, clusterTarget, diskTarget}

// What happens to a server costs no acknowledged change, brings back no session
// that has ended, shows nobody a stranger's, is answered with 5xx and no cookie,
// and is over within seconds of the server's return.
func TestFaults(t *testing.T) {
	all := targets
	if soak {
		all = slices.Concat(targets, costTargets)
	}
	for _, tt := range all {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			open, faults := tt.begin(t)
			for _, f := range faults {
				t.Run(f.name, func(t *testing.T) {
					nothingIsLeft(t, func(outside func(func())) { survive(t, open, f, outside) })
				})
			}
		})
	}
}

// recoveryLimit is how long after a server's return all has to be well again.
// Sentinel takes ten of them to make a replica of a master that comes back, and
// until then it is missing among those which WAIT waits for.
const recoveryLimit = 20 * time.Second

func survive(t *testing.T, open func(t *testing.T) store.Store, f fault, outside func(func())) {
	stores := [2]store.Store{open(t), open(t)}
	l := newLoad(t, stores)
	l.start()
	_, steps := faultSize()
	l.eachSucceeds(steps)

	began := time.Now()
	outside(func() { f.inject(t) })
	if f.partly {
		l.someFail()
	} else {
		l.eachFails()
	}
	if f.heal != nil {
		outside(func() { f.heal(t) })
	}
	healed := time.Now()
	l.eachSucceeds(1)
	l.verdict.recovery = time.Since(healed)
	outage := time.Since(began)
	l.eachSucceeds(steps)
	l.end()
	v := l.judge(stores[0])
	for _, s := range stores {
		if err := store.Close(s); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	t.Logf("%s: %d requests, %d answered with 5xx: %v, %v after the fault", t.Name(), l.requests.Load(), l.errors.Load(), v, outage.Round(time.Millisecond))
	v.check(t, f.mayLose)
	if l.errors.Load() == 0 {
		t.Error("the fault was not felt")
	}
}

// check reports what may not be.
func (v verdict) check(t *testing.T, mayLose bool) {
	t.Helper()
	if !mayLose && (v.lost > 0 || v.lostLogins > 0) {
		t.Error("what was acknowledged is lost")
	}
	if !mayLose && v.resurrected > 0 {
		t.Error("what had ended lives")
	}
	if v.doubled > 0 {
		t.Error("changes were made twice")
	}
	if v.foreigners > 0 {
		t.Error("clients were shown the sessions of others")
	}
	if v.problems > 0 {
		t.Error("there were answers that are none")
	}
	if v.recovery > recoveryLimit {
		t.Errorf("it took %v to recover", v.recovery)
	}
}

// nothingIsLeft checks that every goroutine which f starts has ended soon after
// it, those of connections among them. What f does outside is no part of it, like
// starting a server.
func nothingIsLeft(t *testing.T, f func(outside func(func()))) {
	t.Helper()
	label := fmt.Sprint("fault-", time.Now().UnixNano())
	running := func() string {
		var profile, here bytes.Buffer
		pprof.Lookup("goroutine").WriteTo(&profile, 1)
		for group := range strings.SplitSeq(profile.String(), "\n\n") {
			if strings.Contains(group, label) {
				fmt.Fprintln(&here, group)
			}
		}
		return here.String()
	}
	pprof.Do(t.Context(), pprof.Labels("fault", label), func(labelled context.Context) {
		f(func(do func()) {
			pprof.SetGoroutineLabels(context.Background())
			defer pprof.SetGoroutineLabels(labelled)
			do()
		})
	})
	deadline := time.Now().Add(10 * time.Second)
	for running() != "" {
		if time.Now().After(deadline) {
			t.Fatalf("goroutines are left:\n%s", running())
		}
		time.Sleep(breathing) // polls
	}
}
