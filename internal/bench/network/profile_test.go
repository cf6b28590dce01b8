package network

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// profile keeps a CPU profile of a server, of about the next d, in the folder
// that SESSION_BENCH_PROFILE names, and returns a function that waits for it.
// Without one it does nothing: what profiles is a little slower.
func profile(tb testing.TB, s *server, name string, d time.Duration) (wait func()) {
	dir := os.Getenv(settingPrefix + "PROFILE")
	if dir == "" {
		return func() {}
	}
	done := make(chan string)
	go func() {
		done <- get(tb, s, fmt.Sprintf("/debug/pprof/profile?seconds=%d", max(1, int(d.Seconds()))))
	}()
	return func() {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".pprof")
		if err := os.WriteFile(path, []byte(<-done), 0o644); err != nil {
			tb.Error(err)
		}
	}
}
