package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestKill kills the program in the middle of everything, and finds the session
// as it was when it is started again.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "shop.exe")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	first := start(t, program, dir)
	b := site{first.url, http.DefaultTransport}.browser(t)
	b.signUp("Ada")
	b.post("/cart/add", "product", "kettle")
	b.want(b.post("/cart/add", "product", "kettle"), 200, items("2"))
	if err := first.cmd.Process.Kill(); err != nil { // kill -9
		t.Fatal(err)
	}
	if err := first.wait(t); err == nil {
		t.Fatal("the program did not notice that it was killed")
	}

	second := start(t, program, dir)
	b.url = second.url // cookies do not care for the port
	b.want(b.get("/account"), 200, "ada@example.com")
	b.want(b.get("/cart"), 200, items("2"), "€138.00")

	if runtime.GOOS == "windows" {
		return // which has no such signal
	}
	if err := second.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := second.wait(t); err != nil {
		t.Fatalf("after an interrupt: %v", err)
	}
}

// A process is the shop as a program of its own.
type process struct {
	cmd  *exec.Cmd
	url  string
	done chan error
}

// deadline is how long a process may take for anything.
const deadline = 30 * time.Second

func start(t *testing.T, program, dir string) *process {
	p := &process{
		// The Go cookie jar sends Secure cookies over HTTPS alone.
		cmd:  exec.Command(program, "-addr", "127.0.0.1:0", "-insecure"),
		done: make(chan error, 1),
	}
	p.cmd.Dir = dir
	out, in := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = in, t.Output()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill() }) // an error says that it has ended
	go func() {
		err := p.cmd.Wait()
		in.Close()
		p.done <- err
	}()
	line := make(chan string, 1)
	go func() {
		s, _ := bufio.NewReader(out).ReadString('\n')
		line <- s
		io.Copy(io.Discard, out)
	}()
	select {
	case s := <-line:
		url, ok := strings.CutPrefix(strings.TrimSpace(s), "Open ")
		if !ok {
			t.Fatalf("the program says %q", s)
		}
		p.url = url
	case <-time.After(deadline):
		t.Fatal("the program says nothing")
	}
	return p
}

func (p *process) wait(t *testing.T) error {
	select {
	case err := <-p.done:
		return err
	case <-time.After(deadline):
		t.Fatal("the program does not end")
		return nil
	}
}

func TestRunErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	free := []string{"-addr", "127.0.0.1:0", "-users", filepath.Join(dir, "shop.db")}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"port in use", []string{"-addr", taken.Addr().String()}, "choose another address with -addr"},
		{"unknown store", append(free, "-store", "floppy:a"), `unknown store "floppy"`},
		{"no such folder", append(free, "-users", filepath.Join(dir, "none", "shop.db")), "open users in"},
		{"argument", []string{"start"}, `unexpected argument "start"`},
	}
	for _, tt := range tests {
		err := run(t.Context(), tt.args, io.Discard)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, append(free, "-store", "memory:"), io.Discard); err != nil {
		t.Errorf("with memory: %v", err)
	}
}
