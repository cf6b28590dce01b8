package integration

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/integration/testserver"
	"github.com/b4468f51/session/store"
)

// What BenchmarkCapacity measures on each store: the space of a session of
// small content with a subject, its index included, and how many operations a
// second one core of the server does, by the CPU time that its processes used.
const (
	capacitySessions   = 50_000
	capacityOperations = 50_000
	capacityClients    = 32
)

// A capacityCase is a store on servers of its own.
type capacityCase struct {
	name  string
	start func(b *testing.B) capacityTarget
}

type capacityTarget struct {
	url   string
	pids  func() []int // of the servers; ours is left out
	space func(b *testing.B) int64
}

var capacityCases = []capacityCase{
	{"sqlite", func(b *testing.B) capacityTarget {
		path := filepath.Join(b.TempDir(), "app.db")
		return capacityTarget{"sqlite:" + path, func() []int { return []int{os.Getpid()} }, func(b *testing.B) int64 {
			db, err := sql.Open("sqlite", "file:"+path)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			return scalar(b, db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
		}}
	}},
	{"postgres", func(b *testing.B) capacityTarget {
		server := testserver.Start(b, testserver.Postgres)
		u := postgresOf(server)
		return capacityTarget{u, family(server), func(b *testing.B) int64 {
			db := openSQL(b, "pgx", u)
			if _, err := db.Exec("VACUUM ANALYZE"); err != nil {
				b.Fatal(err)
			}
			return scalar(b, db, "SELECT pg_total_relation_size('sessions') + COALESCE(pg_total_relation_size(to_regclass('sessions_data')), 0)")
		}}
	}},
	{"mysql", func(b *testing.B) capacityTarget {
		server := testserver.Start(b, testserver.MariaDB)
		u := mysqlOf(server)
		return capacityTarget{u, family(server), func(b *testing.B) int64 {
			db := openSQL(b, "mysql", mysqlDSN(b, u))
			if _, err := db.Exec("ANALYZE TABLE sessions"); err != nil {
				b.Fatal(err)
			}
			return scalar(b, db, "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = 'test'")
		}}
	}},
	{"redis", func(b *testing.B) capacityTarget {
		server := testserver.Start(b, testserver.Redis("Redis of many sessions"))
		return capacityTarget{"redis://" + server.Addr(), family(server), usedMemory(server)}
	}},
	{"redis-everysec", func(b *testing.B) capacityTarget {
		server := testserver.Start(b, testserver.Redis("Redis of many sessions, everysec", "--appendfsync", "everysec"))
		return capacityTarget{"redis://" + server.Addr(), family(server), usedMemory(server)}
	}},
	{"redis-cluster", func(b *testing.B) capacityTarget {
		g := testserver.StartRedisCluster(b)
		return capacityTarget{g.URL(), family(g.Nodes...), usedMemory(g.Nodes...)}
	}},
}

func BenchmarkCapacity(b *testing.B) {
	for _, c := range capacityCases {
		b.Run(c.name, func(b *testing.B) {
			target := c.start(b)
			s := openStore(b, target.url)
			empty := target.space(b)
			b.ResetTimer()
			records := fillStore(b, s)
			b.StopTimer()
			b.ReportMetric(float64(target.space(b)-empty)/float64(len(records)), "B/session")
			measure(b, target, "load", records, func(ctx context.Context, r *store.Record) error {
				_, err := s.Load(ctx, r.ID)
				return err
			})
			measure(b, target, "touch", records, func(ctx context.Context, r *store.Record) error {
				return s.Touch(ctx, r.ID, r.Version, r.Seen.Add(time.Minute), r.Expires.Add(time.Minute))
			})
			measure(b, target, "save", records, func(ctx context.Context, r *store.Record) error {
				n := *r
				n.Version++
				err := s.Save(ctx, n, r.Version)
				*r = n
				return err
			})
		})
	}
}

// fillStore signs sessions in, through a manager, and returns their records.
func fillStore(b *testing.B, s store.Store) []store.Record {
	b.Helper()
	m, err := session.NewManager(s, session.Config{App: appName, GCInterval: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	ctx := b.Context()
	records := make([]store.Record, capacitySessions)
	inParallel(b, len(records), func(i int) error {
		r, _ := http.NewRequest(http.MethodGet, "/", nil)
		s1, err := m.Load(r)
		if err != nil {
			return err
		}
		for key, v := range map[string]any{"user": int64(i), "name": strings.Repeat("x", 32), "since": time.Now()} {
			if err := s1.Set(key, v); err != nil {
				return err
			}
		}
		if err := s1.Login("user-" + strconv.Itoa(i)); err != nil {
			return err
		}
		if _, err := m.Commit(ctx, s1); err != nil {
			return err
		}
		records[i], err = s.Load(ctx, s1.ID())
		return err
	})
	return records
}

// measure runs an operation on each record in turn, and reports how often that
// is in a second of the servers' CPU time.
func measure(b *testing.B, target capacityTarget, name string, records []store.Record, do func(context.Context, *store.Record) error) {
	b.Helper()
	before, begin := cpuTime(b, target.pids()), time.Now()
	inParallel(b, capacityOperations, func(i int) error { return do(b.Context(), &records[i%len(records)]) })
	wall := time.Since(begin)
	cpu := cpuTime(b, target.pids()) - before
	b.ReportMetric(capacityOperations/cpu.Seconds(), name+"s/core-s")
	b.ReportMetric(capacityOperations/wall.Seconds(), name+"s/s")
}

// inParallel calls f for each number below n, by capacityClients at once.
func inParallel(b *testing.B, n int, f func(i int) error) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range capacityClients {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if b.Failed() {
		b.FailNow()
	}
}

func scalar(b *testing.B, db *sql.DB, query string) (n int64) {
	b.Helper()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}

// usedMemory returns what the masters among the nodes hold.
func usedMemory(nodes ...*testserver.Server) func(b *testing.B) int64 {
	return func(b *testing.B) (sum int64) {
		b.Helper()
		for _, node := range nodes {
			if role, err := roleOf(b.Context(), node); err != nil || role != "master" {
				continue
			}
			c, err := testserver.RedisClient(node.Addr())
			if err != nil {
				b.Fatal(err)
			}
			info, err := c.Do(b.Context(), c.B().Info().Section("memory").Build()).ToString()
			c.Close()
			if err != nil {
				b.Fatal(err)
			}
			var used int64
			for line := range strings.Lines(info) {
				fmt.Sscanf(line, "used_memory:%d", &used)
			}
			sum += used
		}
		return sum
	}
}

// family returns the processes of servers, and those that they started.
func family(servers ...*testserver.Server) func() []int {
	return func() (pids []int) {
		for _, s := range servers {
			pids = append(pids, s.PID())
		}
		stats, _ := filepath.Glob("/proc/[0-9]*/stat")
		for _, path := range stats {
			fields := statFields(path)
			if len(fields) < 2 {
				continue
			}
			parent, _ := strconv.Atoi(fields[1])
			for _, s := range servers {
				if parent == s.PID() {
					pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
					pids = append(pids, pid)
				}
			}
		}
		return pids
	}
}

// cpuTime returns the CPU time that processes have used, and those of their
// children that have ended.
func cpuTime(b *testing.B, pids []int) time.Duration {
	b.Helper()
	const tick = time.Second / 100 // USER_HZ, on every Linux
	var sum time.Duration
	for _, pid := range pids {
		fields := statFields(fmt.Sprintf("/proc/%d/stat", pid))
		if len(fields) < 15 {
			continue // it has ended, and counts as its parent's
		}
		for _, f := range fields[11:15] { // utime, stime, and those of children
			n, _ := strconv.ParseInt(f, 10, 64)
			sum += time.Duration(n) * tick
		}
	}
	if sum == 0 {
		b.Fatal("the CPU time of the servers cannot be read: this takes Linux")
	}
	return sum
}

// statFields returns the fields of a stat file from the state on, see proc(5).
func statFields(path string) []string {
	data, _ := os.ReadFile(path)
	_, after, _ := bytes.Cut(data, []byte(") "))
	return strings.Fields(string(after))
}
