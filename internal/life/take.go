package life

import (
	"context"
	"errors"
	"slices"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
)

// Take removes the value of a key for this request alone, and returns what was there
// when that was committed.
func (s *Session) Take(ctx context.Context, key string) (v envelope.Value, ok bool, err error) {
	before, _ := s.Shows()
	defer s.tellWatches(before) // when the turn is over
	s.takeTurn()
	defer s.endTurn()
	isStored, err := s.changeable()
	if err != nil {
		return v, false, err
	}
	if !isStored || s.host.Sealed() { // nobody else can take it
		return s.takePending(key)
	}
	s.mu.Lock()
	if slices.ContainsFunc(s.ops, func(o change.Op) bool { return o.Hides(key) }) { // what is stored goes by that
		s.mu.Unlock()
		return s.takePending(key)
	}
	// A session of its own has the updates of the key go with the removal, and nothing
	// else of what is pending.
	taker := new(Session)
	taker.apart(s.host)
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
		if err := taker.ops[i].Apply(&taker.draft, &s.host.Rules); err != nil {
			return v, false, err
		}
	}
	err = taker.Commit(ctx, false)
	s.mu.Lock()
	switch {
	case errors.Is(err, change.ErrEnded):
		s.endLocked()
	case taker.phase == failed:
		s.failLocked(err)
	}
	s.mu.Unlock()
	if err != nil {
		return v, false, err
	}
	s.mu.Lock()
	s.ops = slices.DeleteFunc(slices.Clone(s.ops), func(o change.Op) bool {
		return o.Key == key && slices.ContainsFunc(own, func(gone change.Op) bool { return gone.Updating == o.Updating })
	})
	s.mu.Unlock()
	s.show(taker.draft)
	return took.Value, took.OK, nil
}

// takePending is Take of what nobody else has to be kept from.
func (s *Session) takePending(key string) (envelope.Value, bool, error) {
	s.mu.Lock()
	s.used = true
	v, ok := s.draft.Lookup(key)
	var err error
	if ok {
		err = s.applyLocked(change.Op{Kind: change.Delete, Key: key})
	}
	s.mu.Unlock()
	if err != nil {
		return v, false, s.Refuse(change.Delete, key, err)
	}
	return v, ok, nil
}
