package testserver

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
)

// MariaDB is the MariaDB server. A connection by TCP from this machine is the
// user root without a password, and finds an empty database, test.
var MariaDB = Program{
	Name:    "MariaDB",
	Paths:   []string{"mariadbd", "/usr/sbin/mariadbd", "/usr/libexec/mariadbd"},
	Package: "mariadb-server",
	User:    "mysql",

	Init: func(s *Server) error {
		cmd, err := s.Command("mariadb-install-db", "--no-defaults", "--datadir="+s.data(),
			"--auth-root-authentication-method=normal", "--skip-name-resolve")
		if err != nil {
			return err
		}
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("testserver: mariadb-install-db: %w\n%s", err, s.log.tail(4000))
		}
		return nil
	},
	Args: func(s *Server) []string {
		return []string{
			"--no-defaults",
			"--datadir=" + s.data(),
			"--bind-address=127.0.0.1",
			"--port=" + strconv.Itoa(s.Port),
			"--socket=" + filepath.Join(s.Dir, "mariadb.sock"),
			"--pid-file=" + filepath.Join(s.Dir, "mariadb.pid"),
			"--skip-name-resolve",
			"--max-connections=300",
			"--innodb-buffer-pool-size=64M",
			"--innodb-flush-log-at-trx-commit=2", // servers die here, and machines do not
			"--default-time-zone=-12:00",
			// As it is by default elsewhere: text is compared without its case.
			"--character-set-server=utf8mb4",
			"--collation-server=utf8mb4_general_ci",
		}
	},
	// It greets who connects once it serves.
	Ready: func(ctx context.Context, s *Server) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr())
		if err != nil {
			return err
		}
		defer conn.Close()
		if deadline, ok := ctx.Deadline(); ok {
			conn.SetDeadline(deadline)
		}
		_, err = conn.Read(make([]byte, 1))
		return err
	},
}

// data is a folder below the server's, as mariadb-install-db makes it.
func (s *Server) data() string { return filepath.Join(s.Dir, "data") }
