package network

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The settings of a measurement are environment variables of this prefix.
const settingPrefix = "SESSION_BENCH_"

// setting is a number from the environment.
func setting(tb testing.TB, name string, def int) int {
	tb.Helper()
	text := os.Getenv(settingPrefix + name)
	if text == "" {
		return def
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		tb.Fatalf("%s%s is %q, want a positive number", settingPrefix, name, text)
	}
	return n
}

// A table is what was measured, one row after the other. It is printed as it
// grows, and kept in a file where SESSION_BENCH_OUT names a folder.
type table struct {
	path   string
	header []string
	rows   [][]string
}

func newTable(tb testing.TB, name string) *table {
	t := &table{}
	if dir := os.Getenv(settingPrefix + "OUT"); dir != "" && name != "" {
		t.path = filepath.Join(dir, name+".csv")
	}
	tb.Cleanup(func() { t.write(tb) })
	return t
}

// add adds a row, of names and values.
func (t *table) add(tb testing.TB, pairs ...string) {
	var header, row []string
	for i := 0; i+1 < len(pairs); i += 2 {
		header, row = append(header, pairs[i]), append(row, pairs[i+1])
	}
	t.header, t.rows = header, append(t.rows, row)
	if b, ok := tb.(*testing.B); ok {
		line := make([]string, len(row))
		for i := range row {
			line[i] = header[i] + "=" + row[i]
		}
		fmt.Println(b.Name(), strings.Join(line, " "))
	}
}

func (t *table) write(tb testing.TB) {
	if t.path == "" || tb.Failed() {
		return // half of a run is not kept
	}
	f, err := os.Create(t.path)
	if err != nil {
		tb.Error(err)
		return
	}
	defer f.Close()
	w := csv.NewWriter(f)
	w.Write(t.header)
	w.WriteAll(t.rows)
	if err := w.Error(); err != nil {
		tb.Error(err)
	}
}
