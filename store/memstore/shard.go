package memstore

import (
	"container/heap"
	"sync"

	"github.com/b4468f51/session/store"
)

// A shard keeps the records of some of the IDs. All times are Unix
// milliseconds.
type shard struct {
	mu      sync.RWMutex
	entries map[store.ID]*entry // nil once the store is closed
	index   index
	queue   queue
}

func (s *shard) open() {
	s.entries = map[store.ID]*entry{}
	s.index = index{}
}

func (s *shard) load(id store.ID, now int64) (store.Record, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.entries == nil {
		return store.Record{}, errClosed
	}
	e := s.entries[id]
	if e == nil || !e.live(now) {
		return store.Record{}, store.ErrNotFound
	}
	return e.record(), nil
}

func (s *shard) create(e *entry, now int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		return errClosed
	}
	if there := s.entries[e.id]; there != nil {
		if there.live(now) {
			return store.ErrExists
		}
		s.removeLocked(there)
	}
	s.entries[e.id] = e
	s.index.add(e)
	e.due = e.expires
	heap.Push(&s.queue, e)
	return nil
}

func (s *shard) save(with *entry, old uint64, now int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		return errClosed
	}
	e := s.entries[with.id]
	if e == nil || !e.live(now) || e.version != old {
		return store.ErrConflict
	}
	if e.subject != with.subject {
		s.index.remove(e)
		e.subject = with.subject
		s.index.add(e)
	}
	e.version, e.data = with.version, with.data
	e.seen, e.deadline = with.seen, with.deadline
	s.moveLocked(e, with.expires)
	return nil
}

func (s *shard) touch(id store.ID, version uint64, seen, expires, now int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		return errClosed
	}
	if e := s.entries[id]; e != nil && e.live(now) && e.version == version {
		e.seen = seen
		s.moveLocked(e, expires)
	}
	return nil
}

func (s *shard) delete(id store.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		return errClosed
	}
	if e := s.entries[id]; e != nil {
		s.removeLocked(e)
	}
	return nil
}

// list appends the live records of a subject.
func (s *shard) list(records []store.Record, subject string, now int64) ([]store.Record, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.entries == nil {
		return nil, errClosed
	}
	for _, e := range s.index[subject] {
		if e.live(now) {
			records = append(records, e.record())
		}
	}
	return records, nil
}

// collect removes what expired at cutoff or before. It looks at so many entries
// at most, and tells how many it removed and whether there may be more.
func (s *shard) collect(cutoff int64, limit int) (n int, more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		return 0, false, errClosed
	}
	for range limit {
		if len(s.queue) == 0 || s.queue[0].due > cutoff {
			return n, false, nil
		}
		e := s.queue[0]
		if e.expires > cutoff {
			// It was touched since it was queued.
			e.due = e.expires
			heap.Fix(&s.queue, 0)
			continue
		}
		s.removeLocked(e)
		n++
	}
	return n, true, nil
}

func (s *shard) ping() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.entries == nil {
		return errClosed
	}
	return nil
}

func (s *shard) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries, s.index, s.queue = nil, nil, nil
}

// moveLocked sets when an entry expires. Most moves are to a later time, and
// cost nothing here: GC finds the entry too early in its queue, and puts it
// where it belongs.
func (s *shard) moveLocked(e *entry, expires int64) {
	e.expires = expires
	if expires < e.due {
		e.due = expires
		heap.Fix(&s.queue, int(e.queueIndex))
	}
}

// removeLocked forgets an entry.
func (s *shard) removeLocked(e *entry) {
	delete(s.entries, e.id)
	s.index.remove(e)
	heap.Remove(&s.queue, int(e.queueIndex))
}
