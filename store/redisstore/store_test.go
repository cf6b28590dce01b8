package redisstore

import (
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

// The contract needs a server: see internal/integration, which starts its own.

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

// A manager asks for the name of the application where others use the server.
func TestRedisIsShared(t *testing.T) {
	if !store.Shared(new(Store)) {
		t.Error("it says that no other program can reach it")
	}
}
