package memstore

import (
	"hash/maphash"
	"sync"

	"github.com/b4468f51/session/store"
)

// A shard keeps the records of some of the IDs. All times are Unix
// milliseconds.
type shard struct {
	mu       sync.RWMutex
	isOpen   bool // false once the store is closed
	epoch    int64
	limit    *limit
	log      log
	ids      table
	subjects table
}

func (s *shard) open(seed maphash.Seed, epoch int64, l *limit) {
	s.isOpen, s.epoch, s.limit = true, epoch, l
	s.log = log{limit: l}
	s.ids = table{at: idLink, perBucket: idsPerBucket, seed: seed, limit: l}
	s.subjects = table{at: subjectLink, perBucket: subjectsPerBucket, seed: seed, limit: l}
}

// find returns the fields of a live record, and leaves reading the subject to
// whoever has let go of the lock: that allocates.
func (s *shard) find(id *store.ID, now int64) (fields, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.isOpen {
		return fields{}, errClosed
	}
	if pos := s.findLocked(id); pos != 0 {
		if f := s.log.at(pos).fields(s.epoch); f.live(now) {
			return f, nil
		}
	}
	return fields{}, store.ErrNotFound
}

// findLocked returns the position of a record, or 0.
func (s *shard) findLocked(id *store.ID) uint32 {
	pos := s.ids.first(s.ids.hashID(id[:]))
	for pos != 0 {
		r := s.log.at(pos)
		if store.ID(r.id()) == *id {
			break
		}
		pos = r.link(idLink)
	}
	return pos
}

func (s *shard) create(e *entry, now int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isOpen {
		return errClosed
	}
	if pos := s.findLocked(&e.id); pos != 0 {
		if f := s.log.at(pos).fields(s.epoch); f.live(now) {
			return store.ErrExists
		}
		s.deleteLocked(pos)
	}
	var buf [headerRoom]byte
	header := s.headerLocked(buf[:0], e)
	if s.log.full(spareChunks) {
		return errTooMany
	}
	if err := s.limit.create(len(header)+len(e.data), e.visitor()); err != nil {
		return err
	}
	s.makeRoomLocked(header, e)
	pos := s.writeLocked(header, e)
	s.ids.add(&s.log, pos)
	if !e.anonymous() {
		s.subjects.add(&s.log, pos)
	}
	return nil
}

func (s *shard) save(e *entry, old uint64, now int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isOpen {
		return errClosed
	}
	pos := s.findLocked(&e.id)
	if pos == 0 {
		return store.ErrConflict
	}
	f := s.log.at(pos).fields(s.epoch)
	if !f.live(now) || f.version != old {
		return store.ErrConflict
	}
	e.created = f.created
	if e.seen < f.seen {
		e.seen, e.expires = f.seen, f.expires
	}
	return s.replaceLocked(pos, &f, e, true)
}

func (s *shard) touch(id *store.ID, version uint64, seen, expires, now int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isOpen {
		return errClosed
	}
	pos := s.findLocked(id)
	if pos == 0 {
		return nil
	}
	r := s.log.at(pos)
	f := r.fields(s.epoch)
	if !f.live(now) || f.version != version || seen < f.seen {
		return nil
	}
	if r.setTimes(&f, seen, expires) {
		c := &s.log.chunks[chunkOf(pos)]
		c.expires = min(c.expires, expires)
		return nil
	}
	e := entry{
		id: *id, version: version, data: f.data,
		subject: subject[string]{f.subject.prefix, string(f.subject.rest)},
		created: f.created, seen: seen, expires: expires, deadline: f.deadline,
	}
	e.makeOwn()
	return s.replaceLocked(pos, &f, &e, false) // it grows once, by eight bytes
}

func (s *shard) delete(id *store.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isOpen {
		return errClosed
	}
	if pos := s.findLocked(id); pos != 0 {
		s.deleteLocked(pos)
	}
	return nil
}

func (s *shard) ping() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.isOpen {
		return errClosed
	}
	return nil
}

func (s *shard) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isOpen {
		s.isOpen = false
		s.resetLocked()
	}
}

// collect removes what expired at cutoff or before from one chunk, the first
// from a number on that may have such records, and a batch of them at most. It
// returns where to go on, and whether there may be more; if not, there was none
// in any chunk.
func (s *shard) collect(from uint32, cutoff int64) (n int, next uint32, more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isOpen {
		return 0, 0, false, errClosed
	}
	all := uint32(len(s.log.chunks))
	for i := range all {
		number := (from + i) % all
		if s.log.chunks[number].expires <= cutoff {
			n, through := s.collectChunkLocked(number, cutoff)
			if through {
				number++
			}
			return n, number, true, nil
		}
	}
	return 0, 0, false, nil
}
