package testserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Redis returns the Redis server, under a name that tells it from others of
// the test binary, with more settings: "--maxmemory", "10mb". Every write is on
// the disk before it is acknowledged, unless the settings say otherwise.
func Redis(name string, settings ...string) Program {
	return Program{
		Name:    name,
		Paths:   []string{"redis-server", "valkey-server"},
		Package: "redis-server",
		Args: func(s *Server) []string {
			return append([]string{
				"--port", strconv.Itoa(s.Port), "--bind", "127.0.0.1", "--dir", s.Dir,
				"--save", "", "--appendonly", "yes", "--appendfsync", "always",
				"--repl-diskless-sync-delay", "0",
			}, settings...)
		},
		Ready: redisReady,
	}
}

// RedisTLS returns a server that speaks TLS alone, with the certificate and
// key of these files.
func RedisTLS(name, cert, key string, settings ...string) Program {
	p := Redis(name)
	plain := p.Args
	p.Args = func(s *Server) []string {
		return append(plain(s), append([]string{
			"--port", "0", "--tls-port", strconv.Itoa(s.Port), "--tls-auth-clients", "no",
			"--tls-cert-file", cert, "--tls-key-file", key,
		}, settings...)...)
	}
	p.Ready = nil
	return p
}

// redisReady asks the server in its own protocol. One that wants a password
// answers as well.
func redisReady(ctx context.Context, s *Server) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	fmt.Fprint(conn, "PING\r\n")
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(answer, "+PONG") && !strings.HasPrefix(answer, "-NOAUTH") {
		err = errors.New(answer)
	}
	return err
}
