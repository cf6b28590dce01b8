// Package envelope is what is stored of a session, as bytes: its values, the metadata
// beside them, and the secrets among those.
//
// It knows the format, and what each part of it means: which token is good, what a
// value is read as. It knows no request, no store and no manager, and has no clock.
package envelope

import (
	"encoding/binary"
	"errors"
)

// The envelope, which is Record.Data, format 1:
//
//	3 bytes  magic
//	byte     format
//	uvarint  length of the metadata
//	         metadata: { uvarint tag, uvarint length, payload }, tags ascending
//	uvarint  number of values
//	         values: { uvarint length, key, byte kind, uvarint length, data }, keys ascending
//
// A tag that this version does not know is above those it knows, and is kept as
// it is when the record is written again, so that versions of a program can run
// side by side. One with an odd number belongs to the sign-in: Login drops it.
// No list has a limit that an older version would hold against a newer. What an
// older version must not touch gets a new format number:
// then it answers with an error, and the session waits for the newer program.
//
// What does not begin with the magic was not written by this library, and is
// corrupt. Without the magic any garbage could pass for a newer format, and its
// client would get errors until the record expires.
const (
	magic         = "\xc1\xf5\xfe" // bytes of which no text in UTF-8 has any
	currentFormat = 1

	headSize = len(magic) + 1

	maxData = 1 << 20 // bytes: what a store keeps
)

var (
	// ErrCorrupt is returned for bytes that this library did not write.
	ErrCorrupt = errors.New("session: the record is corrupt")

	// ErrNewerFormat is returned for what only a newer version can read.
	ErrNewerFormat = errors.New("session: the record was written by a newer version of this library: " +
		"deploy that version everywhere, or send the client to a machine that has it")
)

// Decode reads an envelope, its metadata into the zero meta, and checks
// all of its structure: what it accepts can be read to the end. The results are
// parts of data.
func Decode(data []byte, m *Meta) (Values, error) {
	if len(data) < headSize || len(data) > maxData || string(data[:len(magic)]) != magic {
		return Values{}, ErrCorrupt
	}
	switch format := data[len(magic)]; {
	case format == 0:
		return Values{}, ErrCorrupt
	case format > currentFormat:
		return Values{}, ErrNewerFormat
	}
	raw, base, ok := Cut(data)
	if !ok || !m.Decode(raw) {
		return Values{}, ErrCorrupt
	}
	if base, ok = base.check(); !ok {
		return Values{}, ErrCorrupt
	}
	return base, nil
}

// DecodeMeta reads the metadata alone.
func DecodeMeta(data []byte) (m Meta, err error) {
	_, err = Decode(data, &m)
	return m, err
}

// Cut splits an envelope, whose head was checked, into its metadata and
// its values.
func Cut(data []byte) (raw []byte, base Values, ok bool) {
	raw, rest, ok := cutBytes(data[headSize:])
	if !ok {
		return nil, Values{}, false
	}
	count, n := binary.Uvarint(rest)
	// Each value takes at least three bytes.
	if n <= 0 || count > uint64(len(rest)) {
		return nil, Values{}, false
	}
	return raw, Values{Raw: rest[n:], Count: uint32(count)}, true
}

// AppendHead writes an envelope up to its values, which the caller appends in
// ascending order of keys, count in number.
func AppendHead(dst []byte, m *Meta, count int) []byte {
	var buf [256]byte // enough for most: then it stays on the stack
	dst = append(dst, magic...)
	dst = append(dst, currentFormat)
	dst = appendBytes(dst, m.append(buf[:0]))
	return binary.AppendUvarint(dst, uint64(count))
}

func appendTag(dst []byte, tag uint64, payload []byte) []byte {
	return appendBytes(binary.AppendUvarint(dst, tag), payload)
}

func appendBytes[T ~string | ~[]byte](dst []byte, b T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// cutBytes is the inverse of appendBytes.
func cutBytes(raw []byte) (b, rest []byte, ok bool) {
	from, end := cutAt(raw, 0)
	if end < 0 {
		return nil, nil, false
	}
	return raw[from:end:end], raw[end:], true
}

// cutAt tells from where to where the bytes are that appendBytes put at a place;
// the end is negative where raw ends before. Most lengths take one byte or two.
func cutAt(raw []byte, at int) (from, end int) {
	switch {
	case at < len(raw) && raw[at] < 0x80:
		from, end = at+1, at+1+int(raw[at])
	case at+1 < len(raw) && raw[at+1] < 0x80:
		from, end = at+2, at+2+int(raw[at]&0x7f)+int(raw[at+1])<<7
	default:
		return cutLongAt(raw, at)
	}
	if end > len(raw) {
		return 0, -1
	}
	return from, end
}

func cutLongAt(raw []byte, at int) (from, end int) {
	if at > len(raw) {
		return 0, -1
	}
	size, n := binary.Uvarint(raw[at:])
	if n <= 0 || size > uint64(len(raw)-at-n) {
		return 0, -1
	}
	return at + n, at + n + int(size)
}

func oneVarint(raw []byte) (int64, bool) {
	i, n := binary.Varint(raw)
	return i, n > 0 && n == len(raw)
}
