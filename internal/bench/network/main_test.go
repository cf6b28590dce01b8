package network

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof" // at /debug/pprof/ of a contestant that is being looked into
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/bench/load"
	"github.com/b4468f51/session/internal/integration/testserver"
)

// roleVar names the part that this process plays; in none it is the tests.
const roleVar = "SESSION_BENCH_ROLE"

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(roleVar) {
	case "":
		os.Exit(testserver.Main(m))
	case "serve":
		err = serve()
	case "load":
		err = send()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A serverSpec says what a server process serves.
type serverSpec struct {
	Contestant string
	URL        string // of the store
	Sessions   config // of the session contestants
	Count      bool   // the statements that SQLite is given
	Ballast    bool
}

// A server is a process that serves HTTP for one contestant.
type server struct {
	addr string
	pid  int
	stop func() // may be called again
}

// startServer starts a server, which ends with the test if not before.
func startServer(tb testing.TB, spec serverSpec) *server {
	tb.Helper()
	cmd := role(tb, "serve")
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		in.Close() // the end of its input is the end of the process
		if err := cmd.Wait(); err != nil {
			tb.Errorf("server of %s: %v", spec.Contestant, err)
		}
	})
	tb.Cleanup(stop)
	if err := json.NewEncoder(in).Encode(spec); err != nil {
		tb.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		tb.Fatalf("server of %s on %s: %v", spec.Contestant, spec.URL, err)
	}
	return &server{strings.TrimSpace(line), cmd.Process.Pid, stop}
}

// serve is a server process.
func serve() error {
	in := json.NewDecoder(os.Stdin)
	var spec serverSpec
	if err := in.Decode(&spec); err != nil {
		return err
	}
	open, ok := contestants[spec.Contestant]
	if !ok {
		return fmt.Errorf("no contestant %q", spec.Contestant)
	}
	var held [][]byte
	if spec.Ballast {
		held = ballast()
	}
	defer runtime.KeepAlive(held)
	mux := http.NewServeMux()
	if spec.Count {
		countStatements(mux)
	}
	app, err := open(spec)
	if err != nil {
		return err
	}
	app.routes(mux)
	mux.Handle("/debug/pprof/", http.DefaultServeMux)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go srv.Serve(l)
	fmt.Println(l.Addr())
	in.Decode(&spec) // until there is no more input
	srv.Close()
	return app.close()
}

// ballast is memory that stays alive. A server that has sessions worth measuring
// has other things in memory too; with a heap of a few MiB the collector would
// run all the time. As much again is written to and dropped, the room for
// garbage between two collections: else the first requests pay the system for it.
func ballast() [][]byte {
	const pieces, size, page = 128, 1 << 20, 4 << 10
	all := make([][]byte, 2*pieces)
	for i := range all {
		all[i] = make([]byte, size)
		for j := 0; j < size; j += page {
			all[i][j] = 1
		}
	}
	return slices.Clone(all[:pieces])
}

// sendLoad has a process send requests.
func sendLoad(tb testing.TB, spec load.Spec) load.Result {
	tb.Helper()
	cmd := role(tb, "load")
	text, err := json.Marshal(spec)
	if err != nil {
		tb.Fatal(err)
	}
	cmd.Stdin = strings.NewReader(string(text))
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("load on %s: %v", spec.Path, err)
	}
	var r load.Result
	if err := json.Unmarshal(out, &r); err != nil {
		tb.Fatal(err)
	}
	return r
}

// send is a load process.
func send() error {
	var spec load.Spec
	if err := json.NewDecoder(os.Stdin).Decode(&spec); err != nil {
		return err
	}
	r, err := load.Run(spec)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// role returns the command that runs this binary in another role.
func role(tb testing.TB, name string) *exec.Cmd {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(self)
	// The race detector would have each process wait a second before it ends.
	cmd.Env = append(os.Environ(), roleVar+"="+name, "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	cmd.Stderr = os.Stderr
	return cmd
}
