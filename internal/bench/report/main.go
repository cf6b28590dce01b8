// Command report makes docs/performance.md out of what was measured: it draws
// the plots, prints the tables, and puts them between the comments of the
// document that name them.
//
//	go run ./report ../../docs
//
// What was measured is in the folder performance beside the document: the
// output of go test -bench, and the tables of package network.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: report folder-of-performance.md")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

// sections are the parts of the document that are made here. Each is given the
// folder of the results, draws what it has to draw there, and returns Markdown.
var sections = []struct {
	name string
	make func(dir string) (string, error)
}{
	{"in-process", func(dir string) (string, error) { return inProcess(dir, "in-process", true) }},
	{"in-process-small-heap", func(dir string) (string, error) { return inProcess(dir, "in-process-small-heap", false) }},
	{"scale", scaleTables},
	{"stores", storeTables},
	{"figures", storeFigures},
	{"growth", growthPlots},
}

func run(docs string, out io.Writer) error {
	path := filepath.Join(docs, "performance.md")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	doc := string(text)
	for _, s := range sections {
		made, err := s.make(filepath.Join(docs, "performance"))
		if errors.Is(err, fs.ErrNotExist) {
			continue // was not measured: what is there stays
		}
		if err == nil {
			fmt.Fprintln(out, made)
			doc, err = replace(doc, s.name, made)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return os.WriteFile(path, []byte(doc), 0o644)
}

// replace puts text between the comments <!-- name --> and <!-- /name -->.
func replace(doc, name, text string) (string, error) {
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	before, rest, ok1 := strings.Cut(doc, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return "", fmt.Errorf("the document has no %s … %s", strings.TrimSpace(begin), end)
	}
	return before + begin + "\n" + text + "\n" + end + after, nil
}

// markdown is a table.
func markdown(header []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(header)
	rule := make([]string, len(header))
	for i := range rule {
		rule[i] = "--:"
	}
	rule[0] = "---"
	line(rule)
	for _, r := range rows {
		line(r)
	}
	return b.String()
}

// number prints three digits that count, with thousands apart.
func number(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x < 10:
		return fmt.Sprintf("%.2f", x)
	case x < 100:
		return fmt.Sprintf("%.1f", x)
	}
	unit := 1.0
	for x/unit >= 1000 {
		unit *= 10
	}
	text := fmt.Sprintf("%.0f", math.Round(x/unit)*unit)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
