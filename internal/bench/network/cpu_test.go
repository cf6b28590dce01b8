package network

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cpuTime is the CPU time that a process, its children, and those of its
// children that have ended have used, in steps of ten milliseconds.
func cpuTime(pid int) (sum time.Duration) {
	const tick = time.Second / 100 // USER_HZ, on every Linux
	if pid == 0 {
		return 0
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		fields := statFields(path)
		if len(fields) < 15 || path != fmt.Sprintf("/proc/%d/stat", pid) && fields[1] != strconv.Itoa(pid) {
			continue
		}
		for _, f := range fields[11:15] { // utime, stime, and those of children
			n, _ := strconv.ParseInt(f, 10, 64)
			sum += time.Duration(n) * tick
		}
	}
	return sum
}

// statFields returns the fields of a stat file from the state on, see proc(5).
func statFields(path string) []string {
	data, _ := os.ReadFile(path)
	_, after, _ := bytes.Cut(data, []byte(") "))
	return strings.Fields(string(after))
}
