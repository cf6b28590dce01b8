package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/integration/testserver"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/storetest"
)

// newCertificate writes a certificate of 127.0.0.1 that vouches for itself,
// and its key.
func newCertificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "127.0.0.1"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		// Nodes of a cluster show it to each other, as clients too.
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", keyDER)
}

// The commands that the package comment of redisstore lists: for a store, and
// for one with a cache.
const (
	redisCommands = "+get +getrange +set +setrange +del +pexpire +pttl +zadd +zrange +zrem +zscore +zremrangebyscore +eval +evalsha" +
		" +hello +ping"
	redisCacheCommands = " +client|tracking +client|caching +multi +exec"
)

// A user who may do what the package comment lists, on the keys of the prefix
// and no others, may do all that a store does, over TLS.
func TestRedisUserAndTLS(t *testing.T) {
	cert, key := newCertificate(t)
	acl := filepath.Join(t.TempDir(), "users.acl")
	text := "user default off\n" +
		"user app on >s3cret/@pw ~app:* resetchannels -@all " + redisCommands + "\n" +
		"user cached on >s3cret/@pw ~app:* resetchannels -@all " + redisCommands + redisCacheCommands + "\n"
	if err := os.WriteFile(acl, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := testserver.Start(t, testserver.RedisTLS("Redis with TLS", cert, key, "--aclfile", acl))
	u := func(user, password, more string) string {
		return "rediss://" + user + ":" + url.QueryEscape(password) + "@" + server.Addr() + "?prefix=app:" + more
	}
	ca := "&ca=" + url.QueryEscape(cert)
	for _, more := range []string{"app", "cached"} {
		t.Run(more, func(t *testing.T) {
			full := u(more, "s3cret/@pw", ca)
			if more == "cached" {
				full += "&cache=10s"
			}
			storetest.Run(t, func(t *testing.T) store.Store { return openStore(t, full) })
		})
	}
	for _, c := range []struct{ name, url, says string }{
		{"wrong password", u("app", "wr0ng", ca), "WRONGPASS"},
		{"unknown user", u("nobody", "s3cret/@pw", ca), "WRONGPASS"},
		{"certificate of nobody known", u("app", "s3cret/@pw", ""), "certificate"},
		{"no TLS", "redis://app:s3cret%2F%40pw@" + server.Addr(), ""},
	} {
		s, err := store.Open(c.url)
		if err == nil {
			store.Close(s)
			t.Errorf("%s: no error", c.name)
			continue
		}
		t.Logf("%s: %v", c.name, err)
		if text := err.Error(); !strings.Contains(text, c.says) || !strings.Contains(text, server.Addr()) ||
			strings.Contains(text, "s3cret") || strings.Contains(text, "wr0ng") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// Another prefix is not this user's.
	s := openStore(t, strings.Replace(u("app", "s3cret/@pw", ca), "prefix=app:", "prefix=other:", 1))
	if err := s.Create(t.Context(), newRecord(1)); err == nil || !strings.Contains(err.Error(), "NOPERM") && !strings.Contains(err.Error(), "ermission") {
		t.Errorf("Create under another's prefix: %v", err)
	}
}

// So it is behind Sentinel, where sentinels have users of their own, and in a
// cluster: TLS on every connection, and users who may do no more than is listed.
func TestRedisGroupsUserAndTLS(t *testing.T) {
	cert, key := newCertificate(t)
	for _, c := range []struct {
		name     string
		start    func(testing.TB, *testserver.RedisGuard) *testserver.RedisGroup
		commands string
		more     string // parameters
		wrong    string // in place of more, with a password that is none
	}{
		{"sentinel", testserver.StartGuardedRedisSentinel, " +role +wait",
			"&sentinel_user=watch&sentinel_password=s3ntinel", "&sentinel_user=watch&sentinel_password=wr0ng"},
		{"cluster", testserver.StartGuardedRedisCluster, " +asking +cluster|slots +cluster|shards +wait", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			rule := "~app:* resetchannels -@all " + redisCommands + redisCacheCommands + c.commands
			g := c.start(t, &testserver.RedisGuard{
				Cert: cert, Key: key, Password: "adm1n",
				Users: []string{"app on >s3cret/@pw " + rule},
				SentinelUsers: []string{"watch on >s3ntinel allchannels -@all +hello +ping +subscribe +unsubscribe" +
					" +sentinel|sentinels +sentinel|get-master-addr-by-name +client|tracking"},
			})
			u := func(password, more string) string {
				u := strings.Replace(g.URL(), "://", "://app:"+url.QueryEscape(password)+"@", 1)
				return u + "?prefix=app:" + more
			}
			ca := "&tls=on&ca=" + url.QueryEscape(cert)
			storetest.Run(t, func(t *testing.T) store.Store { return openStore(t, u("s3cret/@pw", ca+c.more)) })
			s := openStore(t, u("s3cret/@pw", ca+c.more+"&cache=10s&wait_replicas=1&wait_timeout=10s"))
			r := newRecord(10)
			n := r
			n.Version++
			if err := errors.Join(s.Create(t.Context(), r), s.Save(t.Context(), n, r.Version)); err != nil {
				t.Errorf("with a cache, and replicas to wait for: %v", err)
			}
			if got, err := s.Load(t.Context(), r.ID); err != nil || got.Version != n.Version {
				t.Errorf("Load from the cache: version %d, %v; want %d", got.Version, err, n.Version)
			}
			if err := s.Delete(t.Context(), r.ID); err != nil {
				t.Errorf("Delete: %v", err)
			}
			refused := map[string]string{
				"wrong password":                  u("wr0ng", ca+c.more),
				"certificate of nobody known":     u("s3cret/@pw", "&tls=on"+c.more),
				"no TLS":                          u("s3cret/@pw", c.more),
				"wrong password of the sentinels": u("s3cret/@pw", ca+c.wrong),
			}
			if c.wrong == "" {
				delete(refused, "wrong password of the sentinels")
			}
			for name, u := range refused {
				s, err := store.Open(u)
				if err == nil {
					store.Close(s)
					t.Errorf("%s: no error", name)
					continue
				}
				t.Logf("%s: %v", name, err)
				for _, secret := range []string{"s3cret", "wr0ng", "s3ntinel"} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("%s: the error shows a password: %v", name, err)
					}
				}
			}
		})
	}
}
