package redisstore

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

func TestParseURL(t *testing.T) {
	for _, c := range []struct {
		url                              string
		addrs, user, password, masterSet string
		db                               int
		tls                              bool
		opts                             Options
	}{
		{url: "redis://localhost", addrs: "localhost:6379"},
		{url: "redis://localhost/", addrs: "localhost:6379"},
		{url: "redis://[::1]:7000/3", addrs: "[::1]:7000", db: 3},
		{url: "redis://[::1]", addrs: "[::1]:6379"},
		{url: "redis://app:p%40ss%2Fw@db.example:6380/1", addrs: "db.example:6380", user: "app", password: "p@ss/w", db: 1},
		{url: "redis://:pw@h", addrs: "h:6379", password: "pw"},
		{url: "redis://a:p@q@h", addrs: "h:6379", user: "a", password: "p@q"},
		{url: "rediss://db.example", addrs: "db.example:6379", tls: true},
		{
			url: "redis://h?prefix=app:&timeout=2s&wait_replicas=1&wait_timeout=500ms&cache=10s", addrs: "h:6379",
			opts: Options{"app:", 2 * time.Second, 1, 500 * time.Millisecond, 10 * time.Second},
		},
		{url: "redis+sentinel://a:b@s1,s2:7/mymaster/2", addrs: "s1:26379 s2:7", user: "a", password: "b", masterSet: "mymaster", db: 2},
		{url: "redis+sentinel://s1/my%20master?tls=on", addrs: "s1:26379", masterSet: "my master", tls: true},
		{url: "redis+cluster://h1:7000,h2:7001,[::1]:7002", addrs: "h1:7000 h2:7001 [::1]:7002"},
		{url: "redis+cluster://h1/?tls=on", addrs: "h1:6379", tls: true},
	} {
		conf, opts, err := ParseURL(c.url)
		if err != nil {
			t.Errorf("ParseURL(%q): %v", c.url, err)
			continue
		}
		if got := strings.Join(conf.InitAddress, " "); got != c.addrs {
			t.Errorf("ParseURL(%q): addresses %s, want %s", c.url, got, c.addrs)
		}
		if conf.Username != c.user || conf.Password != c.password || conf.Sentinel.MasterSet != c.masterSet || conf.SelectDB != c.db {
			t.Errorf("ParseURL(%q): user %q, password %q, master %q, database %d", c.url,
				conf.Username, conf.Password, conf.Sentinel.MasterSet, conf.SelectDB)
		}
		if got := conf.TLSConfig != nil; got != c.tls || opts != c.opts {
			t.Errorf("ParseURL(%q): TLS %v, %+v; want %v, %+v", c.url, got, opts, c.tls, c.opts)
		}
		if single := strings.HasPrefix(c.url, "redis:") || strings.HasPrefix(c.url, "rediss:"); conf.ForceSingleClient != single {
			t.Errorf("ParseURL(%q): ForceSingleClient is %v", c.url, conf.ForceSingleClient)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ url, says string }{
		{"localhost:6379", "begins with redis://"},
		{"redis:localhost:6379", "begins with redis://"},
		{"valkey://localhost", "begins with redis://"},
		{"redis://", "want hosts"},
		{"redis://:7000", "want hosts"},
		{"redis://h:port", "want hosts"},
		{"redis://h:99999", "want hosts"},
		{"redis://h:0", "want hosts"},
		{"redis://::1", "want hosts"},
		{"redis+cluster://h1,,h2", "want hosts"},
		{"redis://h1,h2", "takes one host; there are redis+sentinel:// and redis+cluster://"},
		{"redis://a:%zz@h", "no escape"},
		{"redis://h/zero", "number of a database"},
		{"redis://h/-1", "number of a database"},
		{"redis+sentinel://h", "master's name"},
		{"redis+sentinel:///mymaster", "want hosts"},
		{"redis+cluster://h/1", "one database"},
		{"redis://h?prefx=a", `unknown parameter "prefx" (there are ca, cache, prefix, sentinel_password, sentinel_user, timeout, tls, wait_replicas, wait_timeout)`},
		{"redis://h?prefix=", "is empty"},
		{"redis://h?prefix=a&prefix=b", "given 2 times"},
		{"redis://h?timeout=5", "with its unit"},
		{"redis://h?wait_timeout=1us", "a millisecond or more"},
		{"redis://h?cache=0s", "a millisecond or more"},
		{"redis://h?wait_replicas=-1", "number of replicas"},
		{"redis://h?tls=on", "rediss://"},
		{"redis+cluster://h?tls=yes", "want on"},
		{"redis://h?sentinel_user=a", "for redis+sentinel"},
		{"redis://h?ca=" + empty, "no certificate"},
		{"rediss://h?ca=" + empty + ".missing", "no such file"},
		{"redis://h?a;b", "name=value"},
	} {
		_, _, err := ParseURL(c.url)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("ParseURL(%q): error %v, want one that says %q", c.url, err, c.says)
		}
	}
}

// Whatever is wrong with a URL, its password is in no error.
func TestErrorsKeepPassword(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close() // nobody is there
	for _, u := range []string{
		"redis://app:secret@" + addr,
		"redis+sentinel://app:secret@" + addr + "/mymaster?sentinel_password=secret",
		"redis+cluster://app:secret@" + addr,
		"redis://app:secret%zz@" + addr,
		"redis://app:secret@h:port",
		"redis://app:secret@h/secret?a;b",
		"redis://app:secret/more@h",
		"redis+sentinel://app:1/secret@h",
		"redis://app:1?secret@h",
		"redis+sentinel://h/m?sentinel_password=secret&nonsense=1",
		"redis+sentinel://h/m?sentinel_password=%secret",
	} {
		s, err := store.Open(u)
		if err == nil {
			store.Close(s)
			t.Errorf("Open(%q): no error", u)
			continue
		}
		t.Log(err)
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("Open(%q): the error repeats the password: %v", u, err)
		}
		if strings.Contains(err.Error(), "connect") && !strings.Contains(err.Error(), addr) {
			t.Errorf("Open(%q): the error does not name the server: %v", u, err)
		}
	}
}

func TestRegistered(t *testing.T) {
	for _, name := range []string{"redis", "rediss", "redis+sentinel", "redis+cluster"} {
		if !slices.Contains(store.Names(), name) {
			t.Errorf("%s is not registered: %v", name, store.Names())
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("redis://user:pw@host:6379/0?prefix=a:&timeout=1s&cache=10s")
	f.Add("redis+sentinel://user:pw@h1:26379,h2/mymaster/1?tls=on&wait_replicas=2")
	f.Add("redis+cluster://[::1]:7000,h2?wait_timeout=1s")
	f.Fuzz(func(t *testing.T, rawURL string) {
		if strings.Contains(rawURL, "ca=") {
			return // it would read a file
		}
		conf, opts, err := ParseURL(rawURL)
		if err != nil {
			return
		}
		if err := opts.validate(); err != nil {
			t.Errorf("ParseURL(%q): %v", rawURL, err)
		}
		if len(conf.InitAddress) == 0 || conf.SelectDB < 0 {
			t.Errorf("ParseURL(%q): addresses %q, database %d", rawURL, conf.InitAddress, conf.SelectDB)
		}
		for _, addr := range conf.InitAddress {
			if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" {
				t.Errorf("ParseURL(%q): address %q", rawURL, addr)
			}
		}
		if strings.HasPrefix(rawURL, "rediss:") != (conf.ForceSingleClient && conf.TLSConfig != nil) {
			t.Errorf("ParseURL(%q): TLS is %v", rawURL, conf.TLSConfig != nil)
		}
	})
}
