package redisstore

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/store"
)

func TestOwnWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOwnWrites(10 * time.Second)
		now := time.Now()
		id := store.ID{1}
		old := store.Record{ID: id, Version: 1, Expires: now.Add(time.Hour)}
		check := func(what string, rec store.Record, want bool) {
			t.Helper()
			if got := o.fresh(id, rec, time.Now()); got != want {
				t.Errorf("%s: fresh is %v, want %v", what, got, want)
			}
		}
		check("nothing was written", old, true)

		saved := store.Record{ID: id, Version: 2, Expires: now.Add(2 * time.Hour)}
		o.wrote(id, saved, time.Now())
		check("from before the save", old, false)
		check("nothing, from before the save", store.Record{}, false)
		check("what was saved", saved, true)

		time.Sleep(time.Second)
		touched := saved
		touched.Expires = now.Add(3 * time.Hour)
		o.wrote(id, touched, time.Now())
		check("from before the touch", saved, false)
		check("what was touched", touched, true)

		// Of two writes that overlap, either may have come last.
		other := store.Record{ID: id, Version: 3, Expires: now.Add(time.Hour)}
		o.wrote(id, other, time.Now().Add(-time.Millisecond))
		check("one of two at once", other, false)
		check("the other of two at once", touched, false)

		time.Sleep(time.Second)
		o.wrote(id, store.Record{}, time.Now())
		check("from before the deletion", touched, false)

		// By then the cache has nothing from before.
		time.Sleep(11 * time.Second)
		check("long after", old, true)
		for n := range 100 {
			o.wrote(store.ID{2, byte(n)}, old, time.Now())
			time.Sleep(time.Second)
		}
		if n := len(o.marks); n > 25 {
			t.Errorf("%d marks are kept, of which 10 matter", n)
		}
	})
}
