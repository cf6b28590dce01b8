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
}

// limit returns a context that ends with its parent, or after d.
func limit(parent context.Context, d time.Duration) *limitedContext {
	deadline := time.Now().Add(d)
	if earlier, ok := parent.Deadline(); ok && earlier.Before(deadline) {
		deadline = earlier
	}
	return &limitedContext{Context: parent, deadline: deadline}
}

// detach returns a context with the values of parent that goes on when parent
// is cancelled, and ends after d.
func detach(parent context.Context, d time.Duration) *limitedContext {
	return limit(context.WithoutCancel(parent), d)
}

func (c *limitedContext) Deadline() (time.Time, bool) { return c.deadline, true }

func (c *limitedContext) Done() <-chan struct{} { return c.wait().Done() }

// Err agrees with Done: contexts that others derive from this one rely on it.
func (c *limitedContext) Err() error {
	c.mu.Lock()
	waiting := c.timed != nil || c.released
	c.mu.Unlock()
	if !waiting && time.Now().Before(c.deadline) {
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
