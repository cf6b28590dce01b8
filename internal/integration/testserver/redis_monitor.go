package testserver

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// A RedisMonitor sees every command that a server runs.
type RedisMonitor struct {
	conn  net.Conn // MONITOR has no end
	lines *bufio.Scanner
	other net.Conn
}

// MonitorRedis has a server's commands told. It ends with the test.
func MonitorRedis(t testing.TB, addr string) *RedisMonitor {
	t.Helper()
	m := &RedisMonitor{}
	for _, c := range []*net.Conn{&m.conn, &m.other} {
		conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		*c = conn
	}
	m.lines = bufio.NewScanner(m.conn)
	m.lines.Buffer(nil, 16<<20)
	fmt.Fprint(m.conn, "MONITOR\r\n")
	if !m.lines.Scan() || m.lines.Text() != "+OK" {
		t.Fatalf("MONITOR: %q, %v", m.lines.Text(), m.lines.Err())
	}
	return m
}

// Told returns the commands that clients sent since the last call, and not
// those that scripts ran, nor what a client sends by itself to keep a
// connection.
func (m *RedisMonitor) Told(t testing.TB) []string {
	t.Helper()
	mark := rand.Text()
	fmt.Fprintf(m.other, "ECHO %s\r\n", mark)
	m.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	var told []string
	for m.lines.Scan() {
		_, command, _ := strings.Cut(m.lines.Text(), "] ")
		if strings.Contains(command, mark) {
			return told
		}
		name := strings.ToUpper(strings.Trim(strings.SplitN(command, " ", 2)[0], `"`))
		switch {
		case strings.Contains(strings.SplitN(m.lines.Text(), "]", 2)[0], " lua"):
		case name == "PING", name == "HELLO", name == "CLIENT", name == "ECHO", name == "REPLCONF", name == "SELECT":
		default:
			told = append(told, command)
		}
	}
	t.Fatalf("MONITOR ended: %v", m.lines.Err())
	return nil
}
