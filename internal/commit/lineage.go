package commit

import (
	"crypto/rand"
	"encoding/binary"
	"iter"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/store"
)

// The lineage of a record lists the last version of each Engine that wrote it lately. A write
// whose answer was lost, or that its client sent twice, finds itself there.
//
// A version is the number of the Engine that made it, and a count. The writers of one Engine
// take turns, so its last version is enough: if that is not older than the first write of a
// commit, the record has that commit in it. All writes of a commit have the same operations.
const (
	// maxLineage bounds the Engines that may write to one session within Window. If
	// there are more, one whose answer gets lost may apply its operations twice.
	maxLineage = 32

	// Window is how long after a write, at least, a record still tells
	// that it is in: longer than any CommitTimeout. The clocks of the machines that write
	// one session must not be further apart.
	Window = time.Minute
)

// NewVersion returns a version that no engine has used. None comes twice even
// where a store fails over to an older state.
func (e *Engine) NewVersion() uint64 {
	count := e.writes.Add(1)
	if count == 0 { // which stands for none
		count = e.writes.Add(1)
	}
	return uint64(e.instance)<<32 | uint64(count)
}

// newInstance returns a random number for an engine, not 0.
func newInstance() uint32 {
	var b [4]byte
	rand.Read(b[:])
	return max(1, binary.LittleEndian.Uint32(b[:]))
}

func instanceOf(version uint64) uint32 { return uint32(version >> 32) }

// lineageOf returns the lineage of the record that the Engine of an instance
// writes over this one.
func lineageOf(d *change.Draft, instance uint32) []byte {
	before := d.Meta().Lineage
	var lineage []byte
	writer := instanceOf(d.Rec.Version)
	for old := range versions(before) {
		if by := instanceOf(old); by != instance && by != writer {
			lineage = binary.LittleEndian.AppendUint64(lineage, old)
		}
	}
	if writer != instance {
		lineage = binary.LittleEndian.AppendUint64(lineage, d.Rec.Version)
	}
	return lineage[max(0, len(lineage)-8*maxLineage):]
}

// versions yields the versions in a lineage.
func versions(lineage []byte) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for ; len(lineage) >= 8; lineage = lineage[8:] {
			if !yield(binary.LittleEndian.Uint64(lineage)) {
				return
			}
		}
	}
}

// written returns when the record was written, or last used if that is later.
func written(d *change.Draft) envelope.Millis {
	return max(d.Rec.Seen, envelope.Millis(d.Meta().Edited))
}

// holds tells whether a record has a write in it that its Engine made with the
// version first, or later.
func holds(rec store.Record, first uint64) bool {
	last := lastVersion(rec, instanceOf(first))
	return last != 0 && int32(uint32(last)-uint32(first)) >= 0 // the count may wrap around
}

// lastVersion returns the last version that an Engine has written in a record,
// 0 if there is none.
func lastVersion(rec store.Record, instance uint32) (last uint64) {
	if instanceOf(rec.Version) == instance {
		return rec.Version
	}
	if meta, err := envelope.DecodeMeta(rec.Data); err == nil {
		for old := range versions(meta.Lineage) {
			if instanceOf(old) == instance {
				last = old
			}
		}
	}
	return last
}
