package mark_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/mark"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

const life = time.Hour

func marks(s store.Store) *mark.Marks {
	return mark.New(s, commit.New(s, new(change.Rules)), life)
}

func TestANotBeforeNeverGoesBack(t *testing.T) { synctest.Test(t, testANotBeforeNeverGoesBack) }

func testANotBeforeNeverGoesBack(t *testing.T) {
	m, ctx := marks(memstore.New()), t.Context()
	now := time.Now().UTC().Truncate(time.Millisecond)
	at := func(want time.Time) {
		t.Helper()
		if got, err := m.NotBefore(ctx, "u", now); err != nil || !got.Equal(want) {
			t.Errorf("it is %v, %v; want %v", got, err, want)
		}
	}
	at(time.Time{})
	for _, set := range []struct{ at, last, then time.Time }{
		{now, time.Time{}, now},
		{now.Add(-time.Minute), now, now},
		{now.Add(time.Second), now, now.Add(time.Second)},
	} {
		if last, err := m.SetNotBefore(ctx, "u", set.at); err != nil || !last.Equal(set.last) {
			t.Errorf("%v: it was %v, %v; want %v", set.at, last, err, set.last)
		}
		at(set.then)
	}
	if got, err := m.NotBefore(ctx, "v", now); err != nil || !got.IsZero() {
		t.Errorf("another subject's is %v, %v", got, err)
	}
	time.Sleep(life + 2*time.Second)
	at(time.Time{})
}

// A clock that was wrong locks nobody out: what it wrote becomes now, for good.
func TestANotBeforeOfTheFutureBecomesNow(t *testing.T) {
	m, ctx := marks(memstore.New()), t.Context()
	now := time.Now().UTC().Truncate(time.Millisecond)
	if _, err := m.SetNotBefore(ctx, "u", now.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, later := range []time.Duration{0, time.Minute} {
		if got, err := m.NotBefore(ctx, "u", now.Add(later)); err != nil || !got.Equal(now) {
			t.Errorf("%v later it is %v, %v; want %v", later, got, err, now)
		}
	}
}

func reservation(id store.ID, others ...store.ID) mark.Reservation {
	return mark.Reservation{
		Subject: "u", Max: 2, Session: id, Asked: []store.ID{id},
		Ends: func(store.ID) bool { return false },
		List: func(int) ([]store.ID, error) { return others, nil },
	}
}

func TestPlacesAreLimited(t *testing.T) {
	now := time.Now()
	a, b, c := store.ID{1}, store.ID{2}, store.ID{3}
	for name, test := range map[string]struct {
		before []store.ID // that have reserved
		wants  func(r *mark.Reservation)
		gives  []store.ID
		err    error
	}{
		"one is left":               {before: []store.ID{a}},
		"all are reserved":          {before: []store.ID{a, b}, err: mark.ErrTooMany},
		"all are taken":             {wants: listed(a, b), err: mark.ErrTooMany},
		"one of each":               {before: []store.ID{a}, wants: listed(b), err: mark.ErrTooMany},
		"the same, reserved, taken": {before: []store.ID{a}, wants: listed(a)},
		"it is stored already":      {wants: listed(a, b, c)},
		"stored beside a killed":    {wants: func(r *mark.Reservation) { listed(b, c)(r); r.Killed = b }},
		"one gives way anyhow":      {wants: func(r *mark.Reservation) { listed(a, b)(r); r.Ends = func(id store.ID) bool { return id == a } }},
		"the killed one gives way":  {wants: func(r *mark.Reservation) { listed(a, b)(r); r.Killed = b }, gives: []store.ID{b}},
		"it need not":               {wants: func(r *mark.Reservation) { listed(b)(r); r.Killed = b }},
		"one is not enough":         {before: []store.ID{{4}}, wants: func(r *mark.Reservation) { listed(a, b)(r); r.Killed = b }, err: mark.ErrTooMany},
		"its own of before":         {before: []store.ID{a, b}, wants: func(r *mark.Reservation) { r.Asked = append(r.Asked, a) }},
	} {
		m := marks(memstore.New())
		for _, id := range test.before {
			if _, err := m.Reserve(t.Context(), reservation(id), now); err != nil {
				t.Fatal(name, err)
			}
		}
		r := reservation(c)
		if test.wants != nil {
			test.wants(&r)
		}
		gives, err := m.Reserve(t.Context(), r, now)
		if !errors.Is(err, test.err) || !slices.Equal(gives, test.gives) {
			t.Errorf("%s: %v give way, %v; want %v, %v", name, gives, err, test.gives, test.err)
		}
	}
}

func listed(ids ...store.ID) func(*mark.Reservation) {
	return func(r *mark.Reservation) { r.List = func(int) ([]store.ID, error) { return ids, nil } }
}

// A place counts until it is freed, or for as long as a commit may take.
func TestAPlaceIsFreed(t *testing.T) {
	m, ctx, now := marks(memstore.New()), t.Context(), time.Now()
	reserve := func(id byte, at time.Time) error {
		_, err := m.Reserve(ctx, reservation(store.ID{id}), at)
		return err
	}
	if err := errors.Join(reserve(1, now), reserve(2, now)); err != nil {
		t.Fatal(err)
	}
	if err := reserve(3, now.Add(commit.Window-time.Second)); err != mark.ErrTooMany {
		t.Errorf("before it can be over: %v", err)
	}
	if err := m.Free(ctx, "u", []store.ID{{1}}, now); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(reserve(3, now), reserve(4, now.Add(commit.Window+time.Second))); err != nil {
		t.Errorf("after one was freed, and one is over: %v", err)
	}
}

// Of sign-ins at the same time no more succeed than there are places.
func TestSignInsMeetInTheirPlaces(t *testing.T) {
	s := memstore.New()
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			m := marks(s) // each in a process of its own
			_, errs[i] = m.Reserve(context.Background(), reservation(store.ID{byte(i + 1)}), time.Now())
		})
	}
	wg.Wait()
	in := 0
	for _, err := range errs {
		switch {
		case err == nil:
			in++
		case !errors.Is(err, mark.ErrTooMany):
			t.Error(err)
		}
	}
	if in != 2 {
		t.Errorf("%d have a place, want 2", in)
	}
}

// Nobody takes a mark for a session, nor for a session that is corrupt.
func TestAMarkIsToldByItsData(t *testing.T) {
	s := &spy{Store: memstore.New()}
	m := marks(s)
	if _, err := m.SetNotBefore(t.Context(), "u", time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Reserve(t.Context(), reservation(store.ID{1}), time.Now()); err != nil {
		t.Fatal(err)
	}
	if len(s.created) != 2 || s.created[0].ID == s.created[1].ID {
		t.Fatalf("created are %v", s.created)
	}
	for _, rec := range s.created {
		if !mark.Is(rec.Data) || rec.Subject != "" {
			t.Errorf("%q of subject %q is no mark", rec.Data, rec.Subject)
		}
	}
	if mark.Is(nil) || mark.Is([]byte("S\x01envelope")) {
		t.Error("what is no mark is one")
	}
}

type spy struct {
	store.Store
	created []store.Record
}

func (s *spy) Create(ctx context.Context, rec store.Record) error {
	s.created = append(s.created, rec)
	return s.Store.Create(ctx, rec)
}
