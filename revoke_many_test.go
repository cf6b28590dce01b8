package session_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

// signInMany puts so many sessions of u into the store, copies of one that was
// signed in.
func (p *probe) signInMany(n int) {
	p.t.Helper()
	ctx := p.t.Context()
	p.client().must(login(p.t, "u"))
	rec, err := p.tap.under.Load(ctx, p.idsOf("u")[0])
	if err != nil {
		p.t.Fatal(err)
	}
	for i := range n - 1 {
		binary.BigEndian.PutUint32(rec.ID[:], uint32(i)*2654435761) // spread as random ones are
		if err := p.tap.under.Create(ctx, rec); err != nil {
			p.t.Fatal(err)
		}
	}
	p.saw()
}

// However many sessions a subject has, listing them and ending them all takes no
// more memory than for a few.
func TestTensOfThousandsOfSessionsAreListedAndRevoked(t *testing.T) {
	const n = 45_000
	tap := newTap()
	m, err := session.NewManager(tap.under, session.Config{Observer: func(context.Context, session.Event) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	probeOver(t, tap, session.Config{}).signInMany(n)
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	start, most, listed := heap(), uint64(0), 0
	for _, err := range m.List(t.Context(), "u") {
		must(t, err)
		if listed++; listed%(n/5) == 0 {
			most = max(most, heap())
		}
	}
	if listed != n || most > start+1<<20 {
		t.Errorf("%d sessions are listed, want %d; the heap grows from %d to %d bytes", listed, n, start, most)
	}
	if revoked, err := m.RevokeAll(t.Context(), "u"); revoked != n || err != nil {
		t.Errorf("RevokeAll: %d, %v; want %d", revoked, err, n)
	}
	if left, err := collect(m.List(t.Context(), "u")); len(left) > 0 || err != nil {
		t.Errorf("%d sessions are left, %v", len(left), err)
	}
}

// Each session that is revoked is told of by its ID, by whatever way the store has.
func TestRevokeAllTellsOfEachSession(t *testing.T) {
	for _, batches := range []bool{false, true} {
		p := newProbe(t, session.Config{})
		p.signInMany(20)
		want := p.idsOf("u")
		m := p.m
		if batches {
			m = p.deletes(nil, session.Config{})
		}
		if n, err := m.RevokeAll(t.Context(), "u"); n != len(want) || err != nil {
			t.Errorf("RevokeAll: %d, %v; want %d", n, err, len(want))
		}
		var told []session.ID
		for _, e := range p.saw() {
			if e.Kind != session.EventRevoked || e.Subject != "u" {
				t.Errorf("the event %v", e)
			}
			told = append(told, e.ID)
		}
		slices.SortFunc(told, func(a, b session.ID) int { return slices.Compare(a[:], b[:]) })
		if !slices.Equal(told, want) {
			t.Errorf("told of %d sessions, want %d", len(told), len(want))
		}
	}
}

// deletes returns a manager over the probe's store that deletes by subject there.
func (p *probe) deletes(batch func(context.Context) error, cfg session.Config) *session.Manager {
	p.t.Helper()
	cfg.Observer = func(_ context.Context, e session.Event) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.events = append(p.events, e)
	}
	m, err := session.NewManager(&deleting{p.tap, batch}, cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { m.Close() })
	return m
}

// slow is a batch that takes so long, or until its context ends.
func slow(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// The time limit is that of a batch, not of all of them; and who hangs up meanwhile
// has its sessions ended.
func TestARevocationHasAsLongAsItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		p.signInMany(100)
		if n, err := p.deletes(slow(3*time.Second), session.Config{}).RevokeAll(t.Context(), "u"); n != 100 || err != nil {
			t.Errorf("batches of 3 seconds each: %d, %v; want 100", n, err)
		}
		p.signInMany(100)
		gone, hangUp := context.WithCancel(t.Context())
		hangUp()
		if n, err := p.deletes(slow(100*time.Millisecond), session.Config{}).RevokeAll(gone, "u"); n != 100 || err != nil {
			t.Errorf("for a client that has hung up: %d, %v; want 100", n, err)
		}
	})
}

// What was ended before the time was over stays ended.
func TestARevocationThatIsCutOffKeepsWhatItHasEnded(t *testing.T) {
	for name, c := range map[string]struct {
		batch, patience time.Duration
		want            int // sessions that end
	}{
		"a batch that hangs":  {time.Hour, time.Hour, 0},
		"a context that ends": {time.Second, 3 * time.Second, 80}, // and 5 seconds more are its due
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProbe(t, session.Config{})
				p.signInMany(200)
				p.tap.fail("delete", errors.New("not one by one"))
				ctx, cancel := context.WithTimeout(t.Context(), c.patience)
				defer cancel()
				n, err := p.deletes(slow(c.batch), session.Config{}).RevokeAll(ctx, "u")
				if n < c.want-10 || n > c.want+10 || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("RevokeAll: %d, %v; want about %d, and that the time is over", n, err, c.want)
				}
				if left := len(p.idsOf("u")); left < 200-n-10 || left > 200-n {
					t.Errorf("%d sessions are left where %d of 200 were ended", left, n)
				}
			})
		})
	}
}

// A list has no time limit for all of it either.
func TestAListHasAsLongAsItsLoopTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProbe(t, session.Config{})
		p.signInMany(20)
		n := 0
		for _, err := range p.m.List(t.Context(), "u") {
			must(t, err)
			n++
			time.Sleep(4 * time.Second)
		}
		if n != 20 {
			t.Errorf("%d sessions, want 20", n)
		}
		p.tap.put(func(ctx context.Context, op string, do func() error) error { return slow(time.Hour)(ctx) })
		begun := time.Now()
		_, err := collect(p.m.List(t.Context(), "u"))
		if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took > 6*time.Second {
			t.Errorf("a store that hangs: %v after %v", err, took)
		}
	})
}

// A session that cannot be deleted keeps no other alive, and the error names it.
func TestASessionThatCannotBeDeletedKeepsNoOtherAlive(t *testing.T) {
	for _, batches := range []bool{false, true} {
		p := newProbe(t, session.Config{})
		p.signInMany(20)
		stays := p.idsOf("u")[7]
		p.tap.undeletable = func(id store.ID) error {
			if id == stays {
				return errors.New("it is locked")
			}
			return nil
		}
		m := p.m
		if batches {
			m = p.deletes(func(context.Context) error { return errors.New("one of them is locked") }, session.Config{})
		}
		n, err := m.RevokeAll(t.Context(), "u")
		if n != 19 || err == nil || !strings.Contains(err.Error(), stays.String()) {
			t.Errorf("RevokeAll: %d, %v; want 19, and an error with %v", n, err, stays)
		}
		if left := p.idsOf("u"); len(left) != 1 || left[0] != stays {
			t.Errorf("%v are left", left)
		}
	}
}

// The error of a revocation stays readable, however many sessions it is about.
func TestTheErrorOfARevocationIsBounded(t *testing.T) {
	p := newProbe(t, session.Config{})
	p.signInMany(250)
	p.tap.fail("delete", errors.New("down"))
	n, err := p.m.RevokeAll(t.Context(), "u")
	if n != 0 || err == nil || strings.Count(err.Error(), "down") != 100 || !strings.Contains(err.Error(), "150 more") {
		t.Errorf("RevokeAll: %d, and an error of %d bytes", n, len(fmt.Sprint(err)))
	}
}

// A limit that comes later finds more sessions than it allows.
func TestALimitHoldsForTheSessionsOfBefore(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := newProbe(t, session.Config{})
			own := p.client().must(login(t, "u"))
			p.signInMany(300)
			time.Sleep(time.Second)
			limited := probeOver(t, p.tap, session.Config{MaxSessions: 5, RefuseLogin: refuse})
			mine := limited.with(own.token())
			if refuse {
				if status := limited.client().visit(login(t, "u")).StatusCode; status != http.StatusForbidden {
					t.Errorf("one more: status %d, want 403", status)
				}
				mine.must(login(t, "u")).wants("<u>") // it has its place
				return
			}
			mine.must(login(t, "u")).wants("<u>")
			if left := len(limited.idsOf("u")); left != 5 {
				t.Errorf("%d sessions are left, want 5", left)
			}
		})
	}
}

// Of two that revoke at once, on two machines, both succeed.
func TestTwoMayRevokeAllAtOnce(t *testing.T) {
	for step, reached := 0, true; reached; step++ {
		reached = false
		for _, before := range []bool{false, true} { // whether there is a not-before
			p := newProbe(t, session.Config{})
			q := probeOver(t, p.tap, session.Config{})
			if before {
				_, err := p.m.RevokeAll(t.Context(), "u")
				must(t, err)
			}
			p.client().must(login(t, "u"))
			p.tap.at(step, false, func() {
				reached = true
				_, err := q.m.RevokeAll(t.Context(), "u")
				must(t, err)
			})
			if _, err := p.m.RevokeAll(t.Context(), "u"); err != nil {
				t.Errorf("at step %d: %v", step, err)
			}
			p.tap.put(nil)
			if left := p.idsOf("u"); len(left) > 0 {
				t.Errorf("at step %d: %d sessions are left", step, len(left))
			}
		}
	}
}

func TestRevokeAllTakesASubject(t *testing.T) {
	p := newProbe(t, session.Config{})
	guest := p.client().must(set(t, "k", 1))
	for _, subject := range []string{"", "a\x00b", "\xff", strings.Repeat("x", 256)} {
		if n, err := p.m.RevokeAll(t.Context(), subject); n != 0 || err == nil {
			t.Errorf("RevokeAll(%q): %d, %v", subject, n, err)
		}
		if ended, err := p.m.RevokeFor(t.Context(), subject, session.ID{1}); ended || err == nil {
			t.Errorf("RevokeFor(%q): %v, %v", subject, ended, err)
		}
		if infos, err := collect(p.m.List(t.Context(), subject)); len(infos) > 0 || err == nil {
			t.Errorf("List(%q): %v, %v", subject, infos, err)
		}
	}
	guest.wants("<> k=1")
}

// RevokeFor says that it has ended a session only where it has.
func TestRevokeForSaysNothingBesideAnError(t *testing.T) {
	for _, op := range []string{"load", "delete"} {
		p := newProbe(t, session.Config{})
		c := p.client().must(login(t, "u"))
		id := p.idsOf("u")[0]
		down := errors.New("down")
		p.tap.fail(op, down)
		ended, err := p.m.RevokeFor(t.Context(), "u", id)
		p.tap.put(nil)
		if ended || !errors.Is(err, down) {
			t.Errorf("%s fails: %v, %v", op, ended, err)
		}
		c.wants("<u>")
	}
}

// A place whose session is there counts once, though it was never given back.
func TestAPlaceCountsNoMoreOnceItsSessionIsThere(t *testing.T) {
	p := newProbe(t, session.Config{MaxSessions: 2, RefuseLogin: true})
	p.tap.fail("save", errors.New("down")) // the place is created, and never given back
	p.client().must(login(t, "u")).wants("<u>")
	p.tap.put(nil)
	p.client().must(login(t, "u")).wants("<u>")
	if status := p.client().visit(login(t, "u")).StatusCode; status != http.StatusForbidden {
		t.Errorf("a third one: status %d, want 403", status)
	}
}
