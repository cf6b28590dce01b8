// Package limit makes contexts that end in time, cheaply: a call of a store in memory
// takes no timer. It knows nothing of what is called.
package limit

import (
	"context"
	"sync/atomic"
	"time"
)

// A Context is what context.WithTimeout returns, but for its timer: that starts when
// somebody waits on the context. Most calls of a store in memory never do. Whoever makes
// a Context calls Release.
type Context struct {
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

// Within returns a context that ends with its parent, or after d.
func Within(parent context.Context, d time.Duration) *Context {
	c := new(Context)
	c.Start(parent, time.Now(), d)
	return c
}

// Start makes the zero Context one that Within would return.
func (c *Context) Start(parent context.Context, now time.Time, d time.Duration) {
	c.Context, c.deadline = parent, now.Add(d)
}

// Detach returns a context with the values of parent that goes on when parent
// is cancelled, and ends after d.
func Detach(parent context.Context, d time.Duration) *Context {
	c := new(Context)
	c.StartDetached(parent, time.Now(), d)
	return c
}

// StartDetached makes the zero Context one that Detach would return.
func (c *Context) StartDetached(parent context.Context, now time.Time, d time.Duration) {
	c.Context, c.deadline, c.detached = parent, now.Add(d), true
}

// Deadline returns when the context ends at the latest.
func (c *Context) Deadline() (time.Time, bool) {
	if !c.detached {
		if earlier, ok := c.Context.Deadline(); ok && earlier.Before(c.deadline) {
			return earlier, true
		}
	}
	return c.deadline, true
}

// Value finds the timer too, once there is one. Contexts that database drivers derive
// from this one are then told of its end by the timer, and need no goroutine each.
func (c *Context) Value(key any) any {
	if t := c.timed.Load(); t != nil {
		return t.Value(key)
	}
	if c.detached {
		return context.WithoutCancel(c.Context).Value(key) // without the parent's context.Cause
	}
	return c.Context.Value(key)
}

// Done starts the timer.
func (c *Context) Done() <-chan struct{} { return c.wait().Done() }

// Err agrees with Done: contexts that others derive from this one rely on it.
// The first call comes before anything that takes time, and does not look at
// the clock.
func (c *Context) Err() error {
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
func (c *Context) wait() context.Context {
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

// Release ends the context, and its timer if one was started.
func (c *Context) Release() {
	c.state.Or(flagReleased)
	if t := c.timed.Load(); t != nil {
		t.cancel()
	}
}
