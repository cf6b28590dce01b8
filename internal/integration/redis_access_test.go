package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
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
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
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

// A user who may do what the package comment lists, on the keys of the prefix
// and no others, may do all that a store does, over TLS.
func TestRedisUserAndTLS(t *testing.T) {
	cert, key := newCertificate(t)
	const commands = "+hmget +hget +hset +del +pexpire +pttl +zadd +zrange +zrem +zscore +zremrangebyscore +eval +evalsha" +
		" +hello +ping"
	const cache = " +client|tracking +client|caching +multi +exec"
	acl := filepath.Join(t.TempDir(), "users.acl")
	text := "user default off\n" +
		"user app on >s3cret/@pw ~app:* resetchannels -@all " + commands + "\n" +
		"user cached on >s3cret/@pw ~app:* resetchannels -@all " + commands + cache + "\n"
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
