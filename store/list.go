package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// MaxBatch is the most records that a Lister loads, or a SubjectDeleter deletes,
// at once.
const MaxBatch = 128

// A Lister is a Store that finds the records of a subject.
type Lister interface {
	Store

	// List yields the live records whose Subject is subject, in no particular
	// order, and none for the empty subject. Its cost grows with the records
	// of that subject, not with those of the store.
	//
	// The records are loaded in batches of at most MaxBatch, each when the loop
	// asks for it, so that of any number of them no more are in memory; their
	// IDs may be. No lock and no connection is held while the body of the loop
	// runs: it may use the store.
	//
	// A record that belongs to the subject for as long as the loop runs is
	// yielded once, as it was at some moment of it. One that comes, goes or
	// expires meanwhile may be yielded or not.
	//
	// An error is yielded beside the zero Record, as the last of the loop. When
	// ctx ends it is the context's.
	List(ctx context.Context, subject string) iter.Seq2[Record, error]
}

// List yields the live records of a subject, as [Lister] says. The error wraps
// [errors.ErrUnsupported] where s is no Lister. See the example of [DeleteSubject].
func List(ctx context.Context, s Store, subject string) iter.Seq2[Record, error] {
	l, ok := s.(Lister)
	if !ok {
		return failing[Record](fmt.Errorf("store: %T cannot list: %w", s, errors.ErrUnsupported))
	}
	if subject == "" {
		return failing[Record](ctx.Err())
	}
	return l.List(ctx, subject)
}

// A SubjectDeleter is a Store that deletes the records of a subject together,
// with less work than to list them and delete each.
type SubjectDeleter interface {
	Lister

	// DeleteSubject deletes the live records whose Subject is subject, but for
	// the one of the ID to spare, which may be zero to spare none. It yields the
	// ID of each that it has deleted. For the empty subject it does nothing.
	//
	// The records are deleted in batches of at most MaxBatch, each when the loop asks
	// for it, and the store holds up no other operation for longer than one
	// batch. What was deleted stays deleted however the loop ends. One that is
	// left early may have deleted the rest of the batch too. Memory, and what
	// the body of the loop may do, are as with [Lister].
	//
	// No record is deleted that has another subject by then. One that is deleted
	// by somebody else at the same time may be yielded by both. Records that
	// have expired may be deleted too, and are not yielded.
	//
	// An error beside an ID is about that record alone, and the loop goes on.
	// One beside the zero ID is the last of the loop. When ctx ends it is the
	// context's; the batch that ran then may have happened.
	DeleteSubject(ctx context.Context, subject string, spare ID) iter.Seq2[ID, error]
}

// DeleteSubject deletes the live records of a subject, as [SubjectDeleter] says.
// Where s is only a [Lister] it lists them and deletes each, and also one that
// gets another subject between the two. The error wraps [errors.ErrUnsupported]
// where s is neither.
func DeleteSubject(ctx context.Context, s Store, subject string, spare ID) iter.Seq2[ID, error] {
	d, ok := s.(SubjectDeleter)
	switch {
	case !ok:
		return deleteEach(ctx, s, subject, spare)
	case subject == "":
		return failing[ID](ctx.Err())
	}
	return d.DeleteSubject(ctx, subject, spare)
}

// deleteEach is DeleteSubject of a store that cannot.
func deleteEach(ctx context.Context, s Store, subject string, spare ID) iter.Seq2[ID, error] {
	return func(yield func(ID, error) bool) {
		for rec, err := range List(ctx, s, subject) {
			if err != nil {
				yield(ID{}, err)
				return
			}
			if rec.ID == spare {
				continue
			}
			err = s.Delete(ctx, rec.ID)
			if err != nil && ctx.Err() != nil {
				yield(ID{}, err)
				return
			}
			if !yield(rec.ID, err) {
				return
			}
		}
	}
}

// failing yields an error, if there is one, and nothing else.
func failing[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}
