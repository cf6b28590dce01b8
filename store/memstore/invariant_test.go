package memstore

import (
	"math"
	"testing"
)

// checkInvariants checks what every shard must hold between two calls.
func checkInvariants(t *testing.T, s *Store) {
	t.Helper()
	used := int64(0)
	for i := range s.shards {
		sh := &s.shards[i]
		used += int64(checkLog(t, sh))
		checkTable(t, sh, &sh.ids)
		checkTable(t, sh, &sh.subjects)
		used += int64(4 * segmentBuckets * (len(sh.ids.segments) + len(sh.subjects.segments)))
	}
	if got := s.limit.used.Load(); got != used {
		t.Errorf("%d bytes are counted as used where %d are", got, used)
	}
}

// checkLog goes through a shard's records, and returns the bytes of its chunks.
func checkLog(t *testing.T, s *shard) int {
	t.Helper()
	bytes, chunks, records, subjects := 0, 0, 0, 0
	for number := range s.log.chunks {
		c := &s.log.chunks[number]
		if c.buf == nil {
			if c.live != 0 || c.expires != math.MaxInt64 {
				t.Errorf("chunk %d is free and has %d live bytes, the first to expire at %d", number, c.live, c.expires)
			}
			continue
		}
		chunks++
		bytes += cap(c.buf)
		live := 0
		for at := 0; at < len(c.buf); {
			r := record(c.buf[at:])
			f := r.fields(s.epoch)
			at += f.size
			if r.dead() {
				continue
			}
			live += f.size
			records++
			if r.is(hasSubject) {
				subjects++
			}
			if f.expires < c.expires {
				t.Errorf("in chunk %d a record expires at %d, and none is said to before %d", number, f.expires, c.expires)
			}
		}
		if live != c.live {
			t.Errorf("chunk %d has %d live bytes, counted as %d", number, live, c.live)
		}
		if uint32(number) != s.log.current && (live == 0 || live < len(c.buf)/2) {
			t.Errorf("chunk %d was left with %d live bytes of %d", number, live, len(c.buf))
		}
	}
	if records != s.ids.records || subjects != s.subjects.records {
		t.Errorf("%d records, %d with subjects, are counted as %d and %d", records, subjects, s.ids.records, s.subjects.records)
	}
	if bytes != s.log.bytes || len(s.log.free) != max(0, len(s.log.chunks)-1)-chunks {
		t.Errorf("%d chunks of %d bytes are counted as %d bytes, with %d free numbers of %d", chunks, bytes, s.log.bytes, len(s.log.free), len(s.log.chunks))
	}
	return bytes + chunks*chunkOverhead
}

// checkTable goes through a table's chains.
func checkTable(t *testing.T, s *shard, table *table) {
	t.Helper()
	records := 0
	for b := range table.buckets {
		before, behind := uint32(0), false
		for at := table.slot(b).get(); at != 0; {
			r := s.log.at(at)
			records++
			if r.dead() || table.bucket(table.hash(r)) != b {
				t.Errorf("a dead record, or one of bucket %d, is in bucket %d", table.bucket(table.hash(r)), b)
				return
			}
			if knows := table.knowsBefore(r); knows && r.link(subjectBack) != before || behind && !knows {
				t.Errorf("in bucket %d a record has a wrong link back, or stands behind one that has one", b)
			}
			behind = table.knowsBefore(r)
			before, at = at, r.link(table.at)
		}
	}
	if records != table.records {
		t.Errorf("%d records in a table of %d", records, table.records)
	}
	if full := table.perBucket * int(table.buckets); records > full {
		t.Errorf("%d records in %d buckets", records, table.buckets)
	}
}
