package integration

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

var diskTarget = target{"sqlite", func(t *testing.T) (func(t *testing.T) store.Store, []fault) {
	disk := smallDisk(t)
	filler, path := filepath.Join(disk, "filler"), filepath.Join(disk, "app.db")
	return opener("sqlite:" + path), []fault{{
		name: "the disk is full",
		inject: func(t *testing.T) {
			emptyLog(t, path) // there is room for writes in it
			fillDisk(t, filler)
		},
		heal: func(t *testing.T) {
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
		},
	}}
}}

// smallDisk returns a folder on a file system of its own, of 8 MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	mount := exec.Command("mount", "-t", "tmpfs", "-o", "size=8m", "none", folder)
	if out, err := mount.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("mount: %v %s", err, out)
		}
		t.Skipf("SKIPPED: a small file system takes Linux and root: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", folder).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return folder
}

// emptyLog has the write-ahead log of a database begin again with no bytes.
func emptyLog(t *testing.T, path string) {
	t.Helper()
	db := openDB(t, path)
	defer db.Close()
	pollFor(t, "the log is emptied", faultLimit, func() bool {
		var busy, a, b int
		err := db.QueryRow("PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &a, &b)
		return err == nil && busy == 0
	})
}

// fillDisk writes a file until no byte more fits.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 16; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("the disk is to be filled: %v", err)
		}
	}
}

// An application that is killed, and started again over the same file, has all
// that it acknowledged.
func TestFaultApplicationKilled(t *testing.T) {
	if url := os.Getenv(childURL); url != "" {
		a := newFaultApp(t, openStore(t, url))
		fmt.Println("serving", a.server.URL)
		io.Copy(io.Discard, os.Stdin) // until the parent is gone
		return
	}
	url := "sqlite:" + filepath.Join(t.TempDir(), "app.db")
	l := newRemoteLoad(t)
	l.breaks = true
	kill := [2]func(){}
	begin := func() {
		for i := range kill {
			var at string
			at, kill[i] = startApp(t, url)
			l.at(i, at)
		}
	}
	begin()
	l.start()
	_, steps := faultSize()
	for range 3 {
		l.eachSucceeds(steps)
		for i := range kill {
			kill[i]()
		}
		l.eachFails()
		begin()
		began := time.Now()
		l.eachSucceeds(1)
		l.verdict.recovery = max(l.verdict.recovery, time.Since(began))
	}
	l.end()
	for i := range kill {
		kill[i]()
	}
	v := l.judge(openStore(t, url))
	t.Logf("%s: %d requests, %d without an answer: %v", t.Name(), l.requests.Load(), l.noAnswers.Load(), v)
	v.check(t, false)
	if l.noAnswers.Load() == 0 {
		t.Error("the fault was not felt")
	}
}

// startApp runs the application in another process. It returns its address, and
// what kills it.
func startApp(t *testing.T, url string) (at string, kill func()) {
	t.Helper()
	at, cmd, in := serving(t, url)
	return at, func() {
		cmd.Process.Kill()
		in.Close()
		cmd.Wait()
	}
}
