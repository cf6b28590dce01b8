package session

import (
	"context"
	"sync"
	"time"
)

// A limitedContext is what context.WithTimeout returns, but for its timer: that
// starts when somebody waits on the context, which most calls of a store in
// memory never do. Whoever made it releases it.
type limitedContext struct {
	context.Context
	deadline time.Time

	mu       sync.Mutex
	timed    context.Context // made when first needed
	cancel   context.CancelFunc
	released bool
	asked    bool // Err has to look at the clock
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
	c.asked = !now.Before(c.deadline)
}

// detach returns a context with the values of parent that goes on when parent
// is cancelled, and ends after d.
func detach(parent context.Context, d time.Duration) *limitedContext {
	return limit(context.WithoutCancel(parent), d)
}

func (c *limitedContext) Deadline() (time.Time, bool) { return c.deadline, true }

func (c *limitedContext) Done() <-chan struct{} { return c.wait().Done() }

// Err agrees with Done: contexts that others derive from this one rely on it.
// The first call comes before anything that takes time, and does not look at
// the clock.
func (c *limitedContext) Err() error {
	c.mu.Lock()
	waiting, first := c.timed != nil || c.released, !c.asked
	c.asked = true
	c.mu.Unlock()
	if !waiting && (first || time.Now().Before(c.deadline)) {
		return c.Context.Err()
	}
	return c.wait().Err()
}

// wait starts the timer.
func (c *limitedContext) wait() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timed == nil {
		c.timed, c.cancel = context.WithDeadline(c.Context, c.deadline)
		if c.released {
			c.cancel()
		}
	}
	return c.timed
}

// release ends the context, and the timer if one was started.
func (c *limitedContext) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.released = true
	if c.cancel != nil {
		c.cancel()
	}
}
