package session

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// stepwise ranges over what a store yields by and by. Each step may take so long,
// for none can be told how many there will be; what the body of the loop takes is
// not counted.
func stepwise[T any](parent context.Context, each time.Duration, open func(context.Context) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancelCause(parent)
		defer cancel(nil)
		late := time.AfterFunc(each, func() { cancel(context.DeadlineExceeded) })
		defer late.Stop()
		for v, err := range open(ctx) {
			late.Stop()
			// The store knows only that it was told to stop.
			if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
				err = fmt.Errorf("%w: %w", cause, err)
			}
			if !yield(v, err) {
				return
			}
			late.Reset(each)
		}
	}
}

// outlast returns a context with the values of parent that ends d after it. The
// caller cancels it.
func outlast(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(context.Cause(parent))
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		stop()
		cancel(nil)
	}
}
