package testserver

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// run starts the program, and returns once it answers. One that ends before is
// started again: what it was before may not have let go of the port yet.
func (s *Server) run() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for attempt := 1; ; attempt++ {
		exited, err := s.exec()
		if err != nil {
			return err
		}
		if s.answers(ctx, exited) {
			return nil
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil || attempt == startAttempts {
			return fmt.Errorf("testserver: %s does not answer\n%s", s.program.Name, s.log.tail(4000))
		}
	}
}

// exec starts the program, and returns a channel that is closed when it ends.
func (s *Server) exec() (<-chan struct{}, error) {
	cmd, err := s.Command(s.path, s.program.Args(s)...)
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd, s.exited, s.frozen = cmd, exited, false
	return exited, nil
}

// answers tells whether the server came to answer, rather than to its end.
func (s *Server) answers(ctx context.Context, exited <-chan struct{}) bool {
	for {
		once, cancel := context.WithTimeout(ctx, time.Second)
		err := s.ready(once)
		cancel()
		select {
		case <-exited:
			return false // who answered was another
		default:
		}
		if err == nil {
			return true
		}
		if pause(ctx, 20*time.Millisecond) != nil {
			return false
		}
	}
}

func (s *Server) ready(ctx context.Context) error {
	if s.program.Ready != nil {
		return s.program.Ready(ctx, s)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr())
	if err == nil {
		conn.Close()
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Kill ends the server and its children at once, as a power failure would.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Freeze stops the server and its children where they are: connections stay
// open, and nobody answers.
func (s *Server) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = true
	s.signal(syscall.SIGSTOP)
	// A thread that runs stops a little later, and may answer until then.
	ctx, cancel := context.WithTimeout(context.Background(), freezeLimit)
	defer cancel()
	for !s.stopped() && pause(ctx, time.Millisecond) == nil {
	}
}

const freezeLimit = 2 * time.Second

// Thaw has a frozen server go on.
func (s *Server) Thaw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.thawLocked()
}

func (s *Server) thawLocked() {
	if s.frozen {
		s.frozen = false
		s.signal(syscall.SIGCONT)
	}
}

// Restart starts a server that was killed, over the same data and on the same
// port. One that runs is killed.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
}

// Shutdown ends the server in order. Its data stays, for Restart.
func (s *Server) Shutdown() {
	stop := s.program.Stop
	if stop == 0 {
		stop = syscall.SIGTERM
	}
	s.end(stop)
}

// Stop ends the server, and removes its folder.
func (s *Server) Stop() {
	s.Shutdown()
	os.RemoveAll(s.Dir)
}

// end sends a signal that ends the server, and waits for that.
func (s *Server) end(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	s.thawLocked()
	if sig == syscall.SIGKILL {
		s.signal(sig)
	} else {
		s.cmd.Process.Signal(sig)
	}
	select {
	case <-s.exited:
	case <-time.After(20 * time.Second):
		s.signal(syscall.SIGKILL)
		<-s.exited
	}
}

// signal sends a signal to the server and its children, if it runs.
func (s *Server) signal(sig syscall.Signal) {
	for _, pid := range s.family() {
		syscall.Kill(pid, sig)
	}
}

// stopped tells whether each thread of the server and its children has stopped,
// as far as there is a /proc to tell.
func (s *Server) stopped() bool {
	for _, pid := range s.family() {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*/stat", pid))
		for _, path := range threads {
			if state, _, ok := readStat(path); ok && !strings.Contains("TtZX", state) {
				return false
			}
		}
	}
	return true
}

// family returns the numbers of the server and its children, none if it does not
// run.
func (s *Server) family() (pids []int) {
	if s.cmd == nil {
		return nil
	}
	select {
	case <-s.exited:
		return nil // its number may be another's by now
	default:
	}
	of := children()
	pids = []int{s.cmd.Process.Pid}
	for i := 0; i < len(pids); i++ {
		pids = append(pids, of[pids[i]]...)
	}
	return pids
}

// children returns who is whose child, as far as there is a /proc to tell.
func children() map[int][]int {
	of := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		if _, parent, ok := readStat(path); ok {
			of[parent] = append(of[parent], pid)
		}
	}
	return of
}

// readStat reads the state and the parent of a process or thread. It is not ok
// for one that has ended.
func readStat(path string) (state string, parent int, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", 0, false
	}
	// pid (name) state ppid, and the name may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 2 {
		return "", 0, false
	}
	parent, err = strconv.Atoi(fields[1])
	return fields[0], parent, err == nil
}
