package integration

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

// A test that needs another process runs itself there, by its name, with the
// URL of the store to use in this variable.
const childURL = "SESSION_INTEGRATION_URL"

// child returns a command that runs the calling test in another process.
func child(t *testing.T, ctx context.Context, url string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
	cmd.Env = append(os.Environ(), childURL+"="+url)
	cmd.Stderr = os.Stderr
	return cmd
}

// serving starts a child that prints "serving" and its address, and serves until in
// is closed.
func serving(t *testing.T, url string) (site string, cmd *exec.Cmd, in io.Closer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute) // t.Context ends before the process is stopped
	t.Cleanup(cancel)
	cmd = child(t, ctx, url)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if site, ok := strings.CutPrefix(lines.Text(), "serving "); ok {
			go io.Copy(io.Discard, out)
			return site, cmd, in
		}
	}
	t.Fatal("the process serves nothing")
	return "", nil, nil
}

// Every write that was acknowledged before the process is killed is there.
func TestSQLiteSurvivesKill(t *testing.T) {
	if url := os.Getenv(childURL); url != "" {
		writeForEver(t, url)
		return
	}
	for _, synchronous := range []string{"full", "normal"} {
		for round := range 3 {
			url := "sqlite:" + filepath.Join(t.TempDir(), "app.db") + "?synchronous=" + synchronous
			acknowledged := writeAndKill(t, url, 20+30*round)
			s := openStore(t, url)
			for id, version := range acknowledged {
				// The one that was not acknowledged any more may be there too.
				if got, err := s.Load(t.Context(), id); err != nil || got.Version < version {
					t.Errorf("%s: version %d, %v; acknowledged was %d", url, got.Version, err, version)
				}
			}
			t.Logf("synchronous=%s: %d records", synchronous, len(acknowledged))
		}
	}
}

// writeForEver counts up the versions of records, and prints each once it is
// acknowledged.
func writeForEver(t *testing.T, url string) {
	s := openStore(t, url)
	for {
		r := newRecord(2000)
		r.Version = 1
		err := s.Create(t.Context(), r)
		for ; err == nil && r.Version <= 3; r.Version++ {
			fmt.Printf("acknowledged %v %d\n", r.ID, r.Version)
			n := r
			n.Version++
			err = s.Save(t.Context(), n, r.Version)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// writeAndKill runs writeForEver in a process, which it kills after so many
// acknowledgments. It returns the last of each record.
func writeAndKill(t *testing.T, url string, after int) map[store.ID]uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := child(t, ctx, url)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := map[store.ID]uint64{}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); {
		var text string
		var version uint64
		if _, err := fmt.Sscanf(lines.Text(), "acknowledged %s %d", &text, &version); err != nil {
			continue
		}
		id, err := store.ParseID(text)
		if err != nil {
			continue // the line was cut off
		}
		acknowledged[id] = version
		// What it still prints until it dies counts as well.
		if n++; n == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || ctx.Err() != nil {
		t.Fatalf("the process ended with %v, want it killed", err)
	}
	if len(acknowledged) == 0 {
		t.Fatal("nothing was acknowledged")
	}
	return acknowledged
}

// Processes that start at once on a new file, and write, get along.
func TestSQLiteProcesses(t *testing.T) {
	const processes, records = 10, 20
	if url := os.Getenv(childURL); url != "" {
		s := openStore(t, url)
		for range records {
			if err := s.Create(t.Context(), newRecord(100)); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	path := filepath.Join(t.TempDir(), "app.db")
	var wg sync.WaitGroup
	for range processes {
		wg.Go(func() {
			out, err := child(t, t.Context(), "sqlite:"+path).Output()
			if err != nil {
				t.Errorf("%v\n%s", err, strings.TrimSpace(string(out)))
			}
		})
	}
	wg.Wait()
	found, err := collect(store.List(t.Context(), openStore(t, "sqlite:"+path), "alice"))
	if err != nil || len(found) != processes*records {
		t.Errorf("List = %d records, %v; want %d", len(found), err, processes*records)
	}
}
