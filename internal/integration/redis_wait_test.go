package integration

import (
	"errors"
	"net/url"
	"regexp"
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
	// Who has the record is to have the entry of the index: there is none without.
	if err := hasty.Create(ctx, r); !errors.Is(err, store.ErrUnconfirmed) {
		t.Errorf("Create of a subject's, with one replica of two: %v, want ErrUnconfirmed", err)
	}
	if _, err := two.Load(ctx, r.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Load: %v, want that the record was not written before its entry is safe", err)
	}
	r.Subject, n.Subject = "", ""
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
	master := g.Nodes[0]
	s, l := openLosing(t, withPrefix("redis://"+master.Addr())+"&wait_replicas=2&wait_timeout=5s")
	r := newRecord(10)
	r.Subject = ""
	n := r
	n.Version++
	for _, full := range []bool{false, true} {
		// Scripts are known: one command is one answer.
		if err := errors.Join(s.Create(ctx, r), s.Save(ctx, n, r.Version), s.Delete(ctx, r.ID)); err != nil {
			t.Fatal(err)
		}
		for _, op := range []struct {
			name   string
			do     func() error
			loses  bool
			writes int // that reach the replicas
		}{
			{"Create", func() error { return s.Create(ctx, r) }, true, 2},
			{"Save", func() error { return s.Save(ctx, n, r.Version) }, true, 2},
			{"Delete", func() error { return s.Delete(ctx, r.ID) }, true, 3},
			{"Delete of what is gone", func() error { return s.Delete(ctx, r.ID) }, false, 2},
		} {
			before, lost := replicated(t, g.Nodes[1]), false
			l.lose(nil)
			if op.loses {
				l.lose(func() {
					lost = true
					if full {
						configure(t, master, "maxmemory", "1mb")
					}
				})
			} else if full {
				configure(t, master, "maxmemory", "1mb")
			}
			if err := op.do(); err != nil || lost != op.loses {
				t.Errorf("%s, full=%v: %v; an answer was lost: %v, want %v", op.name, full, err, lost, op.loses)
			}
			configure(t, master, "maxmemory", "0")
			if got := replicated(t, g.Nodes[1]) - before; got != op.writes {
				t.Errorf("%s, full=%v: the replica was sent %d writes, want %d", op.name, full, got, op.writes)
			}
		}
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

// replicated returns how many writes a replica was sent. It is exact once WAIT
// for all replicas has returned.
func replicated(t *testing.T, replica *testserver.Server) (n int) {
	t.Helper()
	info := askText(t, replica, "INFO", "commandstats")
	for _, m := range regexp.MustCompile(`cmdstat_(?:set|del|pexpire|pexpireat):calls=(\d+)`).FindAllStringSubmatch(info, -1) {
		calls, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		n += calls
	}
	return n
}

// TestRedisWaitFollowsTheKeys: while a slot of a cluster moves, and afterwards,
// writes that wait find the server that has it.
func TestRedisWaitFollowsTheKeys(t *testing.T) {
	g := testserver.StartRedisCluster(t)
	ctx := t.Context()
	const prefix = "{one slot}:"
	u := g.URL() + "?wait_replicas=1&wait_timeout=5s&prefix=" + url.QueryEscape(prefix)
	s := openStore(t, u)
	_, c, _ := openRedis(t, u)
	from, to := masterOf(t, c, g, prefix), masterOf(t, c, g, "foo")
	if from == to {
		to = masterOf(t, c, g, "bar") // foo and bar are of two masters
	}
	number, err := c.Do(ctx, c.B().ClusterKeyslot().Key(prefix).Build()).AsInt64()
	if err != nil {
		t.Fatal(err)
	}
	slot := strconv.FormatInt(number, 10)
	old, fresh := newRecord(10), newRecord(10)
	old.Subject, fresh.Subject = "", ""
	next := fresh
	next.Version++
	if err := s.Create(ctx, old); err != nil {
		t.Fatal(err)
	}
	ask(t, to, "CLUSTER", "SETSLOT", slot, "IMPORTING", askText(t, from, "CLUSTER", "MYID"))
	ask(t, from, "CLUSTER", "SETSLOT", slot, "MIGRATING", askText(t, to, "CLUSTER", "MYID"))
	for name, err := range map[string]error{
		"Create where it moves to":   s.Create(ctx, fresh),
		"Delete where it moves from": s.Delete(ctx, old.ID),
		"Delete of what is gone":     s.Delete(ctx, old.ID),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, server := range []*testserver.Server{to, from} {
		ask(t, server, "CLUSTER", "SETSLOT", slot, "NODE", askText(t, to, "CLUSTER", "MYID"))
	}
	if err := s.Save(ctx, next, fresh.Version); err != nil {
		t.Errorf("Save after it has moved: %v", err)
	}
}
