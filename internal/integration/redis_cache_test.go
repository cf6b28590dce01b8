package integration

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/integration/testserver"
	"github.com/b4468f51/session/store"
)

// A load of a session that was loaded before sends nothing, and what another
// machine wrote is seen a moment later: how long is measured.
func TestRedisCache(t *testing.T) {
	server, u := privateRedis(t)
	m := testserver.MonitorRedis(t, server.Addr())
	here, other := openStore(t, u+"&cache=30s"), openStore(t, u)
	ctx := t.Context()
	r := newRecord(100)
	if err := other.Create(ctx, r); err != nil {
		t.Fatal(err)
	}
	if _, err := here.Load(ctx, r.ID); err != nil {
		t.Fatal(err)
	}
	m.Told(t)
	for range 1000 {
		if got, err := here.Load(ctx, r.ID); err != nil || got.Version != r.Version {
			t.Fatalf("Load: version %d, %v; want %d", got.Version, err, r.Version)
		}
	}
	if told := m.Told(t); len(told) != 0 {
		t.Errorf("1000 loads of a cached session sent %d commands: %q", len(told), told)
	}

	var windows []time.Duration
	for i := range 200 {
		r := newRecord(100)
		if err := other.Create(ctx, r); err != nil {
			t.Fatal(err)
		}
		if _, err := here.Load(ctx, r.ID); err != nil {
			t.Fatal(err)
		}
		// Even rounds destroy, odd ones renew.
		n := r
		n.Version++
		var err error
		if i%2 == 0 {
			err = other.Delete(ctx, r.ID)
		} else {
			err = other.Save(ctx, n, r.Version)
		}
		if err != nil {
			t.Fatal(err)
		}
		done := time.Now()
		for {
			got, err := here.Load(ctx, r.ID)
			if i%2 == 0 && errors.Is(err, store.ErrNotFound) || i%2 == 1 && err == nil && got.Version == n.Version {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if time.Since(done) > 5*time.Second {
				t.Fatal("what another machine did is not seen after 5 s")
			}
		}
		windows = append(windows, time.Since(done))
	}
	slices.Sort(windows)
	t.Logf("from the other's answer until it is seen here: median %v, 99th percentile %v, longest %v",
		windows[len(windows)/2], windows[len(windows)*99/100], windows[len(windows)-1])
	if longest := windows[len(windows)-1]; longest > time.Second {
		t.Errorf("a session that was revoked could be read for %v", longest)
	}
}

// What is read out of the cache is at most so old, though nobody said that it
// changed.
func TestRedisCacheTTL(t *testing.T) {
	server, u := privateRedis(t)
	here, other := openStore(t, u+"&cache=500ms"), openStore(t, u)
	r := newRecord(100)
	if err := other.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	loaded := time.Now()
	if _, err := here.Load(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	server.Freeze()
	defer server.Thaw()
	answer := make(chan error, 1)
	for {
		go func() {
			_, err := here.Load(t.Context(), r.ID)
			answer <- err
		}()
		select {
		case err := <-answer:
			if err != nil {
				t.Fatal(err)
			}
			if age := time.Since(loaded); age > 2*time.Second {
				t.Fatalf("the cache is used %v after the load", age)
			}
			continue
		case <-time.After(300 * time.Millisecond):
		}
		break // it asks the server
	}
	t.Logf("the cache was used for less than %v", time.Since(loaded))
	server.Thaw()
	if err := <-answer; err != nil {
		t.Errorf("Load after the server went on: %v", err)
	}
}
