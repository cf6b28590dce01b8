package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

// The envelope, which is Record.Data, format 1:
//
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
const envelopeFormat = 1

// Tags of the metadata, never changed or used again.
const (
	tagSecret        = 1  // hash of the current secret
	tagIssued        = 2  // when it was issued: varint, Unix milliseconds
	tagOthers        = 3  // other secrets: { byte state, hash, 8 bytes Unix milliseconds } each
	tagGeneration    = 4  // uvarint: how often the secrets before were killed
	tagAuthenticated = 5  // when the subject signed in: varint, Unix milliseconds
	tagLineage       = 6  // the last version before this one of each manager that wrote lately, 8 bytes each
	tagEdited        = 7  // when Edit wrote it, which is no use: varint, Unix milliseconds
	tagLevel         = 9  // how strongly the subject signed in: one byte, not 0
	tagLifetime      = 11 // of this session: varints of milliseconds, absolute and idle, and a byte, 1 for a persistent cookie
	lastTag          = tagLifetime
)

var (
	errCorrupt = errors.New("session: the record is corrupt")

	errNewerFormat = errors.New("session: the record was written by a newer version of this library: " +
		"deploy that version everywhere, or send the client to a machine that has it")
)

// An envelope is a decoded Record.Data. Its slices are parts of the record.
type envelope struct {
	meta   meta
	values values
}

// meta is what the manager keeps about a session, beside the Record's own fields.
type meta struct {
	secret        sid.Hash
	issued        int64 // Unix milliseconds
	others        []otherSecret
	generation    uint64
	authenticated int64 // Unix milliseconds, 0 while anonymous
	lineage       []byte
	edited        int64 // Unix milliseconds, 0 unless Edit wrote the record
	level         uint8 // how strongly the subject signed in
	lifetime      Lifetime
	unknown       []byte // tags above lastTag, as they were
}

const otherSize = 1 + sid.HashSize + 8

// decodeEnvelope reads an envelope, without copying, and checks all of its
// structure: what it accepts can be read to the end.
func decodeEnvelope(data []byte) (envelope, error) {
	var e envelope
	if len(data) == 0 || data[0] == 0 || len(data) > store.MaxData {
		return e, errCorrupt
	}
	if data[0] > envelopeFormat {
		return e, errNewerFormat
	}
	raw, rest, ok := cutBytes(data[1:])
	if !ok || !e.meta.decode(raw) {
		return e, errCorrupt
	}
	count, n := binary.Uvarint(rest)
	// Each value takes at least three bytes.
	if n <= 0 || count > uint64(len(rest)) {
		return e, errCorrupt
	}
	e.values = values{raw: rest[n:], count: int(count)}
	if !e.values.valid() {
		return e, errCorrupt
	}
	return e, nil
}

func (m *meta) decode(raw []byte) bool {
	last := uint64(0)
	for len(raw) > 0 {
		whole := raw
		tag, n := binary.Uvarint(raw)
		if n <= 0 || tag <= last {
			return false
		}
		last = tag
		if tag > lastTag && m.unknown == nil {
			m.unknown = whole
		}
		payload, rest, ok := cutBytes(raw[n:])
		if !ok {
			return false
		}
		raw = rest
		switch tag {
		case tagSecret:
			ok = len(payload) == sid.HashSize
			copy(m.secret[:], payload)
		case tagIssued:
			m.issued, ok = oneVarint(payload)
		case tagOthers:
			m.others, ok = decodeOthers(payload)
		case tagGeneration:
			m.generation, n = binary.Uvarint(payload)
			ok = n > 0 && n == len(payload)
		case tagAuthenticated:
			m.authenticated, ok = oneVarint(payload)
		case tagLineage:
			m.lineage = payload
			ok = len(payload)%8 == 0
		case tagEdited:
			m.edited, ok = oneVarint(payload)
		case tagLevel:
			if ok = len(payload) == 1; ok {
				m.level = payload[0]
			}
		case tagLifetime:
			ok = m.lifetime.decode(payload)
		}
		if !ok {
			return false
		}
	}
	return m.secret != sid.Hash{}
}

func decodeOthers(raw []byte) ([]otherSecret, bool) {
	if len(raw)%otherSize != 0 {
		return nil, false
	}
	others := make([]otherSecret, 0, len(raw)/otherSize)
	for ; len(raw) > 0; raw = raw[otherSize:] {
		o := otherSecret{
			state: secretState(raw[0]),
			hash:  sid.Hash(raw[1 : 1+sid.HashSize]),
			at:    int64(binary.LittleEndian.Uint64(raw[1+sid.HashSize:])),
		}
		if o.state < secretPending || o.state > secretKilled {
			return nil, false
		}
		others = append(others, o)
	}
	return others, true
}

// appendHead writes an envelope up to its values, which the caller appends in
// ascending order of keys, count in number.
func appendHead(dst []byte, m *meta, count int) []byte {
	var buf [256]byte // enough for most: then it stays on the stack
	dst = append(dst, envelopeFormat)
	dst = appendBytes(dst, m.append(buf[:0]))
	return binary.AppendUvarint(dst, uint64(count))
}

// maxSize is at least the size of an envelope without its values.
func (m *meta) maxSize() int {
	return 96 + len(m.others)*otherSize + len(m.lineage) + len(m.unknown)
}

func (m *meta) append(dst []byte) []byte {
	var buf [binary.MaxVarintLen64]byte
	dst = appendTag(dst, tagSecret, m.secret[:])
	dst = appendTag(dst, tagIssued, binary.AppendVarint(buf[:0], m.issued))
	if len(m.others) > 0 {
		dst = binary.AppendUvarint(dst, tagOthers)
		dst = binary.AppendUvarint(dst, uint64(len(m.others)*otherSize))
		for _, o := range m.others {
			dst = append(dst, byte(o.state))
			dst = append(dst, o.hash[:]...)
			dst = binary.LittleEndian.AppendUint64(dst, uint64(o.at))
		}
	}
	if m.generation != 0 {
		dst = appendTag(dst, tagGeneration, binary.AppendUvarint(buf[:0], m.generation))
	}
	if m.authenticated != 0 {
		dst = appendTag(dst, tagAuthenticated, binary.AppendVarint(buf[:0], m.authenticated))
	}
	if len(m.lineage) > 0 {
		dst = appendTag(dst, tagLineage, m.lineage)
	}
	if m.edited != 0 {
		dst = appendTag(dst, tagEdited, binary.AppendVarint(buf[:0], m.edited))
	}
	if m.level != 0 {
		dst = appendTag(dst, tagLevel, []byte{m.level})
	}
	if m.lifetime != (Lifetime{}) {
		dst = appendTag(dst, tagLifetime, m.lifetime.append(buf[:0]))
	}
	return append(dst, m.unknown...)
}

// keptAtLogin returns the unknown tags that do not belong to a sign-in.
func keptAtLogin(unknown []byte) []byte {
	var kept []byte
	for len(unknown) > 0 {
		tag, n := binary.Uvarint(unknown)
		_, rest, _ := cutBytes(unknown[n:]) // it was checked when it was decoded
		if tag%2 == 0 {
			kept = append(kept, unknown[:len(unknown)-len(rest)]...)
		}
		unknown = rest
	}
	return kept
}

func appendTag(dst []byte, tag uint64, payload []byte) []byte {
	return appendBytes(binary.AppendUvarint(dst, tag), payload)
}

func appendBytes[T ~string | ~[]byte](dst []byte, b T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// cutBytes is the inverse of appendBytes.
func cutBytes(raw []byte) (b, rest []byte, ok bool) {
	if len(raw) > 0 && raw[0] < 0x80 { // most lengths take one byte
		end := 1 + int(raw[0])
		if end > len(raw) {
			return nil, nil, false
		}
		return raw[1:end:end], raw[end:], true
	}
	size, n := binary.Uvarint(raw)
	if n <= 0 || size > uint64(len(raw)-n) {
		return nil, nil, false
	}
	end := n + int(size)
	return raw[n:end:end], raw[end:], true
}

func oneVarint(raw []byte) (int64, bool) {
	i, n := binary.Varint(raw)
	return i, n > 0 && n == len(raw)
}

// milli returns t as a store keeps it.
func milli(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// corrupt says of which record a decoding error was.
func corrupt(id ID, err error) error { return fmt.Errorf("session: record %v: %w", id, err) }
