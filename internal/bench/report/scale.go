package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var scaleLine = regexp.MustCompile(`^BenchmarkScale(Memory|Pause)/(?:lib=(\w+)/)?sessions=(\d+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// scaleTables are what many sessions in memory take, and what collecting them
// costs who asks meanwhile.
func scaleTables(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "scale.txt"))
	if err != nil {
		return "", err
	}
	by := map[string]measured{} // by row
	var memory, pause []string  // rows, in order
	for line := range strings.Lines(string(text)) {
		m := scaleLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		sessions, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			return "", err
		}
		row := strings.TrimSpace(m[2] + " " + number(sessions))
		rows := &memory
		if m[1] == "Pause" {
			rows = &pause
		}
		if by[row] == nil {
			by[row] = measured{}
			*rows = append(*rows, row)
		}
		if err := by[row].add(m[4]); err != nil {
			return "", err
		}
	}
	table := func(rows []string, first string, units, header []string) string {
		var lines [][]string
		for _, row := range rows {
			line := []string{row}
			for _, unit := range units {
				line = append(line, number(median(slices.Clone(by[row][unit]))))
			}
			lines = append(lines, line)
		}
		return markdown(append([]string{first}, header...), lines)
	}
	return table(memory, "sessions", []string{"B/session", "GC-ms"}, []string{"bytes of heap a session", "CPU of a garbage collection, ms"}) +
		"\n" + table(pause, "expired sessions collected", []string{"quiet-max-µs", "collecting-max-µs", "nothing-max-µs", "collecting-s"},
		[]string{"longest call without, µs", "longest call meanwhile, µs", "longest gap of a loop that does nothing, µs", "took, s"}), nil
}
