package memstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

// fillUp creates small records from a number on until the store is full, and
// returns how many.
func fillUp(t *testing.T, s *Store, from uint64, subject func(uint64) string) (n uint64) {
	for ; ; n++ {
		err := s.Create(t.Context(), small(from+n, subject(n)))
		if errors.Is(err, ErrFull) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func anonymous(uint64) string { return "" }

// TestLimit holds that a full store refuses visitors first, and then all that
// grows, and nothing else.
func TestLimit(t *testing.T) {
	const limit, firstUser = 4 << 20, 1 << 32
	ctx := t.Context()
	start := heap()
	s := NewLimited(limit)
	used := func() float64 { return float64(s.limit.used.Load()) / limit }
	visitors := fillUp(t, s, 0, anonymous)
	if got := used(); got < 0.86 || got > 0.876 {
		t.Errorf("visitors took %.3f of the limit", got)
	}
	r := small(0, "")
	r.Version, r.Data = 1<<40, make([]byte, len(r.Data)+100)
	if err := s.Save(ctx, r, 0); !errors.Is(err, ErrFull) {
		t.Errorf("Save of a visitor's record that grows: error %v, want ErrFull", err)
	}
	own := store.Record{ID: store.ID{1, 2, 3}, Version: 1, Seen: now(), Expires: now().Add(time.Hour), Deadline: now().Add(time.Hour)}
	if err := s.Create(ctx, own); err != nil {
		t.Errorf("Create of a record of the manager's own: %v", err)
	}
	own.Version, own.Data = 2, make([]byte, 100)
	if err := s.Save(ctx, own, 1); err != nil {
		t.Errorf("Save of a record of the manager's own that grows: %v", err)
	}
	signsIn := small(1, "")
	signsIn.Version, signsIn.Subject, signsIn.Data = 1<<40, "realm:ada", make([]byte, len(signsIn.Data)+100)
	if err := s.Save(ctx, signsIn, 1); err != nil {
		t.Errorf("Save of a visitor's record that becomes a user's: %v", err)
	}
	if err := errors.Join(s.Delete(ctx, own.ID), s.Delete(ctx, signsIn.ID), s.Create(ctx, small(1, "realm:ada"))); err != nil {
		t.Fatal(err)
	}
	users := fillUp(t, s, firstUser, subjectOf)
	if got := used(); got < 0.98 || got > 1.002 {
		t.Errorf("visitors and users took %.3f of the limit", got)
	}
	if users < visitors/10 {
		t.Errorf("there was room for %d users after %d visitors", users, visitors)
	}
	if grown := heap() - start; grown > limit*102/100 {
		t.Errorf("the heap grew by %d bytes", grown)
	}

	if err := s.Save(ctx, r, 0); !errors.Is(err, ErrFull) {
		t.Errorf("Save of a record that grows: error %v, want ErrFull", err)
	}
	if got, err := s.Load(ctx, r.ID); err != nil || got.Version != 0 {
		t.Errorf("after that: version %d, error %v", got.Version, err)
	}
	for round := range uint64(5) {
		for i := range visitors + users {
			r := small(i, "")
			if i >= visitors {
				r = small(firstUser+i-visitors, subjectOf(i-visitors))
			}
			old := r.Version + round<<40
			r.Version = old + 1<<40
			if round == 4 {
				r.Data = r.Data[:len(r.Data)/2]
			}
			if err := s.Save(ctx, r, old); err != nil {
				t.Fatalf("Save of a record that does not grow: %v", err)
			}
			if got := used(); got > 9./8+64*maxChunk/float64(limit) {
				t.Fatalf("records that do not grow take %.3f of the limit", got)
			}
		}
	}
	checkInvariants(t, s)
	for i := range visitors {
		if err := s.Delete(ctx, small(i, "").ID); err != nil {
			t.Fatal(err)
		}
	}
	if again := fillUp(t, s, 1<<33, anonymous); again < visitors/2 {
		t.Errorf("after %d visitors left there was room for %d", visitors, again)
	}
	checkInvariants(t, s)
	if err := s.Close(); err != nil || used() != 0 {
		t.Errorf("after Close (error %v) %.3f of the limit are used", err, used())
	}
}

func TestErrFullSaysWhatToDo(t *testing.T) {
	for _, err := range []error{ErrFull, errFullForAnonymous, errTooMany} {
		if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "raise its limit") {
			t.Errorf("%v", err)
		}
	}
}

func TestLeastLimit(t *testing.T) {
	defer func() {
		if text := fmt.Sprint(recover()); !strings.Contains(text, "1048576") {
			t.Errorf("NewLimited panics with %q", text)
		}
	}()
	NewLimited(MinLimit - 1)
}

func TestOpenLimited(t *testing.T) {
	s, err := store.Open("memory:?max_bytes=2097152")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.(*Store).limit.max; got != 2<<20 {
		t.Errorf("the limit is %d", got)
	}
	for _, url := range []string{
		"memory:?max_bytes=", "memory:?max_bytes=-1", "memory:?max_bytes=hunter2", "memory:?max_bytes=100",
		"memory:?max_bytes=2097152&max_bytes=2097152", "memory:?max_bytes=2097152&password=hunter2",
		"memory:?max_bytes=9223372036854775808", "memory:?max_bytes=2MB", "memory:?", "memory:?%zzhunter2", "memory:hunter2?max_bytes=2097152",
	} {
		_, err := store.Open(url)
		if err == nil {
			t.Errorf("Open(%q) succeeds", url)
		} else if !strings.Contains(err.Error(), "max_bytes") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q): %v", url, err)
		}
	}
}
