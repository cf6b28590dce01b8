package storetest

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/b4468f51/session/store"
)

// garbage creates n records that expired long enough ago to be collected.
// Some did so at Create, some by a Save and some by a Touch.
func garbage(ctx context.Context, s store.Store, n int) error {
	long := now().Add(-store.GCDelay - time.Hour)
	errs := make([]error, 8)
	together(len(errs), func(worker int) {
		for i := worker; i < n && errs[worker] == nil; i += len(errs) {
			errs[worker] = func() error {
				if i%4 < 2 {
					_, err := create(ctx, s, func(r *store.Record) { r.Expires = long })
					return err
				}
				r, err := create(ctx, s, nil)
				if err != nil {
					return err
				}
				if i%4 == 2 {
					return in("Touch", s.Touch(ctx, r.ID, r.Version, r.Seen, long))
				}
				n := next(r)
				n.Expires = long
				return in("Save", s.Save(ctx, n, r.Version))
			}()
		}
	})
	return cmp.Or(errs...)
}

// collect runs GC and checks how many records it removed.
func collect(ctx context.Context, c store.Collector, want int) error {
	got, err := c.GC(ctx)
	if err != nil {
		return in("GC", err)
	}
	if got != want {
		return fmt.Errorf("GC returned %d where %d records had expired long ago", got, want)
	}
	return nil
}

// swept returns s as a Collector, rid of what others left behind.
func swept(ctx context.Context, s store.Store) (store.Collector, error) {
	c, err := collector(s)
	if err != nil {
		return nil, err
	}
	if _, err := c.GC(ctx); err != nil {
		return nil, in("GC", err)
	}
	return c, nil
}

func gc(ctx context.Context, s store.Store) error {
	const n = 240
	c, err := swept(ctx, s)
	if err != nil {
		return err
	}
	if err := garbage(ctx, s, n); err != nil {
		return err
	}
	if err := collect(ctx, c, n); err != nil {
		return err
	}
	return in("again, with nothing left", collect(ctx, c, 0))
}

func gcSpares(ctx context.Context, s store.Store) error {
	c, err := swept(ctx, s)
	if err != nil {
		return err
	}
	live, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	// A collector that goes by what Create said would take this one too early.
	extended, err := create(ctx, s, func(r *store.Record) { r.Expires = now().Add(time.Minute) })
	if err != nil {
		return err
	}
	extended.Expires = now().Add(time.Hour)
	if err := s.Touch(ctx, extended.ID, extended.Version, extended.Seen, extended.Expires); err != nil {
		return in("Touch", err)
	}
	for _, ago := range []time.Duration{0, time.Second, store.GCDelay - time.Minute} {
		_, err := create(ctx, s, func(r *store.Record) { r.Expires = now().Add(-ago) })
		if err != nil {
			return err
		}
	}
	for range 3 {
		// The live records first: to lose those is worse.
		got, err := c.GC(ctx)
		if err != nil {
			return in("GC", err)
		}
		for _, r := range []store.Record{live, extended} {
			if err := expect(ctx, s, r); err != nil {
				return fmt.Errorf("a live record after GC: %w", err)
			}
		}
		if got != 0 {
			return fmt.Errorf("GC removed %d records that expired less than GCDelay ago", got)
		}
	}
	return nil
}

func gcBeside(ctx context.Context, s store.Store) error {
	const n, collectors, writers = 120, 3, 6
	c, err := swept(ctx, s)
	if err != nil {
		return err
	}
	if err := garbage(ctx, s, n); err != nil {
		return err
	}
	counts := make([]int, collectors)
	errs := make([]error, collectors+writers)
	together(collectors+writers, func(i int) {
		if i < collectors {
			counts[i], errs[i] = c.GC(ctx)
			return
		}
		for range 10 {
			if errs[i] = liveBesideGC(ctx, s); errs[i] != nil {
				return
			}
		}
	})
	if err := cmp.Or(errs...); err != nil {
		return err
	}
	total := 0
	for _, count := range counts {
		total += count
	}
	if total != n {
		return fmt.Errorf("%d collectors at once removed %v, %d in all, where %d records had expired long ago", collectors, counts, total, n)
	}
	return reuseBesideGC(ctx, c)
}

// liveBesideGC writes one live record while others collect.
func liveBesideGC(ctx context.Context, s store.Store) error {
	r, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	n := next(r)
	if err := s.Save(ctx, n, r.Version); err != nil {
		return in("Save", err)
	}
	n.Seen = now()
	if err := s.Touch(ctx, n.ID, n.Version, n.Seen, n.Expires); err != nil {
		return in("Touch", err)
	}
	return expect(ctx, s, n)
}

// reuseBesideGC creates records with the IDs of others that are just being
// collected: where Create succeeds, the record stays.
func reuseBesideGC(ctx context.Context, c store.Collector) error {
	const n = 32
	old := make([]store.Record, n)
	for i := range old {
		var err error
		old[i], err = create(ctx, c, func(r *store.Record) { r.Expires = now().Add(-store.GCDelay - time.Hour) })
		if err != nil {
			return err
		}
	}
	errs := make([]error, 3)
	together(len(errs), func(i int) {
		if i == 0 {
			_, errs[i] = c.GC(ctx)
			return
		}
		for j := i - 1; j < n && errs[i] == nil; j += 2 {
			fresh := newRecord()
			fresh.ID = old[j].ID
			if errs[i] = in("Create", c.Create(ctx, fresh)); errs[i] == nil {
				errs[i] = in("a live record with the ID of one that is collected", expect(ctx, c, fresh))
			}
		}
	})
	return cmp.Or(errs...)
}

func gcContext(ctx context.Context, s store.Store) error {
	const n = 16
	c, err := swept(ctx, s)
	if err != nil {
		return err
	}
	if err := garbage(ctx, s, n); err != nil {
		return err
	}
	done, cancel := context.WithCancel(ctx)
	cancel()
	got, err := c.GC(done)
	if err := expectErr("GC", err, context.Canceled); err != nil {
		return err
	}
	if got != 0 {
		return fmt.Errorf("GC returned %d", got)
	}
	return in("afterwards", collect(ctx, c, n))
}
