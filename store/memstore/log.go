package memstore

import "math"

// A log is where a shard's records are. It is pieces of memory without
// pointers, so that Go's garbage collector has nothing to look for in them,
// however many records there are.
//
// Records are written one behind the other and stay as they are, since callers
// share their data. When enough of a chunk's records were removed, the others
// are copied to the current chunk and the chunk is dropped; callers that
// still hold some of its data keep it alive, and nobody writes to it again.
type log struct {
	chunks  []chunk  // by number; there is no chunk 0
	free    []uint32 // numbers without a chunk
	current uint32   // the chunk that is written to, or 0
	bytes   int      // of all chunks
	limit   *limit
}

// A chunk is a piece of memory that holds records.
type chunk struct {
	buf     []byte // up to where it is written
	live    int    // bytes of records that were not removed
	expires int64  // none of the records expires before, in Unix milliseconds
}

const (
	// maxChunk is the size of a chunk in a shard that is not small. A larger
	// one would waste less, and take longer to collect and to copy.
	maxChunk  = 1 << chunkBits
	chunkBits = 14

	// minChunk is the size of a shard's first chunk.
	minChunk = 4 << 10

	// largest is the size of a record above which it has a chunk of its own.
	largest = maxChunk / 4

	// maxChunks is how many numbers there are: a position has 32 bits.
	maxChunks = 1 << (32 - chunkBits)

	// Numbers that new records leave to others, and that all leave to copying.
	spareChunks = maxChunks / 8
	lastChunks  = 16

	chunkOverhead = 40 // bytes that the log itself has of each chunk
)

// noChunk stands under a number that is free.
var noChunk = chunk{expires: math.MaxInt64}

func chunkOf(pos uint32) uint32 { return pos >> chunkBits }

// at returns the record at a position.
func (l *log) at(pos uint32) record {
	return record(l.chunks[pos>>chunkBits].buf[pos%maxChunk:])
}

// full tells whether there are not so many numbers any more for chunks.
func (l *log) full(spare int) bool {
	return len(l.free) == 0 && len(l.chunks) >= maxChunks-spare
}

// fits tells whether a record of this size can be written to the current chunk.
func (l *log) fits(size int) bool {
	c := l.chunk(l.current)
	return c != nil && cap(c.buf)-len(c.buf) >= size
}

func (l *log) chunk(number uint32) *chunk {
	if number == 0 {
		return nil
	}
	return &l.chunks[number]
}

// begin makes an empty chunk with room for a record of this size the current
// one. The one before is to be settled.
func (l *log) begin(size int) {
	room := minChunk
	// A chunk that is begun is a small part of its shard.
	for room < maxChunk && (room < size || room < l.bytes/16) {
		room *= 2
	}
	l.current = l.put(make([]byte, 0, room))
}

// put adds a chunk and returns its number.
func (l *log) put(buf []byte) uint32 {
	l.bytes += cap(buf)
	l.limit.add(cap(buf) + chunkOverhead)
	c := chunk{buf: buf, expires: math.MaxInt64}
	if last := len(l.free) - 1; last >= 0 {
		number := l.free[last]
		l.free = l.free[:last]
		l.chunks[number] = c
		return number
	}
	if len(l.chunks) == 0 {
		l.chunks = append(l.chunks, noChunk)
	}
	l.chunks = append(l.chunks, c)
	return uint32(len(l.chunks) - 1)
}

// drop forgets a chunk.
func (l *log) drop(number uint32) {
	size := cap(l.chunks[number].buf)
	l.bytes -= size
	l.limit.add(-size - chunkOverhead)
	l.chunks[number] = noChunk
	l.free = append(l.free, number)
}

// reset forgets all chunks.
func (l *log) reset() {
	inUse := max(0, len(l.chunks)-1) - len(l.free)
	l.limit.add(-l.bytes - inUse*chunkOverhead)
	*l = log{limit: l.limit}
}

// write writes a record, for which there is room, and returns its position.
func (l *log) write(header, data []byte, expires int64) uint32 {
	c := &l.chunks[l.current]
	pos := l.current<<chunkBits | uint32(len(c.buf))
	c.buf = append(append(c.buf, header...), data...)
	c.count(len(header)+len(data), expires)
	return pos
}

// writeOwn writes a record whose chunk has its data at the end already.
func (l *log) writeOwn(header, own []byte, dataSize int, expires int64) uint32 {
	own = own[len(own)-dataSize-len(header):]
	copy(own, header)
	number := l.put(own)
	l.chunks[number].count(len(own), expires)
	return number << chunkBits
}

// count adds a record to what is known of the chunk.
func (c *chunk) count(size int, expires int64) {
	c.live += size
	c.expires = min(c.expires, expires)
}

// sparse tells whether it is time to copy what is left in a chunk that is not
// written to any more. Copying when half is left costs a record copied for each that was removed, and a store whose
// records are rewritten at random takes 1.4 times their size. One that nears its
// limit had rather copy more.
func (l *log) sparse(c *chunk) bool {
	if l.limit.near() {
		return c.live < len(c.buf)/8*7
	}
	return c.live < len(c.buf)/2
}
