// Package integration runs the stores against what they are made for: real
// databases, real files, other processes.
package integration

import (
	"iter"
	"path/filepath"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/cookiestore"
	"github.com/b4468f51/session/store/memstore"
	_ "github.com/b4468f51/session/store/sqlstore"
	"github.com/b4468f51/session/store/storetest"

	_ "modernc.org/sqlite"
)

// A storeCase is a store that a test is run on.
type storeCase struct {
	name string

	// open makes room for new data, and returns a function that opens a Store
	// over that data, another at each call, as another process would. What is
	// in one process alone gives the same Store each time.
	open func(t *testing.T) func() store.Store

	// sealer is set where the session is in its cookie, and the store has only
	// who was signed out everywhere, and when.
	sealer session.Sealer
}

var storeCases = []storeCase{memory, sqlite, postgres, postgresPQ, mysql, redis, redisSentinel, redisCluster, redisCached, redisWait}

var memory = storeCase{name: "memory", open: func(t *testing.T) func() store.Store {
	s := memstore.New()
	t.Cleanup(func() { store.Close(s) })
	return func() store.Store { return s }
}}

var sqlite = storeCase{name: "sqlite", open: func(t *testing.T) func() store.Store {
	path := filepath.Join(t.TempDir(), "app.db")
	return func() store.Store { return openStore(t, "sqlite:"+path) }
}}

// openStore opens a store that is closed when the test ends.
func openStore(t testing.TB, url string) store.Store {
	t.Helper()
	s, err := store.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(s); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func TestStores(t *testing.T) {
	for _, c := range storeCases {
		t.Run(c.name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) store.Store { return c.open(t)() })
		})
	}
}

func BenchmarkStores(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) {
		storetest.Benchmark(b, func(b *testing.B) store.Store {
			return openStore(b, "sqlite:"+filepath.Join(b.TempDir(), "app.db"))
		})
	})
}

// sealed is no store: the session is in its cookie. What the memory has is who
// was signed out everywhere.
var sealed = storeCase{name: "sealed", open: memory.open, sealer: newRing()}

func newRing() session.Sealer {
	ring, err := cookiestore.New(cookiestore.GenerateKey())
	if err != nil {
		panic(err)
	}
	return ring
}

// Two programs that leave their names out would share their sign-ins.
func TestStoresOnTheNetworkTakeAnApp(t *testing.T) {
	for _, c := range storeCases {
		t.Run(c.name, func(t *testing.T) {
			s := c.open(t)()
			m, err := session.NewManager(s, session.Config{})
			if err == nil {
				m.Close()
			}
			if alone := c.name == "memory" || c.name == "sqlite"; (err == nil) != alone {
				t.Errorf("NewManager without an App: %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), "Config.App is empty") {
				t.Errorf("the error %q does not name the cause", err)
			}
			m, err = session.NewManager(s, session.Config{App: appName})
			if err != nil {
				t.Fatal(err)
			}
			m.Close()
		})
	}
}

// collect returns what a loop yields until it yields an error.
func collect[T any](seq iter.Seq2[T, error]) (all []T, err error) {
	for v, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}
