package testserver

import (
	"context"
	"os"
	"testing"
	"time"
)

// Servers answer, freeze, come back after they were killed, and leave nothing.
func TestServers(t *testing.T) {
	for _, p := range []Program{Postgres, MariaDB} {
		t.Run(p.Name, func(t *testing.T) {
			s := Start(t, p)
			pid := s.cmd.Process.Pid
			if _, err := os.Stat("/proc/self/stat"); err == nil && s.stopped() {
				t.Error("a server that runs counts as stopped")
			}
			s.Freeze()
			if !s.stopped() {
				t.Error("a thread runs after Freeze")
			}
			s.Thaw()
			if err := answer(t, s); err != nil {
				t.Errorf("after Thaw: %v", err)
			}
			s.Kill()
			if err := answer(t, s); err == nil {
				t.Error("a server that was killed answers")
			}
			s.Restart(t)
			if s.cmd.Process.Pid == pid {
				t.Error("the server was not killed")
			}
			if err := answer(t, s); err != nil {
				t.Errorf("after Restart: %v", err)
			}
			s.Freeze()
			s.Stop()
			if _, err := os.Stat(s.Dir); err == nil {
				t.Error("Stop left the folder")
			}
		})
	}
}

func answer(t *testing.T, s *Server) error {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return s.ready(ctx)
}

func TestMissing(t *testing.T) {
	p := Program{Name: "nothing", Paths: []string{"no-such-program", "/no/such/*/program"}, Package: "no-package"}
	if _, err := launch(p); err == nil || err.Error() !=
		"testserver: nothing is not installed: run make deps, or install the Debian package no-package" {
		t.Errorf("launch of nothing: %v", err)
	}
}
