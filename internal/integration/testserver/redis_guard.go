package testserver

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// A RedisGuard has every server of a group speak TLS alone, with others of the
// group too, and know its users. A nil *RedisGuard lets everybody in.
type RedisGuard struct {
	Cert, Key string // files in PEM; the certificate vouches for itself
	Password  string // of the default user, who may do everything

	// More users, as ACL SETUSER has them: of the nodes, and of the sentinels.
	Users, SentinelUsers []string
}

// settings are the lines of a settings' file that make a server a guarded one.
func (g *RedisGuard) settings(s *Server) []string {
	if g == nil {
		return nil
	}
	return []string{
		"port 0",
		"tls-port " + strconv.Itoa(s.Port),
		"tls-cert-file " + g.Cert,
		"tls-key-file " + g.Key,
		"tls-ca-cert-file " + g.Cert,
		"tls-auth-clients no",
		"tls-replication yes",
		"requirepass " + g.Password,
	}
}

// nodeSettings are those of a node, which is a replica at times.
func (g *RedisGuard) nodeSettings(s *Server) []string {
	if g == nil {
		return nil
	}
	return append(g.settings(s), append([]string{"masterauth " + g.Password}, users(g.Users)...)...)
}

// sentinelSettings are those of a sentinel, who asks nodes and other sentinels.
func (g *RedisGuard) sentinelSettings(s *Server) []string {
	if g == nil {
		return nil
	}
	return append(g.settings(s), append([]string{
		"sentinel sentinel-pass " + g.Password,
		"sentinel auth-pass mymaster " + g.Password,
	}, users(g.SentinelUsers)...)...)
}

func users(rules []string) (lines []string) {
	for _, rule := range rules {
		lines = append(lines, "user "+rule)
	}
	return lines
}

// guarded returns a node behind a guard.
func guarded(p Program, g *RedisGuard) Program {
	plain := p.Args
	p.Args = func(s *Server) []string {
		args := plain(s)
		for _, line := range g.nodeSettings(s) {
			words := strings.Fields(line)
			args = append(append(args, "--"+words[0]), words[1:]...)
		}
		return args
	}
	if g != nil {
		p.Ready = nil // it speaks TLS
	}
	return p
}

// cliArgs are what redis-cli needs to come in.
func (g *RedisGuard) cliArgs() []string {
	if g == nil {
		return nil
	}
	return []string{"--tls", "--cacert", g.Cert, "-a", g.Password, "--no-auth-warning"}
}

// client returns a client of one server of the group.
func (g *RedisGuard) client(addr string) (rueidis.Client, error) {
	if g == nil {
		return RedisClient(addr)
	}
	pem, err := os.ReadFile(g.Cert)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr}, ForceSingleClient: true, DisableCache: true,
		Password: g.Password, TLSConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	})
}
