package concurrent

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store/memstore"
)

// TestAnyCallsInAnyOrder has a few requests at once, each with a few goroutines,
// use one client's session in whatever way comes to mind, time and again. Nothing
// panics or hangs, whatever is read somebody has put there, and a request that
// comes afterwards is served.
func TestAnyCallsInAnyOrder(t *testing.T) {
	rounds := 30
	if os.Getenv("SESSION_SOAK") != "" {
		rounds = 3000
	}
	for _, sealed := range []bool{false, true} {
		for seed := range rounds {
			synctest.Test(t, func(t *testing.T) { anyCalls(t, sealed, uint64(seed)) })
			if t.Failed() {
				t.Fatalf("sealed %v, seed %d", sealed, seed)
			}
		}
	}
}

func anyCalls(t *testing.T, sealed bool, seed uint64) {
	ways := maps.Clone(methods)
	maps.Copy(ways, others)
	names := slices.Sorted(maps.Keys(ways))
	chance := rand.New(rand.NewPCG(seed, 2))
	cfg := session.Config{GCInterval: -1, MaxSessions: chance.IntN(3)}
	var site *probe.Site
	if sealed {
		cfg.MaxSessions, cfg.NotBefore = 0, memstore.New()
		site = probe.SealedSite(t, probe.NewRing(t), cfg)
	} else {
		cfg.RotateEvery = 5 * time.Minute
		site = probe.NewSite(t, nil, cfg)
		site.Answers()
	}
	site.Mux.HandleFunc("/any", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		seeds := strings.Split(r.URL.RawQuery, ",")
		var wg sync.WaitGroup
		for i, plan := range seeds {
			wg.Go(func() {
				for _, step := range plan {
					name := names[int(step-'0')%len(names)]
					if name == "the response" && i > 0 {
						continue // no two goroutines write to it
					}
					ways[name](t, site.M, w, r, s)
				}
			})
		}
		wg.Wait()
	})
	plan := func() string {
		steps := make([]rune, 1+chance.IntN(6))
		for i := range steps {
			steps[i] = '0' + rune(chance.IntN(len(names)))
		}
		return string(steps)
	}
	b := site.With("", "")
	for range 6 {
		var wg sync.WaitGroup
		for range 1 + chance.IntN(3) {
			path := "/any?" + plan() + "," + plan()
			wg.Go(func() {
				mayAbort(func() {
					if w := b.Get(path); w.Code >= 500 {
						t.Errorf("%s is answered %d: %s", path, w.Code, w.Body)
					}
				})
			})
		}
		wg.Wait()
		time.Sleep(time.Duration(chance.IntN(400)) * time.Second)
	}
	if w := b.Get("/any?"); w.Code != http.StatusOK {
		t.Errorf("afterwards a request is answered %d: %s", w.Code, w.Body)
	}
}
