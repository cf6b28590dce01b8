package change_test

import (
	"errors"
	"testing"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
)

// The function of an update runs once for each value that it finds, and its error counts each time.
func TestAFunctionRunsAgainOnlyForAnotherValue(t *testing.T) {
	rules := &change.Rules{MaxSize: 1000, MaxValues: 10, MaxPending: 10}
	runs := 0
	errShort := errors.New("too short")
	op := change.Op{Kind: change.Update, Key: "k", Updating: &change.Updating{Update: func(old envelope.Value, ok bool) (envelope.Value, error) {
		runs++
		if len(old.Data) < 2 {
			return old, errShort
		}
		old.Data = append([]byte("+"), old.Data...)
		return old, nil
	}}}
	var memo change.Memo
	for _, step := range []struct {
		was    string
		failed bool
		runs   int
	}{{"abc", false, 1}, {"abc", false, 1}, {"x", true, 2}, {"x", true, 2}, {"abc", false, 3}} {
		d := change.Begin(sid.NewID(), 1)
		set := change.Op{Kind: change.Set, Key: "k", Value: envelope.Value{Data: []byte(step.was)}}
		var failed bool
		memo, failed = memo.Apply([]change.Op{set, op}, &d, rules)
		v, _ := d.Lookup("k")
		if want := map[bool]string{true: step.was, false: "+" + step.was}[step.failed]; string(v.Data) != want || failed != step.failed || runs != step.runs {
			t.Errorf("of %q: %q, failed %v, after %d runs", step.was, v.Data, failed, runs)
		}
	}
}
