package integration

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/b4468f51/session/store"
)

// entries are the IDs in the index of a subject.
func entries(t *testing.T, c rueidis.Client, key string) []string {
	t.Helper()
	ids, err := c.Do(t.Context(), c.B().Zrange().Key(key).Min("0").Max("-1").Build()).AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// The index forgets a session that is gone, and no entry that may be about to
// have its record.
func TestRedisIndexForgets(t *testing.T) {
	for _, c := range []storeCase{redis, redisCluster} {
		t.Run(c.name, func(t *testing.T) {
			server := redisServer
			if c.name == redisCluster.name {
				server = redisClusterServer
			}
			s, client, opts := openRedis(t, withPrefix(server(t)))
			ctx := t.Context()
			key := opts.Prefix + "subject:alice"
			check := func(when string, live, inIndex int) {
				t.Helper()
				found, err := collect(s.List(ctx, "alice"))
				if err != nil || len(found) != live {
					t.Errorf("%s: List = %d records, %v; want %d", when, len(found), err, live)
				}
				if n := len(entries(t, client, key)); n != inIndex {
					t.Errorf("%s: %d entries, want %d", when, n, inIndex)
				}
			}
			var records []store.Record
			for range 6 {
				r := newRecord(10)
				if err := s.Create(ctx, r); err != nil {
					t.Fatal(err)
				}
				records = append(records, r)
			}
			check("six sessions", 6, 6)
			if err := s.Delete(ctx, records[0].ID); err != nil {
				t.Fatal(err)
			}
			check("one deleted", 5, 5)
			moved := records[1]
			moved.Version, moved.Subject = moved.Version+1, "bob"
			if err := s.Save(ctx, moved, records[1].Version); err != nil {
				t.Fatal(err)
			}
			idle := records[2]
			if err := s.Touch(ctx, idle.ID, idle.Version, idle.Seen, time.Now().Add(-time.Second)); err != nil {
				t.Fatal(err)
			}
			check("one moved and one expired, just now", 3, 5)
			// The minutes that pass until they may be forgotten.
			for _, id := range entries(t, client, key) {
				if err := client.Do(ctx, client.B().Zincrby().Key(key).Increment(-10).Member(id).Build()).Error(); err != nil {
					t.Fatal(err)
				}
			}
			check("one moved and one expired, a while ago", 3, 3)

			// What the index lost, a touch brings back.
			lost := records[3]
			if err := client.Do(ctx, client.B().Del().Key(key).Build()).Error(); err != nil {
				t.Fatal(err)
			}
			if err := s.Touch(ctx, lost.ID, lost.Version, lost.Seen, lost.Expires); err != nil {
				t.Fatal(err)
			}
			check("touched after the index was lost", 1, 1)
			// Whose deadline is long past is forgotten by the next to come.
			past := fmt.Sprintf("%d", time.Now().Add(-time.Hour).Unix()<<20)
			for n := range 100 {
				err := client.Do(ctx, client.B().Arbitrary("ZADD").Keys(key).Args(past, fmt.Sprint("dead", n)).Build()).Error()
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Create(ctx, newRecord(1)); err != nil {
				t.Fatal(err)
			}
			check("a login after many dead ones", 2, 2)
		})
	}
}

// While sessions log in, move, are touched and logged out, List misses none
// that was there before it began and after it ended.
func TestRedisIndexMissesNone(t *testing.T) {
	for _, c := range []storeCase{redis, redisCluster} {
		t.Run(c.name, func(t *testing.T) {
			open := c.open(t)
			s, other := open(), open()
			ctx := t.Context()
			var mu sync.Mutex
			live := map[store.ID]bool{}
			set := func(id store.ID, is bool) {
				mu.Lock()
				defer mu.Unlock()
				live[id] = is
			}
			stop := make(chan struct{})
			var writers, lister sync.WaitGroup
			for range 6 {
				writers.Go(func() {
					for range 40 {
						r := newRecord(10)
						r.Subject = ""
						n := r
						n.Version++
						n.Subject = "alice"
						if err := s.Create(ctx, r); err != nil {
							t.Error(err)
						}
						if err := s.Save(ctx, n, r.Version); err != nil {
							t.Error(err)
						}
						set(n.ID, true)
						if err := other.Touch(ctx, n.ID, n.Version, n.Seen, n.Expires.Add(time.Minute)); err != nil {
							t.Error(err)
						}
						if n.Version%3 == 0 {
							continue
						}
						set(n.ID, false)
						if err := other.Delete(ctx, n.ID); err != nil {
							t.Error(err)
						}
					}
				})
			}
			lists := 0
			lister.Go(func() {
				for {
					want := map[store.ID]bool{}
					mu.Lock()
					for id, is := range live {
						want[id] = is
					}
					mu.Unlock()
					found, err := collect(store.List(ctx, other, "alice"))
					if err != nil {
						t.Error(err)
					}
					listed := map[store.ID]bool{}
					for _, r := range found {
						listed[r.ID] = true
					}
					mu.Lock()
					for id, is := range want {
						if is && live[id] && !listed[id] {
							t.Errorf("List missed %v", id)
						}
					}
					mu.Unlock()
					lists++
					select {
					case <-stop:
						return
					default:
					}
				}
			})
			writers.Wait()
			close(stop)
			lister.Wait()
			t.Logf("%d lists", lists)
		})
	}
}
