package session

import (
	"context"
	"errors"
	"slices"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
)

// take removes the value of a key for this request alone, and returns what was
// there: in the store, and beside that what the request itself has put there
// since. It commits the removal and nothing else, so that a value which is shown
// by a page that fails is not shown again. What is pending stays so.
func (s *Session) take(ctx context.Context, key string) (vals []envelope.Value, err error) {
	s.committing.Lock()
	defer s.committing.Unlock()
	isStored, err := s.changeable()
	if err != nil {
		return nil, err
	}
	if !isStored || s.m.keeper.writesWithCookie() { // nobody else can take it
		return s.takePending(key)
	}
	s.mu.Lock()
	if slices.ContainsFunc(s.ops, func(o change.Op) bool { return o.Hides(key) }) { // what is stored goes by that
		s.mu.Unlock()
		return s.takePending(key)
	}
	taker := s.m.apart()
	taker.state = state{phase: stored, generation: s.generation, draft: s.draft.Stored()}
	s.mu.Unlock()

	var took change.Taken
	if err = taker.apply(change.Op{Kind: change.Take, Key: key, Took: &took}); err == nil {
		err = s.m.commit(ctx, taker, false)
	}
	if errors.Is(err, ErrEnded) {
		s.mu.Lock()
		s.endLocked()
		s.mu.Unlock()
	}
	if err != nil {
		return nil, err
	}
	if took.OK {
		vals = append(vals, took.Value)
	}
	s.show(taker.draft)
	s.mu.Lock()
	own, ok := s.draft.Lookup(key)
	if ok {
		// What put it there is forgotten. A pending Delete would remove what other
		// requests add until the commit.
		s.ops = slices.DeleteFunc(slices.Clone(s.ops), func(o change.Op) bool { return o.Key == key })
		s.changes++
		vals = append(vals, own)
	}
	s.mu.Unlock()
	if ok {
		s.show(taker.draft)
	}
	return vals, nil
}

// takePending is take of what nobody else has to be kept from.
func (s *Session) takePending(key string) ([]envelope.Value, error) {
	v, ok := s.lookup(key)
	if !ok {
		return nil, nil
	}
	return []envelope.Value{v}, s.apply(change.Op{Kind: change.Delete, Key: key})
}
