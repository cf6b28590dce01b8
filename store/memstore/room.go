package memstore

import "math"

// headerRoom is what a header takes on the stack, its subject included, which
// has 512 bytes at most.
const headerRoom = maxHeader + 512

// headerLocked appends the header of a record that is to be added.
func (s *shard) headerLocked(b []byte, e *entry) []byte {
	inCrowd := !e.anonymous() && s.subjects.isCrowded(&s.log, hashSubject(s.subjects.seed, e.subject))
	return e.appendHeader(b, s.epoch, inCrowd)
}

// replaceLocked writes a record in the place of the one at pos, whose fields are
// f. Where bounded, it returns an error, and changes nothing, if the record
// grows and the store is full.
func (s *shard) replaceLocked(pos uint32, f *fields, e *entry, bounded bool) error {
	var buf [headerRoom]byte
	var header []byte
	same := f.subject.prefix == e.subject.prefix && string(f.subject.rest) == e.subject.rest
	if same {
		header = e.appendHeader(buf[:0], s.epoch, s.log.at(pos).is(crowded))
	} else {
		header = s.headerLocked(buf[:0], e)
	}
	// Not by the sizes of the records: a later time may take a byte more.
	grows := len(e.subject.rest) + len(e.data) - len(f.subject.rest) - len(f.data)
	if s.log.full(lastChunks) || grows > 0 && bounded && s.log.full(spareChunks) {
		return errTooMany
	}
	if bounded {
		if err := s.limit.grow(grows, e.visitor()); err != nil {
			return err
		}
	}
	if s.makeRoomLocked(header, e) {
		pos = s.findLocked(&e.id)
	}
	with := s.writeLocked(header, e)
	s.ids.replace(&s.log, pos, with)
	if same && !e.anonymous() {
		s.subjects.replace(&s.log, pos, with)
	} else if !same {
		if s.log.at(pos).is(hasSubject) {
			s.subjects.remove(&s.log, pos)
		}
		if !e.anonymous() {
			s.subjects.add(&s.log, with)
		}
	}
	s.forgetLocked(pos, f.size)
	s.settleLocked(chunkOf(pos))
	return nil
}

// makeRoomLocked sees to it that a record can be written. It tells whether
// others may have moved.
func (s *shard) makeRoomLocked(header []byte, e *entry) (moved bool) {
	return e.own == nil && s.roomLocked(len(header)+len(e.data))
}

func (s *shard) roomLocked(size int) (moved bool) {
	for !s.log.fits(size) {
		full := s.log.current
		s.log.begin(size)
		if full != 0 {
			s.settleLocked(full) // copies to the new one, so look again
			moved = true
		}
	}
	return moved
}

// writeLocked writes a record, for which there is room, and returns its
// position. It is in no chain yet.
func (s *shard) writeLocked(header []byte, e *entry) uint32 {
	if e.own != nil {
		return s.log.writeOwn(header, e.own, len(e.data), e.expires)
	}
	return s.log.write(header, e.data, e.expires)
}

// deleteLocked removes a record.
func (s *shard) deleteLocked(pos uint32) {
	s.removeLocked(pos, s.log.at(pos).fields(s.epoch).size)
	s.settleLocked(chunkOf(pos))
}

// removeLocked removes a record, and leaves its chunk to be settled.
func (s *shard) removeLocked(pos uint32, size int) {
	s.ids.remove(&s.log, pos)
	if s.log.at(pos).is(hasSubject) {
		s.subjects.remove(&s.log, pos)
	}
	s.forgetLocked(pos, size)
}

// forgetLocked marks a record that is in no chain any more.
func (s *shard) forgetLocked(pos uint32, size int) {
	s.log.at(pos).setLink(idLink, dead)
	s.log.chunks[chunkOf(pos)].live -= size
}

// settleLocked is called when records of a chunk were removed, or it is not the
// current one any more. It drops the chunk if too little is left in it.
func (s *shard) settleLocked(number uint32) {
	if s.ids.records == 0 && s.log.bytes >= maxChunk {
		s.resetLocked() // the tables and the list of chunks were large too
		return
	}
	c := &s.log.chunks[number]
	if number == s.log.current || c.live > 0 && !s.log.sparse(c) {
		return
	}
	if c.live > 0 {
		s.copyLocked(number)
	}
	s.log.drop(number)
}

// copyLocked copies the records that are left in a chunk to the current one.
func (s *shard) copyLocked(number uint32) {
	buf := s.log.chunks[number].buf
	for at := 0; at < len(buf); {
		r := record(buf[at:])
		f := r.fields(s.epoch)
		if pos := number<<chunkBits | uint32(at); !r.dead() {
			s.roomLocked(f.size)
			with := s.log.write(r[:f.size], nil, f.expires)
			s.ids.replace(&s.log, pos, with)
			if r.is(hasSubject) {
				s.subjects.replace(&s.log, pos, with)
			}
		}
		at += f.size
	}
}

// collectChunkLocked removes what expired at cutoff or before from a chunk, a
// batch at most, and tells how many that were and whether it is through.
func (s *shard) collectChunkLocked(number uint32, cutoff int64) (n int, through bool) {
	buf := s.log.chunks[number].buf
	first := int64(math.MaxInt64)
	for at := 0; at < len(buf); {
		r := record(buf[at:])
		f := r.fields(s.epoch)
		switch {
		case r.dead():
		case f.expires > cutoff:
			first = min(first, f.expires)
		case n == batch:
			return n, false // and copy nothing: more of it is about to go
		default:
			s.removeLocked(number<<chunkBits|uint32(at), f.size)
			n++
		}
		at += f.size
	}
	s.log.chunks[number].expires = first
	s.settleLocked(number)
	return n, true
}

// resetLocked forgets all records.
func (s *shard) resetLocked() {
	s.log.reset()
	s.ids.reset()
	s.subjects.reset()
}
