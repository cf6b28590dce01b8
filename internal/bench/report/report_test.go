package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A document is made of results of all kinds, and made again it is the same.
func TestRun(t *testing.T) {
	docs := t.TempDir()
	dir := filepath.Join(docs, "performance")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	doc := "before\n"
	for _, s := range sections {
		doc += fmt.Sprintf("<!-- %s -->\nold\n<!-- /%s -->\n", s.name, s.name)
	}
	write(filepath.Join(docs, "performance.md"), doc+"after\n")

	var bench strings.Builder
	for _, l := range []string{"limit", "session", "scs"} {
		for i := range 3 {
			fmt.Fprintf(&bench, "BenchmarkRead/lib=%s-2 1000 %d ns/op 10 B/op 2 allocs/op\n", l, 100+100*len(l)+i)
		}
	}
	write(filepath.Join(dir, "in-process.txt"), bench.String())

	for _, s := range stores {
		text := "store,contestant,case,round,per_second,p50_us,p99_us,cpu_us,store_cpu_us,asked\n"
		for i, name := range []string{"session", "session cached", "scs", "scs idle", "floor", "no store"} {
			for _, c := range []string{"read", "count"} {
				for round := range 2 {
					text += fmt.Sprintf("%s,%s,%s,%d,%d,100.5,200.5,10.0,1.0,1.0\n", s.name, name, c, round, 1000+100*i)
				}
			}
		}
		write(filepath.Join(dir, "stores-"+s.name+".csv"), text)
	}

	text := "axis,at,store,case,round,per_second,p99_us\n"
	for _, a := range axes {
		for _, c := range a.cases {
			for _, at := range []int{1, 10} {
				text += fmt.Sprintf("%s,%d,memory,%s,0,%d,100\n", a.name, at, c, 1000*at)
			}
		}
	}
	write(filepath.Join(dir, "growth.csv"), text)

	var last string
	for range 2 {
		if err := run(docs, io.Discard); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(docs, "performance.md"))
		if err != nil {
			t.Fatal(err)
		}
		if last != "" && last != string(got) {
			t.Errorf("the second document differs:\n%s\nafter\n%s", got, last)
		}
		last = string(got)
	}
	for _, want := range []string{
		"before\n", "after\n", "session / limit", "0.71x", "reads, to a GET a request", "By live sessions",
		"<!-- in-process-small-heap -->\nold\n", // was not measured
	} {
		if !strings.Contains(last, want) {
			t.Errorf("the document has no %q:\n%s", want, last)
		}
	}
	for _, name := range []string{"in-process.svg", "growth-live.svg", "growth-size.svg", "growth-subject.svg", "growth-processes.svg"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(data), "<svg") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 1234: "1,230", 1234567: "1,230,000", 99995: "100,000"} {
		if got := number(x); got != want {
			t.Errorf("number(%v) = %s, want %s", x, got, want)
		}
	}
}
