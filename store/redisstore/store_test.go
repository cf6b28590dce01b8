package redisstore

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/storetest"
)

// The contract needs a server. The repository's internal/integration starts
// servers of each kind, and runs more than this.
func TestStore(t *testing.T) {
	u := os.Getenv("SESSION_TEST_REDIS")
	if u == "" {
		t.Skip("SKIPPED: SESSION_TEST_REDIS has no URL of a server, as redis://localhost:6379; internal/integration starts its own")
	}
	conf, opts, err := ParseURL(u)
	if err != nil {
		t.Fatal(err)
	}
	opts.Prefix = "test-" + strings.ToLower(rand.Text()) + ":"
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := Open(conf, opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	})
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(nil, Options{}); err == nil {
		t.Error("New of a nil client: no error")
	}
	for _, opts := range []Options{
		{Timeout: -1},
		{WaitReplicas: -1},
		{WaitTimeout: time.Microsecond},
		{CacheTTL: -1},
	} {
		if err := opts.validate(); err == nil {
			t.Errorf("%+v: no error", opts)
		}
	}
	if err := (Options{}).validate(); err != nil {
		t.Error(err)
	}
}

func TestKeys(t *testing.T) {
	s := &Store{prefix: "app:"}
	if got, want := s.recordKey(store.ID{}), "app:id:AAAAAAAAAAAAAAAAAAAAAA"; got != want {
		t.Errorf("recordKey = %s, want %s", got, want)
	}
	if got, want := s.subjectKey("alice"), "app:subject:alice"; got != want {
		t.Errorf("subjectKey = %s, want %s", got, want)
	}
}
