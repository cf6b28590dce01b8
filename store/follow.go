package store

import (
	"context"
	"errors"
	"fmt"
)

// A BatchLoader is a Store that loads several records with less work than one by one.
type BatchLoader interface {
	Store

	// LoadAll returns the live records of these IDs, in no particular order, and none for an ID
	// that has none. There are at most MaxBatch IDs, each there once. A record that the store
	// cannot read is left out: it must not hold up the others.
	LoadAll(ctx context.Context, ids []ID) ([]Record, error)
}

// LoadAll loads the live records of at most [MaxBatch] IDs, as [BatchLoader] says, or one after
// another where s is none. See the example of [Follow].
func LoadAll(ctx context.Context, s Store, ids []ID) ([]Record, error) {
	if b, ok := s.(BatchLoader); ok {
		return b.LoadAll(ctx, ids)
	}
	records := make([]Record, 0, len(ids))
	for _, id := range ids {
		rec, err := s.Load(ctx, id)
		switch {
		case err == nil:
			records = append(records, rec)
		case !errors.Is(err, ErrNotFound):
			return nil, err
		}
	}
	return records, nil
}

// A Follower is a Store that tells when records change.
type Follower interface {
	BatchLoader

	// Follow calls changed with the ID of each record that LoadAll has returned since Follow
	// began, after the record was saved or deleted, by whomever, or has expired; also after a
	// touch, or for no reason. It need not do so a second time before LoadAll has returned the
	// record again. It calls changed with the zero ID when calls may have been missed: at its
	// beginning, when it follows, and after an interruption. changed does not block, and may be
	// called from any goroutine.
	//
	// Follow returns when ctx ends, or with an error when it was interrupted and has to be
	// called again. One that wraps errors.ErrUnsupported says that this Store cannot follow.
	// Follow is not called again before it has returned.
	Follow(ctx context.Context, changed func(ID)) error
}

// Follow tells when records change, as [Follower] says. The error wraps
// [errors.ErrUnsupported] where s is no Follower.
func Follow(ctx context.Context, s Store, changed func(ID)) error {
	f, ok := s.(Follower)
	if !ok {
		return fmt.Errorf("store: %T cannot follow: %w", s, errors.ErrUnsupported)
	}
	return f.Follow(ctx, changed)
}
