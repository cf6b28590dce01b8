package redisstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/b4468f51/session/store"
)

func init() {
	for _, scheme := range []string{"redis", "rediss", "redis+sentinel", "redis+cluster"} {
		store.Register(scheme, func(rawURL string) (store.Store, error) {
			conf, opts, err := ParseURL(rawURL)
			if err != nil {
				return nil, err
			}
			s, err := Open(conf, opts)
			if err != nil {
				return nil, err
			}
			return s, nil
		})
	}
}

// Open connects to the server, and returns a Store whose Close ends the
// connections. It fails where there is no server, or one that refuses.
//
// Beside conf, [Options.CacheTTL] decides whether the client keeps a cache.
func Open(conf rueidis.ClientOption, opts Options) (*Store, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	conf.DisableCache = opts.CacheTTL == 0
	client, err := rueidis.NewClient(conf)
	if err != nil {
		return nil, fmt.Errorf("redisstore: connect to %s: %w", strings.Join(conf.InitAddress, ","), err)
	}
	s, err := New(client, opts)
	if err != nil {
		client.Close()
		return nil, err
	}
	s.closeClient, s.conf = true, &conf
	return s, nil
}

// ParseURL reads a URL as the package comment describes it, for [Open]. What
// no URL can say, such as a client's certificate, is set on the result before.
// Its errors repeat no password.
func ParseURL(rawURL string) (rueidis.ClientOption, Options, error) {
	u := redisURL{}
	if err := u.parse(rawURL); err != nil {
		return rueidis.ClientOption{}, Options{}, err
	}
	return u.conf, u.opts, nil
}

// A redisURL is what a URL says.
type redisURL struct {
	scheme string
	conf   rueidis.ClientOption
	opts   Options
	tls    bool
	roots  *x509.CertPool
}

// parse reads a URL by rules of its own, since net/url knows one host and
// repeats the whole text, the password too, in its errors.
func (u *redisURL) parse(rawURL string) error {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	switch scheme {
	case "redis", "rediss", "redis+sentinel", "redis+cluster":
	default:
		ok = false
	}
	if !ok {
		return errors.New("a URL of Redis begins with redis://, rediss://, redis+sentinel:// or redis+cluster://")
	}
	u.scheme = scheme
	u.conf = rueidis.ClientOption{
		// A server that hangs is given up, and its successor asked for.
		Dialer:            net.Dialer{Timeout: 5 * time.Second, KeepAlive: time.Second},
		ConnWriteTimeout:  5 * time.Second,
		ForceSingleClient: scheme == "redis" || scheme == "rediss",
	}
	u.tls = scheme == "rediss"
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	if !strings.Contains(authority, "@") && strings.Contains(path+query, "@") {
		// The rest of a password would be taken for what may be shown.
		return errors.New("an @ after the host: write %2F for a slash and %3F for a question mark in a password, %40 for an @ elsewhere")
	}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		if err := u.setUser(authority[:i]); err != nil {
			return err
		}
		authority = authority[i+1:]
	}
	if err := u.setHosts(authority); err != nil {
		return err
	}
	if err := u.setPath(path); err != nil {
		return err
	}
	if err := u.setQuery(query); err != nil {
		return err
	}
	if u.tls {
		u.conf.TLSConfig = u.newTLS()
	}
	if scheme == "redis+sentinel" {
		u.conf.Sentinel.TLSConfig = u.conf.TLSConfig
		u.conf.Sentinel.Dialer = u.conf.Dialer
		// Should the message that the master is another one be lost.
		u.conf.Sentinel.TopologyRefreshInterval = 5 * time.Second
	}
	return nil
}

func (u *redisURL) setUser(info string) error {
	user, password, _ := strings.Cut(info, ":")
	var errs [2]error
	u.conf.Username, errs[0] = url.PathUnescape(user)
	u.conf.Password, errs[1] = url.PathUnescape(password)
	if errors.Join(errs[:]...) != nil {
		return errors.New("user or password holds a percent sign that is no escape: write %25")
	}
	return nil
}

func (u *redisURL) setHosts(list string) error {
	hosts := strings.Split(list, ",")
	if len(hosts) > 1 && u.conf.ForceSingleClient {
		return fmt.Errorf("%s:// takes one host; there are redis+sentinel:// and redis+cluster://", u.scheme)
	}
	port := "6379"
	if u.scheme == "redis+sentinel" {
		port = "26379"
	}
	for _, host := range hosts {
		addr, err := address(host, port)
		if err != nil {
			return err
		}
		u.conf.InitAddress = append(u.conf.InitAddress, addr)
	}
	return nil
}

// address adds the port to a host that has none.
func address(host, port string) (string, error) {
	if strings.LastIndexByte(host, ':') > strings.LastIndexByte(host, ']') {
		var err error
		if host, port, err = net.SplitHostPort(host); err != nil {
			return "", errors.New("want hosts as host, host:port or [ipv6]:port, with commas between them")
		}
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	n, err := strconv.ParseUint(port, 10, 16)
	if host == "" || strings.ContainsAny(host, "[]% \x00") || err != nil || n == 0 {
		return "", errors.New("want hosts as host, host:port or [ipv6]:port, with commas between them")
	}
	return net.JoinHostPort(host, port), nil
}

// setPath reads the master's name, for Sentinel, and the number of the
// database, where there are several.
func (u *redisURL) setPath(path string) error {
	if u.scheme == "redis+sentinel" {
		name, rest, _ := strings.Cut(path, "/")
		name, err := url.PathUnescape(name)
		if err != nil || name == "" {
			return errors.New("want the master's name in the path, as in redis+sentinel://host:26379/mymaster")
		}
		u.conf.Sentinel.MasterSet, path = name, rest
	}
	if path == "" {
		return nil
	}
	if u.scheme == "redis+cluster" {
		return errors.New("redis+cluster:// takes no path: a cluster has one database")
	}
	n, err := strconv.ParseUint(path, 10, 16)
	if err != nil {
		return errors.New("want the number of a database as the end of the path, as in redis://host:6379/0")
	}
	u.conf.SelectDB = int(n)
	return nil
}

func (u *redisURL) newTLS() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: u.roots}
	if u.conf.ForceSingleClient {
		c.ServerName, _, _ = net.SplitHostPort(u.conf.InitAddress[0])
	}
	return c
}

// readRoots reads the certificates of a file.
func readRoots(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in PEM in %s", path)
	}
	return roots, nil
}
