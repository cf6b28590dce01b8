package testserver

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"syscall"
)

// Postgres is the PostgreSQL server. It wants an operating system user who is
// not root. A connection by TCP is the user postgres without a password.
var Postgres = Program{
	Name:    "PostgreSQL",
	Paths:   []string{"postgres", "/usr/lib/postgresql/*/bin/postgres"},
	Package: "postgresql",
	User:    "postgres",
	Stop:    syscall.SIGINT, // end now rather than when the last client has gone

	Init: func(s *Server) error {
		cmd, err := s.Command(s.beside("initdb"), "--pgdata", s.Dir, "--username=postgres", "--auth=trust",
			"--encoding=UTF8", "--locale=C", "--no-sync")
		if err != nil {
			return err
		}
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("testserver: initdb: %w\n%s", err, s.log.tail(4000))
		}
		return nil
	},
	Args: func(s *Server) []string {
		args := []string{"-D", s.Dir, "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-k", s.Dir}
		for _, setting := range []string{
			"max_connections=200",
			"fsync=off", // servers die here, and machines do not
			"shared_buffers=32MB",
			"autovacuum=off", // what a statement did is counted, and nobody else's work
			"timezone=Pacific/Kiritimati",
			"log_timezone=UTC",
			"track_counts=on",
		} {
			args = append(args, "-c", setting)
		}
		return args
	},
	Ready: func(ctx context.Context, s *Server) error {
		cmd, err := s.Command(s.beside("pg_isready"), "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port))
		if err != nil {
			return err
		}
		return cmd.Run()
	},
}

// beside returns the path of a program that is installed beside the server,
// where that is and not where a link to it is.
func (s *Server) beside(name string) string {
	path, err := filepath.EvalSymlinks(s.path)
	if err != nil {
		path = s.path
	}
	return filepath.Join(filepath.Dir(path), name)
}
