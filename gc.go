package session

import (
	"context"
	"errors"
	"time"

	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/store"
)

// GC deletes what expired some minutes ago, in bounded batches, and returns how
// many sessions that were. It is safe beside other collectors. Managers do it
// by themselves, every Config.GCInterval. A store that forgets by itself has
// nothing to do.
func (m *Manager) GC(ctx context.Context) (int, error) {
	n, err := store.GC(ctx, m.store)
	if errors.Is(err, errors.ErrUnsupported) {
		return 0, nil
	}
	if err != nil {
		return n, commit.Failed("collect", err)
	}
	return n, nil
}

// startGC runs GC in the background, if the store needs it, until stopGC.
func (m *Manager) startGC() {
	ctx, cancel := context.WithCancel(context.Background())
	m.stopGC = cancel
	m.gcDone = make(chan struct{})
	if _, ok := m.store.(store.Collector); !ok || m.cfg.GCInterval < 0 {
		close(m.gcDone)
		return
	}
	go func() {
		defer close(m.gcDone)
		tick := time.NewTicker(m.cfg.GCInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			// A round that takes longer than the interval is cut short, and
			// the next goes on from there.
			limited := limit.Within(ctx, m.cfg.GCInterval)
			_, err := m.GC(limited)
			limited.Release()
			if err != nil && ctx.Err() == nil {
				m.report(ctx, Event{Kind: EventGCFailed, Err: err})
			}
		}
	}()
}
