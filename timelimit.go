package session

import (
	"context"
	"sync/atomic"
	"time"
)

// A limitedContext is what context.WithTimeout returns, but for its timer: that
// starts when somebody waits on the context, which most calls of a store in
// memory never do. Whoever made it releases it.
type limitedContext struct {
	context.Context
	deadline time.Time
	timed    atomic.Pointer[timedContext] // made when first needed
	state    atomic.Uint32                // of the flags below
	detached bool                         // goes on when the parent is cancelled
}

const (
	flagAsked    uint32 = 1 << iota // Err has to look at the clock
	flagReleased                    // it has ended
)

type timedContext struct {
	context.Context
	cancel context.CancelFunc
}

// limit returns a context that ends with its parent, or after d.
func limit(parent context.Context, d time.Duration) *limitedContext {
	c := new(limitedContext)
	c.begin(parent, time.Now(), d)
	return c
}

// begin makes the zero limitedContext one that limit would return.
func (c *limitedContext) begin(parent context.Context, now time.Time, d time.Duration) {
	c.Context, c.deadline = parent, now.Add(d)
	if earlier, ok := parent.Deadline(); ok && earlier.Before(c.deadline) {
		c.deadline = earlier
	}
	if !now.Before(c.deadline) {
		c.state.Store(flagAsked)
	}
}

// detach returns a context with the values of parent that goes on when parent
// is cancelled, and ends after d.
func detach(parent context.Context, d time.Duration) *limitedContext {
	c := new(limitedContext)
	c.beginDetached(parent, time.Now(), d)
	return c
}

// beginDetached makes the zero limitedContext one that detach would return.
func (c *limitedContext) beginDetached(parent context.Context, now time.Time, d time.Duration) {
	c.Context, c.deadline, c.detached = parent, now.Add(d), true
}

func (c *limitedContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Value finds the timer too, once there is one: contexts that database drivers
// derive from this one are then told of its end by it, else by a goroutine each.
func (c *limitedContext) Value(key any) any {
	if t := c.timed.Load(); t != nil {
		return t.Value(key)
	}
	if c.detached {
		return context.WithoutCancel(c.Context).Value(key) // without the parent's context.Cause
	}
	return c.Context.Value(key)
}

func (c *limitedContext) Done() <-chan struct{} { return c.wait().Done() }

// Err agrees with Done: contexts that others derive from this one rely on it.
// The first call comes before anything that takes time, and does not look at
// the clock.
func (c *limitedContext) Err() error {
	state := c.state.Or(flagAsked)
	if c.timed.Load() == nil && state&flagReleased == 0 && (state == 0 || time.Now().Before(c.deadline)) {
		if c.detached {
			return nil
		}
		return c.Context.Err()
	}
	return c.wait().Err()
}

// wait starts the timer.
func (c *limitedContext) wait() context.Context {
	t := c.timed.Load()
	if t == nil {
		t = new(timedContext)
		parent := c.Context
		if c.detached {
			parent = context.WithoutCancel(parent)
		}
		t.Context, t.cancel = context.WithDeadline(parent, c.deadline)
		if !c.timed.CompareAndSwap(nil, t) {
			t.cancel() // another goroutine was first
			t = c.timed.Load()
		}
	}
	if c.state.Load()&flagReleased != 0 { // it may not have seen the timer
		t.cancel()
	}
	return t
}

// release ends the context, and the timer if one was started.
func (c *limitedContext) release() {
	c.state.Or(flagReleased)
	if t := c.timed.Load(); t != nil {
		t.cancel()
	}
}
