package testserver

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// A RedisGroup is a master with its replicas and sentinels, or the nodes of a
// cluster.
type RedisGroup struct {
	Nodes     []*Server // behind Sentinel, the first is the master to begin with
	Sentinels []*Server

	guard *RedisGuard
}

// URL returns the URL of the group.
func (g *RedisGroup) URL() string {
	scheme, servers, path := "redis+cluster", g.Nodes, ""
	if g.Sentinels != nil {
		scheme, servers, path = "redis+sentinel", g.Sentinels, "/mymaster"
	}
	var addrs []string
	for _, s := range servers {
		addrs = append(addrs, s.Addr())
	}
	return scheme + "://" + strings.Join(addrs, ",") + path
}

// Node returns the node that listens on a port.
func (g *RedisGroup) Node(port string) *Server {
	for _, s := range g.Nodes {
		if strconv.Itoa(s.Port) == port {
			return s
		}
	}
	return nil
}

// StartRedisSentinel starts a master, two replicas, and three sentinels, who
// take half a second of silence for a failure. They end with the test.
func StartRedisSentinel(t testing.TB) *RedisGroup {
	t.Helper()
	return StartGuardedRedisSentinel(t, nil)
}

// StartGuardedRedisSentinel is StartRedisSentinel behind a guard.
func StartGuardedRedisSentinel(t testing.TB, guard *RedisGuard) *RedisGroup {
	t.Helper()
	g := redisSentinel(t, Start, guard)
	if err := g.awaitSentinels(); err != nil {
		t.Fatal(err)
	}
	return g
}

// StartRedisCluster starts three masters, and a replica of each. They end with
// the test.
func StartRedisCluster(t testing.TB) *RedisGroup {
	t.Helper()
	return StartGuardedRedisCluster(t, nil)
}

// StartGuardedRedisCluster is StartRedisCluster behind a guard.
func StartGuardedRedisCluster(t testing.TB, guard *RedisGuard) *RedisGroup {
	t.Helper()
	g := redisCluster(t, Start, guard)
	if err := g.join(); err != nil {
		t.Fatal(err)
	}
	return g
}

var joinSentinels, joinCluster sync.Once
var sentinelsErr, clusterErr error

// SharedRedisSentinel is what StartRedisSentinel starts, as [Shared].
func SharedRedisSentinel(t testing.TB) *RedisGroup {
	t.Helper()
	g := redisSentinel(t, Shared, nil)
	joinSentinels.Do(func() { sentinelsErr = g.awaitSentinels() })
	if sentinelsErr != nil {
		t.Fatal(sentinelsErr)
	}
	return g
}

// SharedRedisCluster is what StartRedisCluster starts, as [Shared].
func SharedRedisCluster(t testing.TB) *RedisGroup {
	t.Helper()
	g := redisCluster(t, Shared, nil)
	joinCluster.Do(func() { clusterErr = g.join() })
	if clusterErr != nil {
		t.Fatal(clusterErr)
	}
	return g
}

func redisSentinel(t testing.TB, start func(testing.TB, Program) *Server, guard *RedisGuard) *RedisGroup {
	t.Helper()
	master := start(t, guarded(Redis("Redis master"), guard))
	g := &RedisGroup{Nodes: []*Server{master}, guard: guard}
	for i := range 2 {
		g.Nodes = append(g.Nodes, start(t, guarded(Redis(fmt.Sprintf("Redis replica %d", i+1),
			"--replicaof", "127.0.0.1 "+strconv.Itoa(master.Port)), guard)))
	}
	for i := range 3 {
		g.Sentinels = append(g.Sentinels, start(t, sentinel(fmt.Sprintf("Redis sentinel %d", i+1), master.Port, guard)))
	}
	return g
}

// sentinel returns a sentinel. It keeps what it learns in its settings' file.
func sentinel(name string, master int, guard *RedisGuard) Program {
	p := guarded(Redis(name), guard)
	file := func(s *Server) string { return filepath.Join(s.Dir, "sentinel.conf") }
	p.Init = func(s *Server) error {
		return os.WriteFile(file(s), fmt.Appendf(nil, `port %d
bind 127.0.0.1
dir %q
sentinel monitor mymaster 127.0.0.1 %d 2
sentinel down-after-milliseconds mymaster 500
sentinel failover-timeout mymaster 3000
%s
`, s.Port, s.Dir, master, strings.Join(guard.sentinelSettings(s), "\n")), 0o600)
	}
	p.Args = func(s *Server) []string { return []string{file(s), "--sentinel"} }
	return p
}

// awaitSentinels returns once each sentinel knows the others and the replicas.
func (g *RedisGroup) awaitSentinels() error {
	return g.await(g.Sentinels, func(c rueidis.Client) bool {
		info, err := c.Do(context.Background(), c.B().Arbitrary("INFO", "sentinel").Build()).ToString()
		return err == nil && strings.Contains(info, "status=ok") &&
			strings.Contains(info, "slaves=2,sentinels=3")
	})
}

func redisCluster(t testing.TB, start func(testing.TB, Program) *Server, guard *RedisGuard) *RedisGroup {
	t.Helper()
	g := &RedisGroup{guard: guard}
	for i := range 6 {
		g.Nodes = append(g.Nodes, start(t, clusterNode(fmt.Sprintf("Redis cluster node %d", i+1), guard)))
	}
	return g
}

func clusterNode(name string, guard *RedisGuard) Program {
	p := guarded(Redis(name), guard)
	plain, bus := p.Args, 0
	p.Init = func(*Server) (err error) {
		bus, err = FreePort()
		return err
	}
	p.Args = func(s *Server) []string {
		args := append(plain(s), "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus),
			"--cluster-node-timeout", "2000", "--cluster-replica-validity-factor", "0")
		if guard != nil {
			args = append(args, "--tls-cluster", "yes")
		}
		return args
	}
	return p
}

// join makes a cluster of the nodes.
func (g *RedisGroup) join() error {
	args := append(g.guard.cliArgs(), "--cluster", "create")
	for _, s := range g.Nodes {
		args = append(args, s.Addr())
	}
	// redis-cli, or valkey-cli.
	cli := strings.TrimSuffix(filepath.Base(g.Nodes[0].path), "server") + "cli"
	cmd, err := g.Nodes[0].Command(cli, append(args, "--cluster-replicas", "1", "--cluster-yes")...)
	if err != nil {
		return err
	}
	if err := runFor(cmd, startLimit); err != nil {
		return fmt.Errorf("testserver: %s: %w\n%s", cli, err, g.Nodes[0].log.tail(4000))
	}
	return g.await(g.Nodes, func(c rueidis.Client) bool {
		ctx := context.Background()
		info, err := c.Do(ctx, c.B().ClusterInfo().Build()).ToString()
		if err != nil || !strings.Contains(info, "cluster_state:ok") {
			return false
		}
		info, err = c.Do(ctx, c.B().Info().Section("replication").Build()).ToString()
		return err == nil && (strings.Contains(info, "state=online") || strings.Contains(info, "master_link_status:up"))
	})
}

// runFor runs a command, which is killed when the limit is over: redis-cli waits
// for ever for nodes that do not find each other.
func runFor(cmd *exec.Cmd, limit time.Duration) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	defer time.AfterFunc(limit, func() { cmd.Process.Kill() }).Stop()
	return cmd.Wait()
}

// await returns once each of the servers is as it should be.
func (g *RedisGroup) await(servers []*Server, ready func(rueidis.Client) bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for _, s := range servers {
		c, err := g.guard.client(s.Addr())
		if err != nil {
			return err
		}
		for !ready(c) {
			if err := pause(ctx, 50*time.Millisecond); err != nil {
				c.Close()
				return fmt.Errorf("testserver: %s has not found the others\n%s", s.program.Name, s.log.tail(4000))
			}
		}
		c.Close()
	}
	return nil
}

// RedisClient returns a client of one server, be it part of a group or not.
func RedisClient(addr string) (rueidis.Client, error) {
	return rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr}, ForceSingleClient: true, DisableCache: true,
	})
}
