package integration

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/b4468f51/session/internal/integration/testserver"
	"github.com/b4468f51/session/store"
)

// startReplicated starts a master and two replicas that nobody fails over.
func startReplicated(t *testing.T) *testserver.RedisGroup {
	t.Helper()
	g := testserver.StartRedisSentinel(t)
	for _, s := range g.Sentinels {
		s.Kill()
	}
	return g
}

// With a replica that does not answer, a write says that it was not
// acknowledged, and has happened.
func TestRedisWaitReplicas(t *testing.T) {
	g := startReplicated(t)
	ctx := t.Context()
	u := withPrefix("redis://" + g.Nodes[0].Addr())
	two := openStore(t, u+"&wait_replicas=2&wait_timeout=5s")
	losing, l := openLosing(t, u+"&wait_replicas=2&wait_timeout=100ms")
	hasty := openStore(t, u+"&wait_replicas=2&wait_timeout=100ms")
	r := newRecord(10)
	n := r
	n.Version++
	for name, err := range map[string]error{
		"Create": two.Create(ctx, r),
		"Save":   two.Save(ctx, n, r.Version),
		"Delete": two.Delete(ctx, r.ID),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	g.Nodes[2].Freeze()
	defer g.Nodes[2].Thaw()
	err := hasty.Create(ctx, r)
	if !errors.Is(err, store.ErrUnconfirmed) || errors.Is(err, store.ErrExists) {
		t.Errorf("Create with one replica of two: %v, want ErrUnconfirmed", err)
	}
	t.Log(err)
	if got, err := two.Load(ctx, r.ID); err != nil || got.Version != r.Version {
		t.Errorf("Load: version %d, %v; want %d", got.Version, err, r.Version)
	}
	// What was refused is, whoever acknowledges that.
	if err := hasty.Create(ctx, r); !errors.Is(err, store.ErrExists) {
		t.Errorf("Create again: %v, want ErrExists", err)
	}
	if err := hasty.Save(ctx, n, n.Version); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Save over another version: %v, want ErrConflict", err)
	}
	// What was done by an attempt whose answer was lost is not done before it is
	// acknowledged, though the second attempt has nothing to write.
	lost := newRecord(10)
	lost.Subject = ""
	next := lost
	next.Version++
	for _, op := range []struct {
		name string
		do   func() error
	}{
		{"Create", func() error { return losing.Create(ctx, lost) }},
		{"Save", func() error { return losing.Save(ctx, next, lost.Version) }},
		{"Delete", func() error { return losing.Delete(ctx, lost.ID) }},
	} {
		answers := 0
		l.lose(func() { answers++ })
		err := op.do()
		if !errors.Is(err, store.ErrUnconfirmed) || !strings.Contains(err.Error(), "too few replicas") {
			t.Errorf("%s whose answer was lost, with one replica of two: %v, want ErrUnconfirmed", op.name, err)
		}
		if answers != 1 {
			t.Errorf("%s: %d answers were lost, want 1", op.name, answers)
		}
	}
}

// TestRedisWaitHasSomethingToWaitFor: a server may answer WAIT at once on a
// connection by which nothing was sent to the replicas. So what finds its work
// done by an attempt before sends something.
func TestRedisWaitHasSomethingToWaitFor(t *testing.T) {
	g := startReplicated(t)
	ctx := t.Context()
	s, l := openLosing(t, withPrefix("redis://"+g.Nodes[0].Addr())+"&wait_replicas=2&wait_timeout=5s")
	master := g.Nodes[0]
	configure(t, master, "repl-ping-replica-period", "3600") // a ping counts as sent
	r := newRecord(10)
	r.Subject = ""
	n := r
	n.Version++
	for _, op := range []struct {
		name string
		do   func() error
	}{
		{"Create", func() error { return s.Create(ctx, r) }},
		{"Save", func() error { return s.Save(ctx, n, r.Version) }},
		{"Delete", func() error { return s.Delete(ctx, r.ID) }},
	} {
		var sent int64
		l.lose(func() { sent = replicated(t, master) })
		if err := op.do(); err != nil {
			t.Errorf("%s whose answer was lost: %v", op.name, err)
		}
		if now := replicated(t, master); sent == 0 || now <= sent {
			t.Errorf("%s whose answer was lost: the second attempt sent the replicas nothing, at %d", op.name, now)
		}
	}
	sent := replicated(t, master)
	if err := s.Delete(ctx, r.ID); err != nil || replicated(t, master) <= sent {
		t.Errorf("Delete of what is gone: %v, and it sent the replicas nothing", err)
	}
	// What the server refuses after an attempt that broke tells nothing of that one.
	l.lose(func() { configure(t, master, "min-replicas-to-write", "3") })
	if err := s.Create(ctx, r); !errors.Is(err, store.ErrUnconfirmed) || !strings.Contains(err.Error(), "NOREPLICAS") {
		t.Errorf("Create whose answer was lost, and then refused: %v, want ErrUnconfirmed", err)
	}
	if err := s.Save(ctx, n, r.Version); err == nil || errors.Is(err, store.ErrUnconfirmed) {
		t.Errorf("Save that is refused at once: %v, want the server's error", err)
	}
	configure(t, master, "min-replicas-to-write", "0")
	if err := s.Delete(ctx, r.ID); err != nil {
		t.Error(err)
	}
}

// replicated returns how many bytes a master has sent to its replicas.
func replicated(t *testing.T, master *testserver.Server) int64 {
	t.Helper()
	c, err := testserver.RedisClient(master.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	info, err := c.Do(context.Background(), c.B().Info().Section("replication").Build()).ToString()
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(info, "master_repl_offset:")
	number, _, _ := strings.Cut(after, "\r\n")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
