package limit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Steps yields what open yields, and gives each step the time each: nobody knows how many there
// will be. The time that the body of the loop takes does not count.
func Steps[T any](parent context.Context, each time.Duration, open func(context.Context) iter.Seq2[T, error]) iter.Seq2[T, error] {
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

// Outlast returns a context with the values of parent that ends d after parent does. The
// caller cancels it.
func Outlast(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
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
