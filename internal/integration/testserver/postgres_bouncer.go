package testserver

import (
	"fmt"
	"os"
	"path/filepath"
)

// PgBouncerPool is how many connections the pooler has to its server.
const PgBouncerPool = 4

// PgBouncer is a pooler in front of the PostgreSQL server at an address, in
// transaction mode: a client has another connection in each transaction, and
// nothing that was prepared is known there.
func PgBouncer(host string, port int) Program {
	return Program{
		Name:    "PgBouncer",
		Paths:   []string{"pgbouncer", "/usr/sbin/pgbouncer"},
		Package: "pgbouncer",
		User:    "postgres",
		Init: func(s *Server) error {
			return os.WriteFile(filepath.Join(s.Dir, "pgbouncer.ini"), fmt.Appendf(nil, `[databases]
* = host=%s port=%d user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = %d
ignore_startup_parameters = extra_float_digits
`, host, port, s.Port, PgBouncerPool), 0o644)
		},
		Args: func(s *Server) []string { return []string{filepath.Join(s.Dir, "pgbouncer.ini")} },
	}
}
