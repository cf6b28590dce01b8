package testserver

import (
	"sync"
	"testing"
)

// shared are the servers that the tests of this binary have in common, by the
// program's name.
var shared struct {
	mu      sync.Mutex
	servers map[string]func() (*Server, error)
}

// Shared returns the one server of a program that the tests of this binary
// have in common. It is started for the first of them; [Main] stops it.
func Shared(t testing.TB, p Program) *Server {
	t.Helper()
	shared.mu.Lock()
	start := shared.servers[p.Name]
	if start == nil {
		if shared.servers == nil {
			shared.servers = map[string]func() (*Server, error){}
		}
		start = sync.OnceValues(func() (*Server, error) { return launch(p) })
		shared.servers[p.Name] = start
	}
	shared.mu.Unlock()
	s, err := start()
	missing(t, err)
	if err != nil {
		t.Fatal(err)
	}
	s.LogOnFailure(t)
	return s
}

// Main runs the tests of a binary, and stops the servers they shared. It is
// for TestMain: os.Exit(testserver.Main(m)).
func Main(m *testing.M) int {
	defer func() {
		shared.mu.Lock()
		defer shared.mu.Unlock()
		for _, start := range shared.servers {
			if s, err := start(); err == nil {
				s.Stop()
			}
		}
	}()
	return m.Run()
}
