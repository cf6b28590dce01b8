package concurrent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// unreliable returns a store that does what it is told, but says something
// else, or does it twice, or leaves time for others in between.
func unreliable(st store.Store, kind string) store.Store {
	lostAnswer := errors.New("connection reset")
	var n atomic.Int64
	f := &probe.Faulty{Store: st}
	switch kind {
	case "applies and reports an error":
		f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
			if err := st.Save(ctx, rec, old); err != nil {
				return err
			}
			return lostAnswer
		}
		f.OnCreate = func(ctx context.Context, rec store.Record) error {
			if err := st.Create(ctx, rec); err != nil {
				return err
			}
			return lostAnswer
		}
	case "applies now and then and reports an error":
		f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
			err := st.Save(ctx, rec, old)
			if err == nil && n.Add(1)%3 == 0 {
				return lostAnswer
			}
			return err
		}
	case "fails now and then and does nothing":
		f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
			if n.Add(1)%3 == 0 {
				return lostAnswer
			}
			return st.Save(ctx, rec, old)
		}
	case "sends twice":
		f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
			_ = st.Save(ctx, rec, old)
			return st.Save(ctx, rec, old)
		}
		f.OnCreate = func(ctx context.Context, rec store.Record) error {
			_ = st.Create(ctx, rec)
			return st.Create(ctx, rec)
		}
	case "sends the second time late":
		f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
			err := st.Save(ctx, rec, old)
			go st.Save(context.Background(), rec, old)
			return err
		}
	default:
		panic(kind)
	}
	return f
}

// TestAWriteHappensOnce: whatever becomes of its answer, an increment is there
// once, alone and among those of other machines.
func TestAWriteHappensOnce(t *testing.T) {
	for _, kind := range []string{
		"applies and reports an error",
		"applies now and then and reports an error",
		"fails now and then and does nothing",
		"sends twice",
		"sends the second time late",
	} {
		t.Run(kind, func(t *testing.T) {
			st := memstore.New()
			const machines, requests = 4, 25
			var sites [machines]*probe.Site
			for i := range sites {
				sites[i] = probe.NewSite(t, unreliable(st, kind), session.Config{})
				sites[i].Handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					if err := probe.Increment(s); err != nil {
						t.Error(err)
					}
				})
				sites[i].Handle("/show", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					n, _ := probe.Counter.Get(s)
					fmt.Fprint(w, n)
				})
			}
			b := sites[0].Browser()
			b.Want("/", 200, "")
			b.Want("/show", 200, "1")
			var wg sync.WaitGroup
			for i := range sites {
				for range requests {
					wg.Go(func() {
						other := sites[i].Browser()
						other.Name, other.Val = b.Cookie()
						other.Want("/", 200, "")
					})
				}
			}
			wg.Wait()
			b.Want("/show", 200, fmt.Sprint(1+machines*requests))
		})
	}
}

// TestTheWaitForOthersIsLimited: a writer that hangs holds the others up for
// no longer than Config.CommitTimeout.
func TestTheWaitForOthersIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		f := &probe.Faulty{Store: st}
		site := probe.NewSite(t, f, session.Config{CommitTimeout: 3 * time.Second})
		site.Handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) { probe.Increment(s) })
		b := site.Browser()
		b.Get("/")
		f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
			<-ctx.Done()
			return ctx.Err()
		}
		begin := time.Now()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if w := b.Send("/"); w.Code != http.StatusServiceUnavailable {
					t.Errorf("%d, want 503", w.Code)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begin); took > 4*time.Second {
			t.Errorf("ten writers took %v, want about the limit of 3s", took)
		}
	})
}

// TestAttemptsAreBounded: a session that others change all the time is an
// error in the end, and not an endless loop.
func TestAttemptsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		f := &probe.Faulty{Store: st}
		site := probe.NewSite(t, f, session.Config{CommitTimeout: 30 * time.Second})
		site.Handle("/", func(w http.ResponseWriter, r *http.Request, s *session.Session) { probe.Increment(s) })
		b := site.Browser()
		b.Get("/")
		n := 0
		f.OnSave = func(ctx context.Context, rec store.Record, old uint64) error {
			n++
			return store.ErrConflict
		}
		b.Want("/", http.StatusConflict, "Conflict")
		if n < 10 || n > 1000 {
			t.Errorf("%d attempts", n)
		}
	})
}
