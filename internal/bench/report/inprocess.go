package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// libraries are the contestants, in the order they are shown.
var libraries = []string{"bare", "limit", "session", "scs", "gorilla"}

// A measured benchmark is all its runs, by unit.
type measured map[string][]float64

// add adds what a line of go test -bench says: numbers, each before its unit.
func (m measured) add(text string) error {
	fields := strings.Fields(text)
	for i := 0; i+1 < len(fields); i += 2 {
		x, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return err
		}
		m[fields[i+1]] = append(m[fields[i+1]], x)
	}
	return nil
}

var benchLine = regexp.MustCompile(`^Benchmark([^/\s]+)/lib=(\w+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// readBenchmarks reads the output of go test -bench, by case and contestant.
func readBenchmarks(path string) (cases []string, by map[string]map[string]measured, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	by = map[string]map[string]measured{}
	for line := range strings.Lines(string(text)) {
		m := benchLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		if by[m[1]] == nil {
			by[m[1]] = map[string]measured{}
			cases = append(cases, m[1])
		}
		if by[m[1]][m[2]] == nil {
			by[m[1]][m[2]] = measured{}
		}
		if err := by[m[1]][m[2]].add(m[3]); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", line, err)
		}
	}
	return cases, by, nil
}

// inProcess is the table of requests without a network, and its plot.
func inProcess(dir, name string, drawn bool) (string, error) {
	cases, by, err := readBenchmarks(filepath.Join(dir, name+".txt"))
	if err != nil {
		return "", err
	}
	var lines [][]string
	lib := map[string]*series{}
	for _, c := range cases {
		of := func(l, unit string) float64 { return median(slices.Clone(by[c][l][unit])) }
		if of("session", "ns/op") == 0 {
			continue // bytes, not time
		}
		line := []string{c}
		for _, l := range libraries {
			cell := "–"
			if ns := of(l, "ns/op"); ns != 0 {
				cell = number(ns)
				if lib[l] == nil {
					lib[l] = &series{name: l}
				}
				lib[l].points = append(lib[l].points, plotter.XY{X: float64(len(lines)), Y: ns})
			}
			line = append(line, cell)
		}
		line = append(line, quotient(of("session", "ns/op"), of("limit", "ns/op")),
			quotient(of("scs", "ns/op"), of("session", "ns/op")),
			fmt.Sprintf("%.0f / %.0f / %.0f", of("limit", "allocs/op"), of("session", "allocs/op"), of("scs", "allocs/op")))
		lines = append(lines, line)
	}
	table := markdown([]string{"ns a request", "bare", "limit", "session", "scs", "gorilla",
		"session / limit", "scs / session", "allocations: limit / session / scs"}, lines)
	if !drawn {
		return table, nil
	}
	p := newPlot("One request, in memory", "ns")
	var all []series
	for _, l := range libraries {
		if lib[l] != nil {
			all = append(all, *lib[l])
		}
	}
	if err := addLines(p, all, false); err != nil {
		return "", err
	}
	var names []string
	for _, l := range lines {
		names = append(names, l[0])
	}
	p.NominalX(names...)
	p.X.Tick.Label.Rotation, p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = 0.5, -0.9, -0.5
	if err := save(filepath.Join(dir, name+".svg"), 18*vg.Centimeter, [][]*plot.Plot{{p}}); err != nil {
		return "", err
	}
	return table + "\n![One request, in memory](performance/" + name + ".svg)\n", nil
}

func quotient(a, b float64) string {
	if a == 0 || b == 0 {
		return "–"
	}
	return number(a/b) + "x"
}
