package account_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/account"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/memstore"
)

// accounts are over a store in which u has n sessions, of the IDs 1 to n.
func accounts(t *testing.T, n int) *account.Accounts {
	t.Helper()
	s := memstore.New()
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i := range n {
		rec := store.Record{
			ID: id(i + 1), Version: 1, Subject: "u", Created: now, Seen: now,
			Expires: now.Add(time.Hour), Deadline: now.Add(time.Hour), Data: []byte{byte(i)},
		}
		if err := s.Create(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
	}
	return &account.Accounts{Store: s, LoadTimeout: time.Second, EndTimeout: time.Second}
}

func id(n int) (id store.ID) {
	binary.BigEndian.PutUint16(id[:], uint16(n))
	return id
}

func TestTheOldestAreTooMany(t *testing.T) {
	a := accounts(t, 6)
	at := map[store.ID]int64{id(1): 30, id(2): 10, id(3): 20, id(4): 20, id(5): 40, id(6): 10}
	for most, want := range map[int][]int{6: {}, 5: {2}, 3: {2, 3, 6}, 1: {1, 2, 3, 4, 6}, 0: {1, 2, 3, 4, 5, 6}} {
		var got []store.ID
		for id, err := range a.Oldest(t.Context(), "u", most, func(rec *store.Record) int64 { return at[rec.ID] }) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, id)
		}
		slices.SortFunc(got, func(a, b store.ID) int { return slices.Compare(a[:], b[:]) })
		wanted := []store.ID{}
		for _, n := range want {
			wanted = append(wanted, id(n))
		}
		if !slices.Equal(got, wanted) {
			t.Errorf("of 6 with %d allowed %v are too many, want %v", most, got, wanted)
		}
	}
}

func TestIDsStopAtTheMost(t *testing.T) {
	a := accounts(t, 3)
	for most, want := range map[int]string{2: "2 false", 3: "3 false", 4: "3 true"} {
		ids, all, err := a.IDs(t.Context(), "u", most)
		if got := fmt.Sprint(len(ids), all); got != want || err != nil {
			t.Errorf("of 3, at most %d: %s, %v; want %s", most, got, err, want)
		}
	}
}

// An error ends what lists, and what comes after it is not asked for.
func TestAnErrorEndsTheList(t *testing.T) {
	a := &account.Accounts{Store: brokenList{memstore.New()}, LoadTimeout: time.Second}
	if _, _, err := a.IDs(t.Context(), "u", 9); !errors.Is(err, errBroken) {
		t.Errorf("the error is %v", err)
	}
	n := 0
	for _, err := range a.Oldest(t.Context(), "u", 0, func(*store.Record) int64 { return 0 }) {
		if n++; !errors.Is(err, errBroken) {
			t.Errorf("the error is %v", err)
		}
	}
	if n != 1 {
		t.Errorf("%d were yielded, want the error alone", n)
	}
}

var errBroken = errors.New("broken")

type brokenList struct{ store.Store }

func (brokenList) List(context.Context, string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) { yield(store.Record{}, errBroken) }
}

// A store without a list says so before anything is asked of it.
func TestAStoreThatCannotListSaysSo(t *testing.T) {
	a := &account.Accounts{Store: struct{ store.Store }{memstore.New()}, EndTimeout: time.Second}
	_, err := a.Revoke(t.Context(), "u", store.ID{}, nil)
	_, _, again := a.IDs(t.Context(), "u", 1)
	if !errors.Is(err, errors.ErrUnsupported) || !errors.Is(again, errors.ErrUnsupported) {
		t.Errorf("the errors are %v, %v", err, again)
	}
}

// Each session is tried, and the error names the first hundred that are left.
func TestOneThatCannotBeEndedKeepsNoneAlive(t *testing.T) {
	a := accounts(t, 130)
	a.Store = &stubborn{Lister: a.Store.(store.Lister), keeps: func(id store.ID) bool { return id[1] <= 120 }}
	ended := 0
	n, err := a.Revoke(t.Context(), "u", id(130), func(store.ID) { ended++ })
	if n != 9 || ended != 9 {
		t.Errorf("%d ended, %d were told, want 9", n, ended)
	}
	if err == nil || !errors.Is(err, errBroken) || strings.Count(err.Error(), "delete ") != 100 || !strings.Contains(err.Error(), "20 more") {
		t.Errorf("the error is %v", err)
	}
	if ids, _, err := a.IDs(t.Context(), "u", 200); len(ids) != 121 || !slices.Contains(ids, id(130)) || err != nil {
		t.Errorf("%d are left, %v", len(ids), err)
	}
}

// stubborn is a store that does not delete every session.
type stubborn struct {
	store.Lister
	keeps func(store.ID) bool
}

func (s *stubborn) Delete(ctx context.Context, id store.ID) error {
	if s.keeps(id) {
		return errBroken
	}
	return s.Lister.Delete(ctx, id)
}
