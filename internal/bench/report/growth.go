package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// axes are the plots: what grows, and what is measured.
var axes = []struct {
	name, title string
	cases       []string
}{
	{"live", "live sessions", []string{"read", "count"}},
	{"size", "bytes of a session", []string{"read", "count"}},
	{"subject", "sessions of the subject", []string{"list", "login", "login-limited", "touch"}},
	{"processes", "processes on one store", []string{"read", "count"}},
}

var growthTitles = map[string]string{
	"read": "read", "count": "write a counter", "list": "List", "login": "Login",
	"login-limited": "Login, MaxSessions set", "touch": "read that writes down the use",
}

var storeTitles = map[string]string{"memory": "memory", "sqlite": "SQLite", "postgres": "PostgreSQL", "redis": "Redis"}

// growthPlots draws a plot of each axis, and returns the figures as a table.
func growthPlots(dir string) (string, error) {
	all, err := readTable(dir, "growth")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, a := range axes {
		on := all.where("axis", a.name)
		var plots [][]*plot.Plot
		var lines [][]string
		for _, c := range a.cases {
			rate, err := panel(growthTitles[c], a.title, "requests a second", lineOf(on.where("case", c), "per_second", 1))
			if err != nil {
				return "", err
			}
			p99, err := panel(growthTitles[c], a.title, "p99, ms", lineOf(on.where("case", c), "p99_us", 1e-3))
			if err != nil {
				return "", err
			}
			plots = append(plots, []*plot.Plot{rate, p99})
			for _, store := range on.values("store") {
				line := []string{growthTitles[c] + ", " + storeTitles[store]}
				for _, at := range on.values("at") {
					these := on.where("case", c, "store", store, "at", at)
					cell := "–"
					if len(these) > 0 {
						cell = number(these.median("per_second")) + " / " + number(these.median("p99_us")/1000)
					}
					line = append(line, cell)
				}
				lines = append(lines, line)
			}
		}
		if err := save(filepath.Join(dir, "growth-"+a.name+".svg"), 11*vg.Centimeter, plots); err != nil {
			return "", err
		}
		header := []string{"requests a second / p99 in ms"}
		for _, at := range on.values("at") {
			x, _ := strconv.ParseFloat(at, 64)
			header = append(header, short(x))
		}
		fmt.Fprintf(&b, "### By %s\n\n![%s](performance/growth-%s.svg)\n\n%s\n", a.title, a.title, a.name, markdown(header, lines))
	}
	return b.String(), nil
}

// lineOf is a line for each store, of medians.
func lineOf(all rows, column string, factor float64) (lines []series) {
	for _, store := range all.values("store") {
		s := series{name: storeTitles[store]}
		of := all.where("store", store)
		for _, at := range of.values("at") {
			x, _ := strconv.ParseFloat(at, 64)
			s.points = append(s.points, plotter.XY{X: x, Y: of.where("at", at).median(column) * factor})
		}
		lines = append(lines, s)
	}
	return lines
}
