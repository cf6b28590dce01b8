package integration

import (
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"github.com/b4468f51/session/internal/integration/testserver"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/redisstore"
)

// Where one of these variables has the URL of a server, tests that need no
// server of their own use that in place of one they start.
const (
	redisURL         = "SESSION_TEST_REDIS"
	redisSentinelURL = "SESSION_TEST_REDIS_SENTINEL"
	redisClusterURL  = "SESSION_TEST_REDIS_CLUSTER"
)

var (
	redis         = redisCase("redis", "", redisServer)
	redisSentinel = redisCase("redis-sentinel", "", redisSentinelServer)
	redisWait     = redisCase("redis-wait", "&wait_replicas=1&wait_timeout=10s", redisSentinelServer)
	redisCluster  = redisCase("redis-cluster", "", redisClusterServer)
)

func redisSentinelServer(t *testing.T) string {
	if u := os.Getenv(redisSentinelURL); u != "" {
		return u
	}
	return testserver.SharedRedisSentinel(t).URL()
}

func redisClusterServer(t *testing.T) string {
	if u := os.Getenv(redisClusterURL); u != "" {
		return u
	}
	return testserver.SharedRedisCluster(t).URL()
}

// Another Store than the one that wrote may see it a moment later, so there is
// but one.
var redisCached = storeCase{name: "redis-cached", open: func(t *testing.T) func() store.Store {
	s := openStore(t, withPrefix(redisServer(t))+"&cache=10s")
	return func() store.Store { return s }
}}

func redisServer(t *testing.T) string {
	if u := os.Getenv(redisURL); u != "" {
		return u
	}
	return "redis://" + testserver.Shared(t, testserver.Redis("Redis")).Addr()
}

// redisCase is a store of keys that nobody else uses, on a server that others
// use too.
func redisCase(name, more string, server func(t *testing.T) string) storeCase {
	return storeCase{name: name, open: func(t *testing.T) func() store.Store {
		u := withPrefix(server(t)) + more
		return func() store.Store { return openStore(t, u) }
	}}
}

// withPrefix adds a prefix that nobody uses to a URL.
func withPrefix(u string) string {
	sign := "?"
	if strings.Contains(u, "?") {
		sign = "&"
	}
	return u + sign + "prefix=" + url.QueryEscape("test-"+strings.ToLower(rand.Text())+":")
}

// openRedis opens a store on a server, and a client that looks behind it.
func openRedis(t *testing.T, u string) (*redisstore.Store, rueidis.Client, redisstore.Options) {
	t.Helper()
	conf, opts, err := redisstore.ParseURL(u)
	if err != nil {
		t.Fatal(err)
	}
	s, err := redisstore.Open(conf, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	conf.DisableCache = true
	c, err := rueidis.NewClient(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return s, c, opts
}
