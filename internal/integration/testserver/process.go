// Package testserver runs servers that belong to one test binary: each on a
// port of its own of the loopback interface, in a temporary folder, gone when
// the tests are.
package testserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// startLimit is how long a server may take until it answers.
	startLimit = time.Minute

	// startAttempts is how often it may end instead.
	startAttempts = 20
)

// A Program is a server that can be run.
type Program struct {
	Name    string   // as in messages: PostgreSQL
	Paths   []string // where the program is: names for $PATH, or patterns of paths; the last match is taken
	Package string   // the Debian package that has it
	User    string   // whom to run it as where the tests are root's; "" for root

	// Init fills a new folder; nil for nothing to do. Commands that it runs
	// it gets from Server.Command.
	Init func(s *Server) error

	// Args are the arguments that have the server stay in the foreground, keep
	// its data in s.Dir, and listen on s.Port of 127.0.0.1 alone.
	Args func(s *Server) []string

	// Ready returns nil once the server answers; nil for whether it accepts a
	// connection.
	Ready func(ctx context.Context, s *Server) error

	// Stop is the signal that ends the server in order. The default is SIGTERM.
	Stop syscall.Signal
}

// A Server is a program that runs, or did.
type Server struct {
	Dir  string // its data, removed by Stop
	Port int

	program Program
	path    string
	log     lockedBuffer

	mu     sync.Mutex
	cmd    *exec.Cmd     // the latest
	exited chan struct{} // closed when it has
	frozen bool
}

// Start starts a server that is stopped when the test ends. A test that fails
// logs the server's output. Where the program is not installed, the test is
// skipped, or fails if the environment has CI=true.
func Start(t testing.TB, p Program) *Server {
	t.Helper()
	s, err := launch(p)
	missing(t, err)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	s.LogOnFailure(t)
	return s
}

// missing skips a test whose program is not installed.
func missing(t testing.TB, err error) {
	t.Helper()
	if _, ok := errors.AsType[errMissing](err); ok && os.Getenv("CI") != "true" {
		t.Skip("SKIPPED: ", err)
	}
}

// An errMissing says which program is not installed.
type errMissing struct{ Program }

func (e errMissing) Error() string {
	return fmt.Sprintf("testserver: %s is not installed: run make deps, or install the Debian package %s", e.Name, e.Package)
}

func launch(p Program) (*Server, error) {
	path, err := find(p)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "testserver-")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, program: p, path: path}
	if err := s.prepare(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if err := s.run(); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// find returns the path of a program.
func find(p Program) (string, error) {
	for _, pattern := range p.Paths {
		if !filepath.IsAbs(pattern) {
			if path, err := exec.LookPath(pattern); err == nil {
				return path, nil
			}
			continue
		}
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1], nil
		}
	}
	return "", errMissing{p}
}

// prepare fills the folder, and chooses the port.
func (s *Server) prepare() error {
	if cred, err := s.credential(); err != nil {
		return err
	} else if cred != nil {
		if err := os.Chown(s.Dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return err
		}
	}
	var err error
	if s.Port, err = FreePort(); err != nil {
		return err
	}
	if s.program.Init == nil {
		return nil
	}
	return s.program.Init(s)
}

// FreePort returns a port of the loopback interface that nobody listens on. Whoever stops listening
// can have it again later: it is none of those that systems give to whoever asks for any (from 32768
// on Linux, from 49152 elsewhere).
func FreePort() (int, error) {
	for range 100 {
		port := 20000 + rand.IntN(12000)
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no port is free from 20000 to 32000")
}

// credential is whom the server runs as; nil for the same user as the tests.
func (s *Server) credential() (*syscall.Credential, error) {
	if s.program.User == "" || os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(s.program.User)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}

// Command returns a command in the server's folder, as the server's user. Its
// output goes to the server's log.
func (s *Server) Command(path string, args ...string) (*exec.Cmd, error) {
	cred, err := s.credential()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = s.Dir
	cmd.Env = append(os.Environ(), "HOME="+s.Dir, "LC_ALL=C")
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	cmd.SysProcAttr = attributes(cred)
	return cmd, nil
}

// PID returns the process that runs now, or ran last.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cmd.Process.Pid
}

// Addr is where the server listens.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// LogOnFailure has the server's output from now on logged when a test fails.
func (s *Server) LogOnFailure(t testing.TB) {
	before := s.log.len()
	t.Cleanup(func() {
		if n := s.log.len() - before; t.Failed() && n > 0 {
			t.Logf("the end of what %s wrote:\n%s", s.program.Name, s.log.tail(min(n, 4000)))
		}
	})
}

// A lockedBuffer is a log that is written while it is read.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Len()
}

func (b *lockedBuffer) tail(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.buf.Bytes()
	return string(text[max(0, len(text)-n):])
}
