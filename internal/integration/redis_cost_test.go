package integration

import (
	"context"
	"crypto/rand"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/integration/testserver"
	"github.com/b4468f51/session/store"
)

// privateRedis starts a server that nobody else uses, and returns its URL with
// a prefix.
func privateRedis(t *testing.T, settings ...string) (*testserver.Server, string) {
	t.Helper()
	server := testserver.Start(t, testserver.Redis("private Redis", settings...))
	return server, withPrefix("redis://" + server.Addr())
}

// Each operation sends as many commands as its comment says, one after the
// other, and those of liveness none of the data.
func TestRedisRoundTrips(t *testing.T) {
	server, u := privateRedis(t)
	s, _, _ := openRedis(t, u)
	m := testserver.MonitorRedis(t, server.Addr())
	ctx := t.Context()
	data := rand.Text() + rand.Text()
	record := func(subject string) store.Record {
		r := newRecord(0)
		r.Subject, r.Data = subject, []byte(data)
		return r
	}
	step := func(r *store.Record, change func(*store.Record)) error {
		n := *r
		n.Version++
		n.Expires = n.Expires.Add(time.Minute)
		change(&n)
		err := s.Save(ctx, n, r.Version)
		*r = n
		return err
	}
	anon, alice := record(""), record("alice")
	moved := record("")
	load := func() error { _, err := s.Load(ctx, alice.ID); return err }
	none := func(*store.Record) {}
	touch := func(r store.Record) error { return s.Touch(ctx, r.ID, r.Version, r.Seen, r.Expires.Add(time.Minute)) }
	// Scripts are sent in full when they are first used.
	warm := record("warm")
	for _, err := range []error{
		s.Create(ctx, warm), step(&warm, func(r *store.Record) { r.Subject = "warmer" }), touch(warm), s.Delete(ctx, warm.ID),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	m.Told(t)
	for _, op := range []struct {
		name string
		do   func() error
		want string
	}{
		{"Create of an anonymous session", func() error { return s.Create(ctx, anon) }, "EVALSHA"},
		{"Create of a subject's session", func() error { return s.Create(ctx, alice) }, "EVALSHA EVALSHA"},
		{"Create of another", func() error { return s.Create(ctx, moved) }, "EVALSHA"},
		{"Load", load, "GET"},
		{"Save of an anonymous session", func() error { return step(&anon, none) }, "EVALSHA"},
		{"Save of a subject's session", func() error { return step(&alice, none) }, "EVALSHA"},
		{"Save of a login", func() error { return step(&moved, func(r *store.Record) { r.Subject = "alice" }) }, "EVALSHA EVALSHA EVALSHA"},
		{"Save of a later deadline", func() error {
			return step(&moved, func(r *store.Record) { r.Deadline = r.Deadline.Add(time.Hour) })
		}, "EVALSHA EVALSHA EVALSHA"},
		{"Save after it", func() error { return step(&moved, none) }, "EVALSHA"},
		{"Save of a switch to no subject", func() error { return step(&moved, func(r *store.Record) { r.Subject = "" }) }, "EVALSHA"},
		{"Touch of an anonymous session", func() error { return touch(anon) }, "EVALSHA"},
		{"Touch of a subject's session", func() error { return touch(alice) }, "EVALSHA EVALSHA"},
		{"List", func() error { _, err := collect(s.List(ctx, "alice")); return err }, "ZRANGE GET GET"},
		{"Delete of an anonymous session", func() error { return s.Delete(ctx, anon.ID) }, "EVALSHA"},
		{"Delete of a subject's session", func() error { return s.Delete(ctx, alice.ID) }, "EVALSHA ZREM"},
	} {
		if err := op.do(); err != nil {
			t.Errorf("%s: %v", op.name, err)
		}
		told := m.Told(t)
		if got := names(told); got != op.want {
			t.Errorf("%s sent %s, want %s", op.name, got, op.want)
		}
		sends := strings.Contains(strings.Join(told, " "), data)
		if writes := strings.HasPrefix(op.name, "Create") || strings.HasPrefix(op.name, "Save"); sends != writes {
			t.Errorf("%s: that it sends the data is %v", op.name, sends)
		}
	}
}

// Concurrent requests share round trips: what they send while one is under way
// travels together.
func TestRedisSharesRoundTrips(t *testing.T) {
	const loads = 100
	server, _ := privateRedis(t)
	proxy, trips, sent := countTraffic(t, server.Addr())
	s := openStore(t, "redis://"+proxy)
	r := newRecord(10)
	if err := s.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	load := func() {
		if got, err := s.Load(t.Context(), r.ID); err != nil || got.Version != r.Version {
			t.Errorf("Load: version %d, %v; want %d", got.Version, err, r.Version)
		}
	}
	all := func() (wait func()) {
		var wg sync.WaitGroup
		for range loads {
			wg.Go(load)
		}
		return wg.Wait
	}
	all()() // a connection begins to pipeline when it is first used by several
	before := sent.Load()
	load()
	one := sent.Load() - before
	server.Freeze()
	defer server.Thaw()
	before = sent.Load()
	trips.Store(0)
	wait := all()
	poll(t, "every load is sent", func() bool { return sent.Load()-before >= loads*one })
	server.Thaw()
	wait()
	// There are a few connections, which know nothing of each other.
	if n := trips.Load(); n > loads/4 {
		t.Errorf("%d loads at once took %d round trips", loads, n)
	} else {
		t.Logf("%d loads at once took %d round trips", loads, n)
	}
}

// names are the names of commands.
func names(commands []string) string {
	var names []string
	for _, c := range commands {
		names = append(names, strings.ToUpper(strings.Trim(strings.SplitN(c, " ", 2)[0], `"`)))
	}
	return strings.Join(names, " ")
}

// The server's memory of scripts is no part of the data.
func TestRedisScriptsFlushed(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*testserver.Server, func(...string))
	}{
		{"SCRIPT FLUSH", func(_ *testserver.Server, do func(...string)) { do("SCRIPT", "FLUSH") }},
		{"restarted", func(s *testserver.Server, _ func(...string)) { s.Restart(t) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, u := privateRedis(t)
			s, client, _ := openRedis(t, u)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			r := newRecord(100)
			if err := s.Create(ctx, r); err != nil {
				t.Fatal(err)
			}
			forget := func() {
				c.do(server, func(args ...string) {
					if err := client.Do(ctx, client.B().Arbitrary(args...).Build()).Error(); err != nil {
						t.Fatal(err)
					}
				})
				// The first to use a connection that broke is told so.
				for s.Ping(ctx) != nil && ctx.Err() == nil {
				}
			}
			n := newRecord(100)
			n.ID = r.ID
			for name, op := range map[string]func() error{
				"Save":   func() error { err := s.Save(ctx, n, r.Version); r, n.Version = n, n.Version+1; return err },
				"Touch":  func() error { return s.Touch(ctx, r.ID, r.Version, r.Seen, r.Expires) },
				"Create": func() error { return s.Create(ctx, newRecord(10)) },
				"Delete": func() error { return s.Delete(ctx, newRecord(10).ID) },
			} {
				forget()
				if err := op(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if _, err := s.Load(ctx, r.ID); err != nil {
				t.Errorf("Load: %v", err)
			}
		})
	}
}

// The server keeps a record for as long as it was told, to the millisecond,
// and forgets it by itself.
func TestRedisExpiry(t *testing.T) {
	s, client, opts := openRedis(t, withPrefix(redisServer(t)))
	ctx := t.Context()
	key := func(r store.Record) string { return opts.Prefix + "id:" + r.ID.String() }
	r := newRecord(10)
	check := func(op string, err error, expires time.Time) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", op, err)
		}
		now := time.Now()
		ms, err := client.Do(ctx, client.B().Pttl().Key(key(r)).Build()).AsInt64()
		if err != nil {
			t.Fatal(err)
		}
		// It is longer by as long as the command was on its way, and shorter
		// by as long as the answer was.
		left := time.Duration(ms) * time.Millisecond
		if off := left - expires.Sub(now); off < -50*time.Millisecond || off > 50*time.Millisecond {
			t.Errorf("%s: the server keeps the record %v, want %v", op, left, expires.Sub(now))
		}
	}
	r.Expires = r.Created.Add(1234567 * time.Millisecond)
	check("Create", s.Create(ctx, r), r.Expires)
	n := r
	n.Version, n.Expires = n.Version+1, r.Created.Add(7654321*time.Millisecond)
	check("Save", s.Save(ctx, n, r.Version), n.Expires)
	n.Expires = r.Created.Add(500 * time.Millisecond)
	check("Touch", s.Touch(ctx, n.ID, n.Version, n.Seen, n.Expires), n.Expires)
	for {
		count, err := client.Do(ctx, client.B().Exists().Key(key(r)).Build()).AsInt64()
		if err != nil {
			t.Fatal(err)
		}
		if count == 0 {
			break
		}
		if late := time.Since(n.Expires); late > 5*time.Second {
			t.Fatalf("the record is there %v after it expired", late)
		}
		time.Sleep(time.Millisecond)
	}
	ms, err := client.Do(ctx, client.B().Pttl().Key(opts.Prefix+"subject:alice").Build()).AsInt64()
	if left := time.Duration(ms) * time.Millisecond; err != nil || left < time.Until(n.Deadline) {
		t.Errorf("the index is kept %v, %v; want until the deadline", left, err)
	}
}

// A server that is full refuses what it cannot keep, and keeps what it has.
func TestRedisFull(t *testing.T) {
	_, u := privateRedis(t, "--maxmemory", "8mb", "--maxmemory-policy", "noeviction")
	s, _, _ := openRedis(t, u)
	ctx := t.Context()
	kept := map[store.ID]uint64{}
	var err error
	var last store.Record
	for len(kept) < 1000 {
		last = newRecord(100_000)
		if err = s.Create(ctx, last); err != nil {
			break
		}
		kept[last.ID] = last.Version
	}
	if err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Fatalf("after %d records: %v, want an error that says OOM", len(kept), err)
	}
	t.Logf("%d records were kept: %v", len(kept), err)
	for id, version := range kept {
		if r, err := s.Load(ctx, id); err != nil || r.Version != version {
			t.Fatalf("Load: version %d, %v; want %d", r.Version, err, version)
		}
		n := newRecord(200_000)
		n.ID = id
		if err := s.Save(ctx, n, version); err == nil || !strings.Contains(err.Error(), "OOM") {
			t.Errorf("Save: %v, want an error that says OOM", err)
		}
		if r, err := s.Load(ctx, id); err != nil || r.Version != version {
			t.Errorf("Load after a Save that was refused: version %s, %v", strconv.FormatUint(r.Version, 10), err)
		}
		break
	}
	for id := range kept {
		if err := s.Delete(ctx, id); err != nil {
			t.Fatalf("Delete: %v", err)
		}
	}
	if err := s.Create(ctx, last); err != nil {
		t.Errorf("Create after there was room again: %v", err)
	}
}

// Who sees strangers in their sessions can end them, though visitors have filled the
// server and nothing can be written.
func TestRedisFullRevokes(t *testing.T) {
	server, u := privateRedis(t, "--maxmemory-policy", "noeviction")
	s, _, _ := openRedis(t, u)
	m, err := session.NewManager(s, session.Config{App: "full"})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx := t.Context()
	for range 30 {
		signed, err := m.Load(httptest.NewRequest("GET", "/", nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := signed.Login("alice"); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Commit(ctx, signed); err != nil {
			t.Fatal(err)
		}
	}
	configure(t, server, "maxmemory", "1") // less than an empty server has
	if err := s.Create(ctx, newRecord(1)); err == nil {
		t.Fatal("there is room for the smallest")
	}
	n, err := m.RevokeAll(ctx, "alice")
	if n != 30 || err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("RevokeAll ended %d sessions of 30, and says %v", n, err)
	}
	for info, err := range m.List(ctx, "alice") {
		t.Errorf("after RevokeAll there is %v, %v", info.ID, err)
	}
}
