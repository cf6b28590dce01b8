package limit_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/internal/limit"
)

func TestAContextEndsInTime(t *testing.T) {
	parent, cancel := context.WithCancel(context.Background())
	c := limit.Within(parent, time.Hour)
	if d, ok := c.Deadline(); !ok || time.Until(d) > time.Hour || c.Err() != nil {
		t.Error("no deadline, or over already")
	}
	cancel()
	<-c.Done()
	if c.Err() != context.Canceled {
		t.Errorf("%v, want Canceled", c.Err())
	}
	early, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	want, _ := early.Deadline()
	if got, ok := limit.Within(early, time.Hour).Deadline(); !ok || !got.Equal(want) {
		t.Errorf("within a parent that ends at %v it ends at %v", want, got)
	}
	if got, _ := limit.Detach(early, time.Hour).Deadline(); !got.After(want) {
		t.Errorf("detached from a parent that ends at %v it ends at %v", want, got)
	}
	d := limit.Detach(parent, time.Millisecond)
	if d.Err() != nil {
		t.Error("a detached context ends with its parent")
	}
	<-d.Done()
	if d.Err() != context.DeadlineExceeded {
		t.Errorf("%v, want DeadlineExceeded", d.Err())
	}
	past := limit.Within(context.Background(), -time.Second)
	<-past.Done()
	if past.Err() != context.DeadlineExceeded {
		t.Errorf("%v, want DeadlineExceeded", past.Err())
	}

	// What is derived from it sees its end, however that comes.
	for _, late := range []bool{false, true} {
		r := limit.Within(context.Background(), time.Hour)
		if late {
			r.Release()
		}
		derived, cancel := context.WithCancel(r)
		defer cancel()
		r.Release()
		<-derived.Done()
		if r.Err() != context.Canceled || derived.Err() != context.Canceled {
			t.Errorf("after release: %v, and %v of what is derived, want Canceled", r.Err(), derived.Err())
		}
	}
}

// Database drivers derive a context from ours for each query.
func TestDerivedContextsTakeNoGoroutine(t *testing.T) {
	parent, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []*limit.Context{limit.Within(parent, time.Hour), limit.Detach(parent, time.Hour)} {
		before := runtime.NumGoroutine()
		for range 100 {
			_, cancel := context.WithCancel(c)
			defer cancel()
		}
		if n := runtime.NumGoroutine() - before; n > 10 { // some of other tests may have begun
			t.Errorf("%d goroutines for 100 derived contexts", n)
		}
		c.Release()
	}
	cancel()
	d := limit.Detach(parent, time.Hour)
	if err := context.Cause(d); err != nil {
		t.Errorf("a detached context has a cause: %v", err)
	}
	derived, cancelDerived := context.WithCancel(d)
	defer cancelDerived()
	if derived.Err() != nil || context.Cause(d) != nil {
		t.Errorf("what is derived from a detached context ends with the parent: %v", derived.Err())
	}
}

// Each step has its time, however many there are; the body of the loop takes what it likes.
func TestEachStepHasItsTime(t *testing.T) { synctest.Test(t, testEachStepHasItsTime) }

func testEachStepHasItsTime(t *testing.T) {
	slow := func(ctx context.Context) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := range 5 {
				wait := 900 * time.Millisecond
				if i == 3 {
					wait = 2 * time.Second
				}
				select {
				case <-time.After(wait):
				case <-ctx.Done():
					yield(0, errors.New("told to stop"))
					return
				}
				if !yield(i, nil) {
					return
				}
			}
		}
	}
	n := 0
	for _, err := range limit.Steps(t.Context(), time.Second, slow) {
		if err != nil {
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "told to stop") {
				t.Errorf("the error is %v", err)
			}
			break
		}
		n++
		time.Sleep(5 * time.Second) // virtual: the body of the loop
	}
	if n != 3 {
		t.Errorf("%d steps were in time, want 3", n)
	}
}

// What outlasts its parent ends as long after it, and has its values.
func TestAContextOutlastsItsParent(t *testing.T) { synctest.Test(t, testAContextOutlastsItsParent) }

func testAContextOutlastsItsParent(t *testing.T) {
	type key struct{}
	parent, end := context.WithCancel(context.WithValue(context.Background(), key{}, "v"))
	ctx, cancel := limit.Outlast(parent, time.Second)
	defer cancel()
	time.Sleep(time.Hour)
	end()
	synctest.Wait()
	if ctx.Err() != nil || ctx.Value(key{}) != "v" {
		t.Errorf("it ended with its parent: %v", ctx.Err())
	}
	begun := time.Now()
	<-ctx.Done()
	if d := time.Since(begun); d != time.Second || context.Cause(ctx) != context.Canceled {
		t.Errorf("it ended after %v by %v", d, context.Cause(ctx))
	}
}

// Whoever asks for the channel after the release finds it closed, though no timer was started
// before.
func TestAReleasedContextIsDone(t *testing.T) {
	for _, c := range []*limit.Context{limit.Within(t.Context(), time.Hour), limit.Detach(t.Context(), time.Hour)} {
		c.Release()
		select {
		case <-c.Done():
		default:
			t.Error("it is not done")
		}
		if c.Err() == nil {
			t.Error("it has no error")
		}
	}
}
