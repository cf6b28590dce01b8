package memstore

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// A table finds records by their ID, or by their subject. It is a hash table of
// chains: each record holds the position of the next in its chain, and the
// table those of the first ones.
//
// It grows by one bucket when it has too many records for those it has, and the
// records of one other bucket are divided between the two (linear hashing). So
// no call copies a whole table. It shrinks the same way.
type table struct {
	at       int          // where the link is in a record: idLink or subjectLink
	seed     maphash.Seed // nobody can choose subjects that meet in one chain
	segments [][]byte     // of the buckets, each a position in 4 bytes
	buckets  uint32       // how many are in use
	records  int
	limit    *limit

	perBucket int // records, at most
}

const (
	// Records for each bucket: above this the table grows, below the half it
	// shrinks. A bucket takes four bytes; a long chain, the time of those who
	// look for an ID, which is what most calls do.
	idsPerBucket      = 2
	subjectsPerBucket = 4

	// segmentBuckets is how many buckets are allocated at once.
	segmentBuckets = 256

	// crowd is how many records of a chain of subjects do without a link back.
	// To find who is before one of them is to search the chain, so a subject of
	// very many sessions would make each of them costly to write. Further
	// records have the link, and stand behind the others.
	crowd = 16
)

// A slot is where the position of a record is kept: a bucket, or the link of
// the record before it, whose position is before, or 0.
type slot struct {
	link   []byte
	before uint32
}

func (s slot) get() uint32    { return binary.LittleEndian.Uint32(s.link) }
func (s slot) put(pos uint32) { binary.LittleEndian.PutUint32(s.link, pos) }

func (t *table) hashID(id []byte) uint64 { return maphash.Bytes(t.seed, id) }

func hashSubject(seed maphash.Seed, s subject[string]) uint64 {
	return withPrefix(maphash.String(seed, s.rest), s.prefix)
}

func withPrefix(h uint64, prefix byte) uint64 { return h ^ uint64(prefix)*0x9e3779b97f4a7c15 }

func (t *table) hash(r record) uint64 {
	if t.at == idLink {
		return t.hashID(r.id())
	}
	s := r.subject()
	return withPrefix(maphash.Bytes(t.seed, s.rest), s.prefix)
}

// bucket returns the number of the bucket of a hash.
func (t *table) bucket(hash uint64) uint32 {
	b := uint32(hash) & (1<<bits.Len32(t.buckets-1) - 1)
	if b >= t.buckets {
		b &= 1<<(bits.Len32(t.buckets-1)-1) - 1 // it was not split yet
	}
	return b
}

// slot returns the bucket of a number.
func (t *table) slot(bucket uint32) slot {
	at := bucket % segmentBuckets * 4
	return slot{link: t.segments[bucket/segmentBuckets][at : at+4]}
}

// first returns the position that the chain of a hash begins with.
func (t *table) first(hash uint64) uint32 {
	if t.records == 0 {
		return 0
	}
	return t.slot(t.bucket(hash)).get()
}

// after returns the slot behind a record.
func (t *table) after(l *log, pos uint32) slot {
	return slot{l.at(pos)[t.at : t.at+4], pos}
}

// knowsBefore tells whether a record has a link back.
func (t *table) knowsBefore(r record) bool { return t.at == subjectLink && r.is(crowded) }

// slotOf returns the slot that a record is in.
func (t *table) slotOf(l *log, pos uint32) slot {
	r := l.at(pos)
	if t.knowsBefore(r) {
		if before := r.link(subjectBack); before != 0 {
			return t.after(l, before)
		}
		return t.slot(t.bucket(t.hash(r)))
	}
	s := t.slot(t.bucket(t.hash(r)))
	for at := s.get(); at != pos; at = s.get() {
		s = t.after(l, at)
	}
	return s
}

// put puts a record into a slot, and what was there behind it.
func (t *table) put(l *log, s slot, pos uint32) {
	r, next := l.at(pos), s.get()
	r.setLink(t.at, next)
	s.put(pos)
	t.setBefore(l, pos, s.before)
	t.setBefore(l, next, pos)
}

// setBefore tells a record, if there is one and it wants to know, who is before
// it.
func (t *table) setBefore(l *log, pos, before uint32) {
	if pos == 0 {
		return
	}
	if r := l.at(pos); t.knowsBefore(r) {
		r.setLink(subjectBack, before)
	}
}

// add adds a record to its chain: a crowded one behind those that are not.
func (t *table) add(l *log, pos uint32) {
	if len(t.segments) == 0 {
		t.addBucket()
	}
	r := l.at(pos)
	s := t.slot(t.bucket(t.hash(r)))
	if t.knowsBefore(r) {
		s = t.crowdBehind(l, s)
	}
	t.put(l, s, pos)
	if t.records++; t.records > t.perBucket*int(t.buckets) {
		t.grow(l)
	}
}

// crowdBehind returns the slot where, in the chain that begins in s, the
// crowded records do.
func (t *table) crowdBehind(l *log, s slot) slot {
	for at := s.get(); at != 0 && !t.knowsBefore(l.at(at)); at = s.get() {
		s = t.after(l, at)
	}
	return s
}

// isCrowded tells whether a new record of this hash needs a link back.
func (t *table) isCrowded(l *log, hash uint64) bool {
	n := 0
	for at := t.first(hash); at != 0; at = l.at(at).link(t.at) {
		if n++; n == crowd || t.knowsBefore(l.at(at)) {
			return n == crowd
		}
	}
	return false
}

// replace puts a record, which has the same flags, in the place of another.
func (t *table) replace(l *log, old, pos uint32) {
	s, next := t.slotOf(l, old), l.at(old).link(t.at)
	s.put(next)
	t.put(l, s, pos)
}

// remove takes a record out of its chain.
func (t *table) remove(l *log, pos uint32) {
	s, next := t.slotOf(l, pos), l.at(pos).link(t.at)
	s.put(next)
	t.setBefore(l, next, s.before)
	if t.records--; t.records < t.perBucket/2*int(t.buckets) && t.buckets > 1 {
		t.shrink(l)
	}
}

// addBucket adds an empty bucket, and returns its number.
func (t *table) addBucket() uint32 {
	if int(t.buckets) == len(t.segments)*segmentBuckets {
		t.segments = append(t.segments, make([]byte, 4*segmentBuckets))
		t.limit.add(4 * segmentBuckets)
	}
	t.buckets++
	return t.buckets - 1
}

// partner returns the bucket whose chain was divided to fill this one.
func partner(bucket uint32) uint32 {
	return bucket &^ (1 << (bits.Len32(bucket) - 1))
}

// grow divides the chain of one bucket between it and a new one. Within each,
// the records keep their order.
func (t *table) grow(l *log) {
	added := t.addBucket()
	left, right := t.slot(partner(added)), t.slot(added)
	for at := left.get(); at != 0; {
		r := l.at(at)
		next := r.link(t.at)
		to := &left
		if t.bucket(t.hash(r)) == added {
			to = &right
		}
		to.put(at)
		t.setBefore(l, at, to.before)
		*to = t.after(l, at)
		at = next
	}
	left.put(0)
	right.put(0)
}

// shrink gives the last bucket's chain back to the bucket that it came from.
func (t *table) shrink(l *log) {
	last := t.buckets - 1
	from, into := t.slot(last), t.slot(partner(last))
	behind := t.crowdBehind(l, into)
	for at := from.get(); at != 0; {
		r := l.at(at)
		next := r.link(t.at)
		if !t.knowsBefore(r) {
			t.put(l, into, at)
			if behind.before == 0 {
				behind = t.after(l, at)
			}
		} else {
			t.put(l, behind, at)
			behind = t.after(l, at)
		}
		at = next
	}
	from.put(0)
	if t.buckets--; t.buckets%segmentBuckets == 0 {
		t.segments[len(t.segments)-1] = nil
		t.segments = t.segments[:len(t.segments)-1]
		t.limit.add(-4 * segmentBuckets)
	}
}

// reset forgets all records.
func (t *table) reset() {
	t.limit.add(-4 * segmentBuckets * len(t.segments))
	t.segments, t.buckets, t.records = nil, 0, 0
}
