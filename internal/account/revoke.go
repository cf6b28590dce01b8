package account

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/store"
)

// Revoke ends the sessions of a subject but for one, calls ended with each, and returns how
// many. It tries each, whatever becomes of the others, and joins what went wrong. When ctx
// ends it goes on for EndTimeout.
func (a *Accounts) Revoke(ctx context.Context, subject string, but store.ID, ended func(store.ID)) (int, error) {
	lasting, cancel := limit.Outlast(ctx, a.EndTimeout)
	defer cancel()
	var errs failures
	n, broke := a.revoke(lasting, a.Store, subject, but, ended, &errs)
	failed := len(errs.first)
	if d, ok := a.Store.(store.SubjectDeleter); ok && broke != nil {
		// Each by itself: one that cannot be deleted must not keep the others alive.
		more, again := a.revoke(lasting, struct{ store.Lister }{d}, subject, but, ended, &errs)
		if n += more; again == nil && len(errs.first) == failed {
			broke = nil
		}
		broke = errors.Join(broke, again)
	}
	return n, errors.Join(errs.join(), broke)
}

// revoke ends what it can of a subject's sessions in a store. Those that it cannot end are
// among the failures; the error is what ended it.
func (a *Accounts) revoke(ctx context.Context, s store.Store, subject string, but store.ID, ended func(store.ID), errs *failures) (n int, broke error) {
	deleted := limit.Steps(ctx, a.EndTimeout, func(ctx context.Context) iter.Seq2[store.ID, error] {
		return store.DeleteSubject(ctx, s, subject, but)
	})
	for id, err := range deleted {
		switch {
		case err == nil:
			n++
			ended(id)
		case id.IsZero():
			return n, commit.Failed("revoke", err)
		default:
			errs.add(commit.Failed("delete "+id.String(), err))
		}
	}
	return n, nil
}

// failures are what went wrong with many sessions: each of the first ones, and how
// many there were after them.
type failures struct {
	first []error
	more  int
}

const maxFailures = 100

func (f *failures) add(err error) {
	if len(f.first) < maxFailures {
		f.first = append(f.first, err)
		return
	}
	f.more++
}

func (f *failures) join() error {
	if f.more > 0 {
		return errors.Join(append(f.first, fmt.Errorf("session: and %d more errors like these", f.more))...)
	}
	return errors.Join(f.first...)
}
