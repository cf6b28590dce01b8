package accounts

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
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
)

// signInMany puts so many sessions of u into the store, copies of one that was
// signed in.
func signInMany(p *probe.Probe, n int) {
	p.T.Helper()
	ctx := p.T.Context()
	p.Client().Must(probe.Login(p.T, "u"))
	rec, err := p.Tap.Under.Load(ctx, p.IDsOf("u")[0])
	if err != nil {
		p.T.Fatal(err)
	}
	for i := range n - 1 {
		binary.BigEndian.PutUint32(rec.ID[:], uint32(i)*2654435761) // spread as random ones are
		if err := p.Tap.Under.Create(ctx, rec); err != nil {
			p.T.Fatal(err)
		}
	}
	p.Saw()
}

// However many sessions a subject has, listing them and ending them all takes no
// more memory than for a few.
func TestTensOfThousandsOfSessionsAreListedAndRevoked(t *testing.T) {
	const n = 45_000
	tap := probe.NewTap()
	m, err := session.NewManager(tap.Under, session.Config{Observer: func(context.Context, session.Event) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	signInMany(probe.Over(t, tap, session.Config{}), n)
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	start, most, listed := heap(), uint64(0), 0
	for _, err := range m.List(t.Context(), "u") {
		probe.Must(t, err)
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
	if left, err := probe.Collect(m.List(t.Context(), "u")); len(left) > 0 || err != nil {
		t.Errorf("%d sessions are left, %v", len(left), err)
	}
}

// Each session that is revoked is told of by its ID, by whatever way the store has.
func TestRevokeAllTellsOfEachSession(t *testing.T) {
	for _, batches := range []bool{false, true} {
		p := probe.New(t, session.Config{})
		signInMany(p, 20)
		want := p.IDsOf("u")
		m := p.M
		if batches {
			m = deletes(p, nil, session.Config{})
		}
		if n, err := m.RevokeAll(t.Context(), "u"); n != len(want) || err != nil {
			t.Errorf("RevokeAll: %d, %v; want %d", n, err, len(want))
		}
		var told []session.ID
		for _, e := range p.Saw() {
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
func deletes(p *probe.Probe, batch func(context.Context) error, cfg session.Config) *session.Manager {
	p.T.Helper()
	cfg.Observer = p.Observe
	m, err := session.NewManager(&deleting{p.Tap, batch}, cfg)
	if err != nil {
		p.T.Fatal(err)
	}
	p.T.Cleanup(func() { m.Close() })
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
		p := probe.New(t, session.Config{})
		signInMany(p, 100)
		if n, err := deletes(p, slow(3*time.Second), session.Config{}).RevokeAll(t.Context(), "u"); n != 100 || err != nil {
			t.Errorf("batches of 3 seconds each: %d, %v; want 100", n, err)
		}
		signInMany(p, 100)
		gone, hangUp := context.WithCancel(t.Context())
		hangUp()
		if n, err := deletes(p, slow(100*time.Millisecond), session.Config{}).RevokeAll(gone, "u"); n != 100 || err != nil {
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
				p := probe.New(t, session.Config{})
				signInMany(p, 200)
				p.Tap.Fail("delete", errors.New("not one by one"))
				ctx, cancel := context.WithTimeout(t.Context(), c.patience)
				defer cancel()
				n, err := deletes(p, slow(c.batch), session.Config{}).RevokeAll(ctx, "u")
				if n < c.want-10 || n > c.want+10 || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("RevokeAll: %d, %v; want about %d, and that the time is over", n, err, c.want)
				}
				if left := len(p.IDsOf("u")); left < 200-n-10 || left > 200-n {
					t.Errorf("%d sessions are left where %d of 200 were ended", left, n)
				}
			})
		})
	}
}

// A list has no time limit for all of it either.
func TestAListHasAsLongAsItsLoopTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probe.New(t, session.Config{})
		signInMany(p, 20)
		n := 0
		for _, err := range p.M.List(t.Context(), "u") {
			probe.Must(t, err)
			n++
			time.Sleep(4 * time.Second)
		}
		if n != 20 {
			t.Errorf("%d sessions, want 20", n)
		}
		p.Tap.Put(func(ctx context.Context, op string, do func() error) error { return slow(time.Hour)(ctx) })
		begun := time.Now()
		_, err := probe.Collect(p.M.List(t.Context(), "u"))
		if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took > 6*time.Second {
			t.Errorf("a store that hangs: %v after %v", err, took)
		}
	})
}

// A session that cannot be deleted keeps no other alive, and the error names it.
func TestASessionThatCannotBeDeletedKeepsNoOtherAlive(t *testing.T) {
	for _, batches := range []bool{false, true} {
		p := probe.New(t, session.Config{})
		signInMany(p, 20)
		stays := p.IDsOf("u")[7]
		p.Tap.Undeletable = func(id store.ID) error {
			if id == stays {
				return errors.New("it is locked")
			}
			return nil
		}
		m := p.M
		if batches {
			m = deletes(p, func(context.Context) error { return errors.New("one of them is locked") }, session.Config{})
		}
		n, err := m.RevokeAll(t.Context(), "u")
		if n != 19 || err == nil || !strings.Contains(err.Error(), stays.String()) {
			t.Errorf("RevokeAll: %d, %v; want 19, and an error with %v", n, err, stays)
		}
		if left := p.IDsOf("u"); len(left) != 1 || left[0] != stays {
			t.Errorf("%v are left", left)
		}
	}
}

// The error of a revocation stays readable, however many sessions it is about.
func TestTheErrorOfARevocationIsBounded(t *testing.T) {
	p := probe.New(t, session.Config{})
	signInMany(p, 250)
	p.Tap.Fail("delete", errors.New("down"))
	n, err := p.M.RevokeAll(t.Context(), "u")
	if n != 0 || err == nil || strings.Count(err.Error(), "down") != 100 || !strings.Contains(err.Error(), "150 more") {
		t.Errorf("RevokeAll: %d, and an error of %d bytes", n, len(fmt.Sprint(err)))
	}
}

// A limit that comes later finds more sessions than it allows.
func TestALimitHoldsForTheSessionsOfBefore(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := probe.New(t, session.Config{})
			own := p.Client().Must(probe.Login(t, "u"))
			signInMany(p, 300)
			time.Sleep(time.Second)
			limited := probe.Over(t, p.Tap, session.Config{MaxSessions: 5, RefuseLogin: refuse})
			mine := limited.With(own.Token())
			if refuse {
				if status := limited.Client().Visit(probe.Login(t, "u")).StatusCode; status != http.StatusForbidden {
					t.Errorf("one more: status %d, want 403", status)
				}
				mine.Must(probe.Login(t, "u")).Wants("<u>") // it has its place
				return
			}
			mine.Must(probe.Login(t, "u")).Wants("<u>")
			if left := len(limited.IDsOf("u")); left != 5 {
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
			p := probe.New(t, session.Config{})
			q := probe.Over(t, p.Tap, session.Config{})
			if before {
				_, err := p.M.RevokeAll(t.Context(), "u")
				probe.Must(t, err)
			}
			p.Client().Must(probe.Login(t, "u"))
			p.Tap.At(step, false, func() {
				reached = true
				_, err := q.M.RevokeAll(t.Context(), "u")
				probe.Must(t, err)
			})
			if _, err := p.M.RevokeAll(t.Context(), "u"); err != nil {
				t.Errorf("at step %d: %v", step, err)
			}
			p.Tap.Put(nil)
			if left := p.IDsOf("u"); len(left) > 0 {
				t.Errorf("at step %d: %d sessions are left", step, len(left))
			}
		}
	}
}

func TestRevokeAllTakesASubject(t *testing.T) {
	p := probe.New(t, session.Config{})
	guest := p.Client().Must(probe.Set(t, "k", 1))
	for _, subject := range []string{"", "a\x00b", "\xff", strings.Repeat("x", 256)} {
		if n, err := p.M.RevokeAll(t.Context(), subject); n != 0 || err == nil {
			t.Errorf("RevokeAll(%q): %d, %v", subject, n, err)
		}
		if ended, err := p.M.RevokeFor(t.Context(), subject, session.ID{1}); ended || err == nil {
			t.Errorf("RevokeFor(%q): %v, %v", subject, ended, err)
		}
		if infos, err := probe.Collect(p.M.List(t.Context(), subject)); len(infos) > 0 || err == nil {
			t.Errorf("List(%q): %v, %v", subject, infos, err)
		}
	}
	guest.Wants("<> k=1")
}

// RevokeFor says that it has ended a session only where it has.
func TestRevokeForSaysNothingBesideAnError(t *testing.T) {
	for _, op := range []string{"load", "delete"} {
		p := probe.New(t, session.Config{})
		c := p.Client().Must(probe.Login(t, "u"))
		id := p.IDsOf("u")[0]
		down := errors.New("down")
		p.Tap.Fail(op, down)
		ended, err := p.M.RevokeFor(t.Context(), "u", id)
		p.Tap.Put(nil)
		if ended || !errors.Is(err, down) {
			t.Errorf("%s fails: %v, %v", op, ended, err)
		}
		c.Wants("<u>")
	}
}

// A place whose session is there counts once, though it was never given back.
func TestAPlaceCountsNoMoreOnceItsSessionIsThere(t *testing.T) {
	p := probe.New(t, session.Config{MaxSessions: 2, RefuseLogin: true})
	p.Tap.Fail("save", errors.New("down")) // the place is created, and never given back
	p.Client().Must(probe.Login(t, "u")).Wants("<u>")
	p.Tap.Put(nil)
	p.Client().Must(probe.Login(t, "u")).Wants("<u>")
	if status := p.Client().Visit(probe.Login(t, "u")).StatusCode; status != http.StatusForbidden {
		t.Errorf("a third one: status %d, want 403", status)
	}
}
