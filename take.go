package session

import (
	"context"
	"errors"
	"slices"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
)

// Take removes the value and returns it, for what is used up as soon as somebody has
// seen it: of concurrent requests that take one value, one gets it, and the others
// find none. No commit fails for it, as one may with [Key.Pop].
//
// The removal is committed at once and alone: it lasts even if the page fails, and
// everything else that is pending stays pending. Take returns the newest value of the
// store, with this request's own pending updates of it applied. If the request has set
// or cleared the key itself, and in a session that is new or sealed, nobody else can
// take the value: the removal is then pending like any change.
//
// Without a value Take costs nothing. A value that is no T is removed too, is reported
// as an [EventUndecodable], and counts as none.
//
// Errors are those of [Session.Save] and what an Update's function returned. The value
// is still there then, unless the store did not say what became of the removal. ctx is
// used as in Save.
func (k Key[T]) Take(ctx context.Context, s *Session) (T, bool, error) {
	var zero T
	if _, ok := s.lookup(k.name); !ok {
		return zero, false, nil
	}
	v, ok, err := s.take(ctx, k.name)
	if err != nil || !ok {
		return zero, false, err
	}
	t, ok := k.decode(s, v)
	return t, ok, nil
}

// take removes the value of a key for this request alone, and returns what was there
// when that was committed.
func (s *Session) take(ctx context.Context, key string) (v envelope.Value, ok bool, err error) {
	s.committing.Lock()
	defer s.committing.Unlock()
	isStored, err := s.changeable()
	if err != nil {
		return v, false, err
	}
	if !isStored || s.m.keeper.writesWithCookie() { // nobody else can take it
		return s.takePending(key)
	}
	s.mu.Lock()
	if slices.ContainsFunc(s.ops, func(o change.Op) bool { return o.Hides(key) }) { // what is stored goes by that
		s.mu.Unlock()
		return s.takePending(key)
	}
	// A session of its own has the updates of the key go with the removal, and nothing
	// else of what is pending.
	taker := s.m.apart()
	taker.state = state{phase: stored, generation: s.generation, draft: s.draft.Stored()}
	for _, o := range s.ops {
		if o.Key == key {
			taker.ops = append(taker.ops, o)
		}
	}
	own := taker.ops
	s.mu.Unlock()

	var took change.Taken
	taker.ops = append(own, change.Op{Kind: change.Take, Key: key, Took: &took})
	for i := range taker.ops {
		if err := taker.ops[i].Apply(&taker.draft, &s.m.rules); err != nil {
			return v, false, err
		}
	}
	err = s.m.commit(ctx, taker, false)
	s.mu.Lock()
	switch {
	case errors.Is(err, ErrEnded):
		s.endLocked()
	case taker.phase == inDoubt:
		s.doubtLocked(err)
	}
	s.mu.Unlock()
	if err != nil {
		return v, false, err
	}
	s.mu.Lock()
	s.ops = slices.DeleteFunc(slices.Clone(s.ops), func(o change.Op) bool {
		return o.Key == key && slices.ContainsFunc(own, func(gone change.Op) bool { return gone.Updating == o.Updating })
	})
	s.changes++
	s.mu.Unlock()
	s.show(taker.draft)
	return took.Value, took.OK, nil
}

// takePending is take of what nobody else has to be kept from.
func (s *Session) takePending(key string) (envelope.Value, bool, error) {
	v, ok := s.lookup(key)
	if !ok {
		return v, false, nil
	}
	if err := s.apply(change.Op{Kind: change.Delete, Key: key}); err != nil {
		return v, false, err
	}
	return v, true, nil
}
