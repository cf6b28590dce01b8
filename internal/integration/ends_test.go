package integration

import (
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/integration/testserver"
)

// endsMeasured is how many ends BenchmarkEnds measures, endsApart from each other.
const (
	endsMeasured = 1000
	endsApart    = 10 * time.Millisecond
)

// BenchmarkEnds measures how long a stream on one machine takes to hear that its session was revoked
// on another: from the answer of Revoke to the end of the context of Session.Watch.
func BenchmarkEnds(b *testing.B) {
	for name, url := range map[string]func(b *testing.B) string{
		"sqlite":         func(b *testing.B) string { return "sqlite:" + filepath.Join(b.TempDir(), "app.db") },
		"postgres":       func(b *testing.B) string { return postgresOf(testserver.Start(b, testserver.Postgres)) },
		"redis":          func(b *testing.B) string { return "redis://" + testserver.Shared(b, testserver.Redis("Redis")).Addr() },
		"redis-sentinel": func(b *testing.B) string { return testserver.SharedRedisSentinel(b).URL() },
		"redis-cluster":  func(b *testing.B) string { return testserver.SharedRedisCluster(b).URL() },
	} {
		b.Run(name, func(b *testing.B) {
			u := url(b)
			for b.Loop() {
				measureEnds(b, u)
			}
		})
	}
}

func measureEnds(b *testing.B, url string) {
	open := func() *session.Manager {
		m, err := session.Open(url, session.Config{App: "ends"})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := m.Close(); err != nil {
				b.Error(err)
			}
		})
		return m
	}
	here, there := open(), open()
	const n = endsMeasured
	watches := make([]*session.Watch, n)
	ids := make([]session.ID, n)
	for i := range watches {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "https://example.test", nil)
		if err != nil {
			b.Fatal(err)
		}
		s, err := here.Load(r)
		if err == nil {
			err = s.Login("u")
		}
		if err == nil {
			_, err = here.Commit(b.Context(), s)
		}
		if err == nil {
			ids[i] = s.ID()
			watches[i], err = s.Watch(b.Context())
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	time.Sleep(2 * time.Second) // all have been looked at
	took := make([]time.Duration, n)
	var all sync.WaitGroup
	for i, w := range watches {
		if err := there.Revoke(b.Context(), ids[i]); err != nil {
			b.Fatal(err)
		}
		acknowledged := time.Now()
		all.Go(func() {
			<-w.Done()
			took[i] = time.Since(acknowledged)
		})
		time.Sleep(endsApart)
	}
	all.Wait()
	slices.Sort(took)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took[n/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[n*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[n-1].Microseconds())/1000, "max-ms")
}
