package main

import (
	"fmt"
	"io/fs"
	"strings"
)

// stores are the tables of the stores, in the order they are shown, and what the
// floor does there.
var stores = []struct{ name, title, floor string }{
	{"redis", "Redis", "GET, SET"},
	{"postgres", "PostgreSQL", "SELECT, UPDATE"},
	{"sqlite", "SQLite, `synchronous=full`", ""},
	{"sqlite-normal", "SQLite, `synchronous=normal`", ""},
}

var caseTitles = map[string]string{"read": "read", "count": "write"}

func storeTables(dir string) (string, error) {
	var b strings.Builder
	for _, s := range stores {
		all, err := readTable(dir, "stores-"+s.name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "**%s**\n\n", s.title)
		var lines [][]string
		for _, c := range all.values("case") {
			for _, name := range all.values("contestant") {
				these := all.where("case", c, "contestant", name)
				title := name
				if name == "floor" {
					title = "floor: " + s.floor
				}
				asked := these[0]["asked"]
				if name == "no store" {
					asked = "0"
				}
				lines = append(lines, []string{
					caseTitles[c], title, number(these.median("per_second")), asked,
					number(these.median("p50_us") / 1000), number(these.median("p99_us") / 1000),
					number(these.median("cpu_us")), number(these.median("store_cpu_us")),
				})
				if all[0]["store"] == "sqlite" {
					lines[len(lines)-1][7] = "–"
				}
			}
		}
		b.WriteString(markdown([]string{"", "", "requests a second", "asks of the store", "p50, ms", "p99, ms",
			"CPU, µs", "CPU of the server, µs"}, lines))
		b.WriteString("\n")
	}
	return b.String(), nil
}

// A figure is a ratio that is to be reached, of session's to another's.
type figure struct {
	store, what, contestant, of, kase, column string

	least bool // want at least bound, else at most
	bound float64
}

var figures = []figure{
	{"redis", "reads, to a GET a request", "session", "floor", "read", "per_second", true, 0.85},
	{"redis", "writes, to a GET and a SET a request", "session", "floor", "count", "per_second", true, 0.85},
	{"redis", "writes, to scs", "session", "scs", "count", "per_second", true, 1.7},
	{"redis", "p99 of reads, to scs", "session", "scs", "read", "p99_us", false, 0.6},
	{"redis", "p99 of writes, to scs", "session", "scs", "count", "p99_us", false, 0.6},
	{"redis", "reads with client-side caching, to a handler that asks no store", "session cached", "no store", "read", "per_second", true, 0.9},
	{"postgres", "reads, to a SELECT a request", "session", "floor", "read", "per_second", true, 0.85},
	{"postgres", "writes, to scs", "session", "scs", "count", "per_second", true, 1},
	{"sqlite", "reads, to scs with idle timeout", "session", "scs idle", "read", "per_second", true, 3},
	{"sqlite", "writes, to scs", "session", "scs", "count", "per_second", true, 1},
	{"sqlite", "p99 of writes, to scs", "session", "scs", "count", "p99_us", false, 0.5},
	{"sqlite-normal", "reads, to scs with idle timeout", "session", "scs idle", "read", "per_second", true, 3},
	{"sqlite-normal", "writes, to scs", "session", "scs", "count", "per_second", true, 1},
	{"sqlite-normal", "p99 of writes, to scs", "session", "scs", "count", "p99_us", false, 0.5},
}

func storeFigures(dir string) (string, error) {
	var lines [][]string
	for _, s := range stores {
		all, err := readTable(dir, "stores-"+s.name)
		if err != nil {
			return "", err
		}
		for _, f := range figures {
			if f.store != s.name {
				continue
			}
			ratio := medianRatio(all.where("contestant", f.contestant, "case", f.kase),
				all.where("contestant", f.of, "case", f.kase), f.column)
			if ratio == 0 {
				return "", fmt.Errorf("%s on %s: %w", f.what, f.store, fs.ErrNotExist)
			}
			word, met := "at most", ratio <= f.bound
			if f.least {
				word, met = "at least", ratio >= f.bound
			}
			answer := "yes"
			if !met {
				answer = "**no**"
			}
			lines = append(lines, []string{s.title + ": " + f.what, fmt.Sprintf("%s %gx", word, f.bound), fmt.Sprintf("%.2fx", ratio), answer})
		}
	}
	return markdown([]string{"", "wanted", "measured", "reached"}, lines), nil
}
