package integration

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/b4468f51/session/internal/integration/testserver"
	"github.com/b4468f51/session/store"
)

// A master that dies is replaced by a replica, and Stores that were open find
// it, within seconds. What the replicas had acknowledged is there.
func TestRedisFailover(t *testing.T) {
	for _, c := range []struct {
		name  string
		start func(testing.TB) *testserver.RedisGroup
		fail  func(*testserver.Server)
	}{
		{"sentinel, killed", testserver.StartRedisSentinel, (*testserver.Server).Kill},
		{"sentinel, frozen", testserver.StartRedisSentinel, (*testserver.Server).Freeze},
		{"cluster, killed", testserver.StartRedisCluster, (*testserver.Server).Kill},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := c.start(t)
			replicas := "1"
			if g.Sentinels != nil {
				replicas = "2"
			}
			s, client, opts := openRedis(t, withPrefix(g.URL())+"&wait_replicas="+replicas+"&wait_timeout=10s")
			// The new master has fewer replicas than s waits for.
			plain := openStore(t, g.URL()+"?prefix="+opts.Prefix)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var records []store.Record
			for range 30 {
				r := newRecord(100)
				if err := s.Create(ctx, r); err != nil {
					t.Fatal(err)
				}
				records = append(records, r)
			}
			master := g.Nodes[0]
			if g.Sentinels == nil {
				master = masterOf(t, client, g, opts.Prefix+"id:"+records[0].ID.String())
			}
			c.fail(master)
			failed := time.Now()
			read, written := time.Duration(0), time.Duration(0)
			last := records[0]
			for written == 0 {
				if ctx.Err() != nil {
					t.Fatal("the store has not recovered within a minute")
				}
				once, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
				if got, err := s.Load(once, last.ID); err == nil {
					if read == 0 {
						read = time.Since(failed)
					}
					n := newRecord(100)
					n.ID = last.ID
					if err := plain.Save(once, n, got.Version); err == nil {
						written, last = time.Since(failed), n
					} else if errors.Is(err, store.ErrConflict) {
						t.Logf("Save: %v, after one whose outcome was unknown", err)
					}
				} else if errors.Is(err, store.ErrNotFound) {
					t.Fatal("the record is gone")
				}
				cancel()
			}
			t.Logf("recovered: a load after %v, a save after %v", read.Round(time.Millisecond), written.Round(time.Millisecond))
			if written > 30*time.Second {
				t.Errorf("it took %v", written)
			}
			for _, r := range records {
				if _, err := s.Load(ctx, r.ID); err != nil {
					t.Errorf("Load of what replicas acknowledged: %v", err)
				}
			}
			found, err := collect(s.List(ctx, "alice"))
			if err != nil || len(found) != len(records) {
				t.Errorf("List = %d records, %v; want %d", len(found), err, len(records))
			}
		})
	}
}

// masterOf returns the master of a key in a cluster.
func masterOf(t *testing.T, c rueidis.Client, g *testserver.RedisGroup, key string) *testserver.Server {
	t.Helper()
	for addr, node := range c.Nodes() {
		role, err := node.Do(t.Context(), node.B().Role().Build()).ToArray()
		if err != nil {
			t.Fatal(err)
		}
		if name, _ := role[0].ToString(); name != "master" {
			continue
		}
		// Every other node answers that the key is elsewhere.
		if node.Do(t.Context(), node.B().Exists().Key(key).Build()).Error() == nil {
			_, port, _ := net.SplitHostPort(addr)
			return g.Node(port)
		}
	}
	t.Fatal("no master has the key")
	return nil
}
