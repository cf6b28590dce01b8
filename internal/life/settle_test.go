package life_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/life"
)

// beside makes a request whose change no longer fits beside what another has stored, and which
// has seen that.
func beside(w *world, token string, mine, others func(s *life.Session)) *life.Session {
	s := w.visit(token)
	w.must(set(s, "mine", strings.Repeat("m", 6000)))
	mine(s)
	o, err := w.load(w.other, &life.Visitor{Upgrade: true}, token) // which rotates nothing
	w.must(err)
	w.must(set(o, "others", strings.Repeat("o", 6000)))
	others(o)
	w.must(o.Commit(w.t.Context(), false))
	w.must(s.Reload(w.t.Context()))
	return s
}

func nothing(*life.Session) {}

// As long as such a change is pending, each commit fails.
func TestEachCommitOfAChangeThatFailsReturnsItsError(t *testing.T) {
	w := newWorld(t)
	s := beside(w, w.stored("", "a=x"), nothing, nothing)
	for range 3 {
		w.fails("commit", s.Commit(t.Context(), false), change.ErrTooLarge)
	}
	s.Discard()
	w.must(set(s, "b", "y"))
	w.must(s.Commit(t.Context(), false))
}

// That the others among the changes leave the session as it is makes no success of it.
func TestAChangeThatFailsIsNoReasonToWriteNothing(t *testing.T) {
	w := newWorld(t)
	same := func(s *life.Session) { w.must(set(s, "b", "y")) }
	s := beside(w, w.stored("", "a=x"), same, same)
	w.fails("commit", s.Commit(t.Context(), false), change.ErrTooLarge)
}

// A commit that applies its changes anew rotates the token as any other.
func TestACommitThatAppliesAnewRotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rotating)
		token := w.stored("", "a=x")
		time.Sleep(rotateEvery)
		s := beside(w, token, nothing, nothing)
		w.must(set(s, "mine", "short"))
		w.must(s.Commit(t.Context(), false))
		if got := shows(w.visit(w.token(s))); !strings.Contains(got, "mine=short") {
			t.Errorf("the new token shows %.100q", got)
		}
	})
}
