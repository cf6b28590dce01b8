package integration

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/b4468f51/session/internal/integration/testserver"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/redisstore"
)

var redisTarget = target{"redis", func(t *testing.T) (func(t *testing.T) store.Store, []fault) {
	server := testserver.Start(t, testserver.Redis("Redis under faults"))
	link := newLink(t, server)
	u := link.url(t, "redis://"+server.Addr())
	memory := func(limit string) func(t *testing.T) {
		return func(t *testing.T) { configure(t, server, "maxmemory", limit) }
	}
	return opener(u), append(serverFaults(server, link),
		fault{name: "memory is full", inject: memory("1"), heal: memory("0")})
}}

// Behind Sentinel, and in a cluster, a master dies for good, or hangs until
// another has taken its place. What all replicas have acknowledged survives
// that. It comes back as a replica, since the store waits for the same number as
// before.
var (
	sentinelTarget = target{"redis-sentinel", func(t *testing.T) (func(t *testing.T) store.Store, []fault) {
		return groupTarget(t, testserver.StartRedisSentinel(t), "&wait_replicas=2&wait_timeout=500ms")
	}}
	clusterTarget = target{"redis-cluster", func(t *testing.T) (func(t *testing.T) store.Store, []fault) {
		return groupTarget(t, testserver.StartRedisCluster(t), "&wait_replicas=1&wait_timeout=500ms")
	}}
)

func groupTarget(t *testing.T, g *testserver.RedisGroup, more string) (func(t *testing.T) store.Store, []fault) {
	link := newLink(t, append(slices.Clone(g.Nodes), g.Sentinels...)...)
	conf, opts, err := redisstore.ParseURL(withPrefix(g.URL()) + more)
	if err != nil {
		t.Fatal(err)
	}
	conf.DialCtxFn = link.dial
	open := func(t *testing.T) store.Store {
		s, err := redisstore.Open(conf, opts)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	return open, append(connectionFaults(link), failover(g, false), hanging(g))
}

// What settings cost that promise less is measured, and shows in the log alone. A
// master that is back before the sentinels have told everybody of another is a
// second one for some seconds: what it acknowledges is dropped.
var costTargets = []target{
	{"redis-everysec", func(t *testing.T) (func(t *testing.T) store.Store, []fault) {
		server := testserver.Start(t, testserver.Redis("Redis everysec", "--appendfsync", "everysec"))
		return opener("redis://" + server.Addr()), []fault{serverFaults(server, new(link))[0].losing()}
	}},
	{"redis-sentinel-plain", func(t *testing.T) (func(t *testing.T) store.Store, []fault) {
		g := testserver.StartRedisSentinel(t)
		return opener(withPrefix(g.URL())), []fault{failover(g, false).losing(), failover(g, true).losing()}
	}},
	{"redis-cluster-plain", func(t *testing.T) (func(t *testing.T) store.Store, []fault) {
		g := testserver.StartRedisCluster(t)
		return opener(withPrefix(g.URL())), []fault{failover(g, false).losing()}
	}},
}

// failover kills a master. It is back as soon as a replica has taken its place,
// or, unless early, once every sentinel knows.
func failover(g *testserver.RedisGroup, early bool) fault {
	name := map[bool]string{false: "a master is killed", true: "a master is killed, and back at once"}[early]
	return away(g, name, (*testserver.Server).Kill, func(t *testing.T, s *testserver.Server) { s.Restart(t) }, early)
}

// hanging freezes a master. It goes on once it is none any more to all others.
func hanging(g *testserver.RedisGroup) fault {
	return away(g, "a master is frozen", (*testserver.Server).Freeze, func(_ *testing.T, s *testserver.Server) { s.Thaw() }, false)
}

// away takes a master away, and gives it back.
func away(g *testserver.RedisGroup, name string, take func(*testserver.Server),
	give func(*testing.T, *testserver.Server), early bool,
) fault {
	var master *testserver.Server
	var others []*testserver.Server
	return fault{
		name:   name,
		partly: true,
		inject: func(t *testing.T) {
			master = masters(t, g.Nodes)[0]
			if g.Sentinels != nil {
				master = g.Node(strconv.Itoa(masterSaid(t, g.Sentinels[0])))
			}
			others = slices.DeleteFunc(slices.Clone(g.Nodes), func(s *testserver.Server) bool { return s == master })
			take(master)
		},
		heal: func(t *testing.T) {
			want := 3
			if g.Sentinels != nil {
				want = 1
			}
			pollFor(t, "a replica takes over", 30*time.Second, func() bool { return len(masters(t, others)) == want })
			for _, s := range g.Sentinels {
				pollFor(t, "the sentinels agree", 30*time.Second, func() bool { return early || masterSaid(t, s) != master.Port })
			}
			give(t, master)
		},
	}
}

func (f fault) losing() fault {
	f.mayLose = true
	return f
}

// opener opens a store by URL.
func opener(u string) func(t *testing.T) store.Store {
	return func(t *testing.T) store.Store {
		s, err := store.Open(u)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// masters returns the nodes that run and are masters.
func masters(t *testing.T, nodes []*testserver.Server) (found []*testserver.Server) {
	t.Helper()
	for _, node := range nodes {
		if role, err := roleOf(t.Context(), node); err == nil && role == "master" {
			found = append(found, node)
		}
	}
	return found
}

func roleOf(ctx context.Context, s *testserver.Server) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c, err := testserver.RedisClient(s.Addr())
	if err != nil {
		return "", err
	}
	defer c.Close()
	answer, err := c.Do(ctx, c.B().Role().Build()).ToArray()
	if err != nil {
		return "", err
	}
	return answer[0].ToString()
}

// masterSaid returns the port of what a sentinel takes for the master.
func masterSaid(t *testing.T, s *testserver.Server) int {
	t.Helper()
	answer := ask(t, s, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")
	addr, err := answer.AsStrSlice()
	if err != nil || len(addr) != 2 {
		t.Fatalf("the sentinel says %q, %v", addr, err)
	}
	port, _ := strconv.Atoi(addr[1])
	return port
}

// configure changes a setting of a server that runs.
func configure(t *testing.T, s *testserver.Server, name, value string) {
	t.Helper()
	ask(t, s, "CONFIG", "SET", name, value)
}

// ask returns the answer of a server to a command, which is to succeed.
func ask(t *testing.T, s *testserver.Server, command ...string) rueidis.RedisMessage {
	t.Helper()
	c, err := testserver.RedisClient(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer, err := c.Do(t.Context(), c.B().Arbitrary(command...).Build()).ToMessage()
	if err != nil {
		t.Fatalf("%q: %v", command, err)
	}
	return answer
}

// askText is ask for an answer that is text.
func askText(t *testing.T, s *testserver.Server, command ...string) string {
	t.Helper()
	answer := ask(t, s, command...)
	text, err := answer.ToString()
	if err != nil {
		t.Fatalf("%q: %v", command, err)
	}
	return text
}
