package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// A row is one measurement, by the names of its columns.
type row map[string]string

func (r row) number(name string) float64 {
	x, err := strconv.ParseFloat(r[name], 64)
	if err != nil {
		panic(fmt.Sprintf("%s is %q in %v", name, r[name], r))
	}
	return x
}

func (r row) is(pairs ...string) bool {
	for i := 0; i < len(pairs); i += 2 {
		if r[pairs[i]] != pairs[i+1] {
			return false
		}
	}
	return true
}

type rows []row

func readTable(dir, name string) (rows, error) {
	f, err := os.Open(filepath.Join(dir, name+".csv"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var all rows
	for i, line := range lines {
		if i == 0 {
			continue
		}
		r := row{}
		for j, name := range lines[0] {
			r[name] = line[j]
		}
		all = append(all, r)
	}
	return all, nil
}

// where are the rows that have these values.
func (rs rows) where(pairs ...string) (some rows) {
	for _, r := range rs {
		if r.is(pairs...) {
			some = append(some, r)
		}
	}
	return some
}

// values are those of a column, each once, in the order they come.
func (rs rows) values(name string) (all []string) {
	for _, r := range rs {
		if !slices.Contains(all, r[name]) {
			all = append(all, r[name])
		}
	}
	return all
}

// median is that of a column.
func (rs rows) median(name string) float64 {
	var all []float64
	for _, r := range rs {
		all = append(all, r.number(name))
	}
	return median(all)
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2
}

// medianRatio is the median, over the rounds, of a column's quotient: what else
// the machine did in a round came over both.
func medianRatio(a, b rows, name string) float64 {
	var all []float64
	for _, r := range a {
		for _, other := range b.where("round", r["round"]) {
			if x := other.number(name); x != 0 {
				all = append(all, r.number(name)/x)
			}
		}
	}
	return median(all)
}
