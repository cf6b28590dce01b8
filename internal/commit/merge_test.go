package commit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

func pop(key, value string) change.Op {
	return change.Op{Kind: change.Pop, Key: key, Value: text(value)}
}

// What cannot be applied to what others have stored fails the commit, which then has
// what they have stored.
func TestAnOperationThatFailsAtTheMergeFailsTheCommit(t *testing.T) {
	w := newWorld(t)
	w.must(w.loaded(w.one, set("ticket", "x")))
	first, second := w.loaded(w.one, set("a", "x"), pop("ticket", "x")), w.loaded(w.two, pop("ticket", "x"))
	w.must(second)
	if _, err := first.Write(); !errors.Is(err, change.ErrConflict) || first.InDoubt {
		t.Errorf("%v, in doubt %v; want ErrConflict", err, first.InDoubt)
	}
	if first.Newest == nil || first.Newest.Count() != 1 {
		t.Error("it does not have the newest state")
	}
	w.holds("n=I")
}

// A double click: two requests sign in with one token. The second one's session has
// the values that the first one kept, but for what was to be taken once.
func TestASecondSignInHasTheValuesOfTheFirst(t *testing.T) {
	for subject, want := range map[string]string{"u": "a=x n=I", "v": "a=x"} {
		w := newWorld(t)
		w.must(w.loaded(w.one, set("ticket", "x")))
		first := w.loaded(w.one, pop("ticket", "x"), login("u"))
		second := w.loaded(w.two, pop("ticket", "x"), set("a", "x"), login(subject))
		w.must(first)
		w.id = w.must(second).ID
		w.holds(want)
	}
}

// A failure that comes after a conflict was met has its own repetitions.
func TestEachAttemptHasItsRepetitions(t *testing.T) {
	w := newWorld(t)
	c := w.loaded(w.one, count)
	said := []error{errLost, errLost, nil, errLost, errLost}
	w.faulty.save = func(ctx context.Context, rec store.Record, old uint64) error {
		if len(said) == 0 {
			return w.under.Save(ctx, rec, old)
		}
		next := said[0]
		said = said[1:]
		if next == nil {
			w.must(w.loaded(w.two, set("o", "")))
			return store.ErrConflict
		}
		return next
	}
	w.must(c)
	w.holds("n=II o=")
}

// The error says what went wrong last: that it cannot be looked for.
func TestAConflictThatCannotBeLookedForIsTheLoadsError(t *testing.T) {
	w := newWorld(t)
	c := w.loaded(w.one, count)
	w.faulty.save = func(context.Context, store.Record, uint64) error {
		w.faulty.load = func(context.Context, store.ID) (store.Record, error) { return store.Record{}, errLost }
		return store.ErrConflict
	}
	if _, err := c.Write(); !errors.Is(err, errLost) || !strings.HasPrefix(err.Error(), "session: save: ") {
		t.Errorf("%v", err)
	}
}

// A new session was used, whatever the request is: it could not end before it began.
func TestToBeginASessionIsUse(t *testing.T) {
	w := newWorld(t)
	c := w.fresh(w.one, sid.NewID(), count)
	c.Use = false
	if rec := w.must(c); !rec.Seen.Equal(c.Now) || !rec.Expires.Equal(c.Now.Add(idle)) || !rec.Deadline.Equal(c.Now.Add(rules.Anonymous)) {
		t.Errorf("seen %v, expires %v, deadline %v", rec.Seen, rec.Expires, rec.Deadline)
	}
}

// A session cannot be written to be over already.
func TestASessionThatIsOverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		d := w.draft()
		time.Sleep(rules.Anonymous)
		c := w.commitOf(w.one, d, count)
		c.Stored = true
		if _, err := c.NextAlone(); err != change.ErrEnded {
			t.Errorf("alone: %v, want ErrEnded", err)
		}
		if _, err := c.Next(); err != change.ErrEnded {
			t.Errorf("%v, want ErrEnded", err)
		}
		c.Use = false // then the store knows whether it was used since
		if _, err := c.Next(); err != nil {
			t.Errorf("without use: %v", err)
		}
	})
}

// A session that is kept in its cookie has no other secrets and no lineage: nobody
// presents the ones, nor writes what the others tell apart.
func TestNextAloneHasNothingOfOthers(t *testing.T) {
	w := newWorld(t)
	w.must(w.loaded(w.two, renew()))
	for name, next := range map[string]func(*commit.Commit) (store.Record, error){
		"alone": (*commit.Commit).NextAlone, "among others": (*commit.Commit).Next,
	} {
		rec, err := next(w.loaded(w.one, count))
		if err != nil {
			t.Fatal(err)
		}
		meta, err := envelope.DecodeMeta(rec.Data)
		if alone := name == "alone"; err != nil || (len(meta.Others) == 0) != alone || (len(meta.Lineage) == 0) != alone {
			t.Errorf("%s: %d other secrets, a lineage of %d bytes, %v", name, len(meta.Others), len(meta.Lineage), err)
		}
	}
}

// A write that does not count as use is recognised for as long as any other.
func TestAWriteWithoutUseIsRecognised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		time.Sleep(10 * time.Minute)
		c := w.loaded(w.one, count)
		c.Use = false
		w.faulty.save = func(ctx context.Context, rec store.Record, old uint64) error {
			w.faulty.save = nil
			if err := w.under.Save(ctx, rec, old); err != nil {
				t.Error(err)
			}
			other := w.loaded(w.two, set("o", ""))
			other.Use = false
			w.must(other)
			return errLost
		}
		w.must(c)
		w.holds("n=II o=")
	})
}

// Between two compare-and-swaps run a load, the operations and Housekeep, in this order.
func TestInvariant11(t *testing.T) {
	w := newWorld(t)
	var did []string
	note := func(what string) { did = append(did, what) }
	w.faulty.load = func(ctx context.Context, id store.ID) (store.Record, error) {
		note("load")
		return w.under.Load(ctx, id)
	}
	op := change.Op{Kind: change.Update, Key: "n", Updating: &change.Updating{
		Update: func(envelope.Value, bool) (envelope.Value, error) { note("update"); return text("x"), nil },
	}}
	c := w.loaded(w.one, op)
	c.Hooks.(*program).did = note
	did = nil
	first := true
	w.faulty.save = func(ctx context.Context, rec store.Record, old uint64) error {
		note("save")
		if first {
			first = false
			w.must(w.loaded(w.two, count))
		}
		return w.under.Save(ctx, rec, old)
	}
	w.must(c)
	if want := []string{"save", "load", "update", "housekeep", "save"}; !slices.Equal(did, want) {
		t.Errorf("it ran %v, want %v", did, want)
	}
}
