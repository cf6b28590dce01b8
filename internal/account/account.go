// Package account works on the sessions of one subject in a store: it lists them, ends
// them, and finds those that are too many. It takes them in bounded steps, each with a
// time limit of its own, because nobody knows how many there are.
//
// It knows the store. It knows no session of a request, no settings and no realm: a
// subject is what the store has.
package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/b4468f51/session/internal/commit"
	"github.com/b4468f51/session/internal/limit"
	"github.com/b4468f51/session/store"
)

// Accounts finds and ends the sessions of subjects in one store. They may be used by several
// goroutines at once.
type Accounts struct {
	Store       store.Store
	LoadTimeout time.Duration // of each step of a list
	EndTimeout  time.Duration // of each step that ends sessions, and after the context's end
}

// Lists tells whether the store can list the sessions of a subject.
func (a *Accounts) Lists() bool {
	_, ok := a.Store.(store.Lister)
	return ok
}

// Listed returns an error if the store cannot list the sessions of a subject, which op
// needs.
func (a *Accounts) Listed(op string) error {
	if a.Lists() {
		return nil
	}
	return fmt.Errorf("session: %s: %T cannot list the sessions of a subject: %w", op, a.Store, errors.ErrUnsupported)
}

// List yields the live records of a subject, and an error as the last.
func (a *Accounts) List(ctx context.Context, subject string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		if err := a.Listed("list"); err != nil {
			yield(store.Record{}, err)
			return
		}
		records := limit.Steps(ctx, a.LoadTimeout, func(ctx context.Context) iter.Seq2[store.Record, error] {
			return store.List(ctx, a.Store, subject)
		})
		for rec, err := range records {
			if err != nil {
				yield(store.Record{}, commit.Failed("list", err))
				return
			}
			if commit.Alive(&rec, time.Now()) && !yield(rec, nil) {
				return
			}
		}
	}
}

// IDs returns the IDs of a subject's sessions. It stops after most of them, and tells
// whether it has them all.
func (a *Accounts) IDs(ctx context.Context, subject string, most int) (ids []store.ID, all bool, err error) {
	for rec, err := range a.List(ctx, subject) {
		if err != nil {
			return nil, false, err
		}
		if ids = append(ids, rec.ID); len(ids) == most {
			return ids, false, nil
		}
	}
	return ids, true, nil
}

// A signIn is a session of a subject, and when it was signed in, in Unix milliseconds.
type signIn struct {
	id store.ID
	at int64
}

// Oldest yields the sessions of a subject beyond the most that it may have: those that
// signed in longest ago, by the time that at tells. Sign-ins of the same time have an order too, so that
// several processes that do this at once find the same sessions: whoever writes last sees
// them all.
func (a *Accounts) Oldest(ctx context.Context, subject string, most int, at func(*store.Record) int64) iter.Seq2[store.ID, error] {
	return func(yield func(store.ID, error) bool) {
		var newest []signIn // in this order, and no more than most
		for rec, err := range a.List(ctx, subject) {
			if err != nil {
				yield(store.ID{}, err)
				return
			}
			s := signIn{rec.ID, at(&rec)}
			i, _ := slices.BinarySearchFunc(newest, s, newestFirst)
			if newest = slices.Insert(newest, i, s); len(newest) <= most {
				continue
			}
			oldest := newest[most]
			newest = newest[:most]
			if !yield(oldest.id, nil) {
				return
			}
		}
	}
}

func newestFirst(a, b signIn) int {
	return cmp.Or(cmp.Compare(b.at, a.at), slices.Compare(b.id[:], a.id[:]))
}
