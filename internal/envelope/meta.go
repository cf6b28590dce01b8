package envelope

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/b4468f51/session/internal/sid"
)

// Tags of the metadata, never changed or used again.
const (
	tagSecret        = 1  // hash of the current secret
	tagIssued        = 2  // when it was issued, if not by the sign-in: varint, Unix milliseconds
	tagOthers        = 3  // other secrets: { byte state, hash, 8 bytes Unix milliseconds } each
	tagGeneration    = 4  // uvarint: how often the secrets before were killed
	tagAuthenticated = 5  // when the subject signed in: varint, Unix milliseconds
	tagLineage       = 6  // the last version before this one of each manager that wrote lately, 8 bytes each
	tagEdited        = 7  // when it was written, if that did not count as use: varint, Unix milliseconds
	tagLevel         = 9  // how strongly the subject signed in: one byte, not 0
	tagLifetime      = 11 // of this session: varints of milliseconds, absolute and idle, and a byte, 1 for a persistent cookie
	tagClient        = 13 // that signed in: { uvarint length, text } of the user agent and of the address family
	tagLabel         = 15 // what the subject calls the device
	tagBindKey       = 17 // what bindings are made of, where it is not the current secret's: 32 bytes
	tagReplaced      = 18 // the beginnings of the hashes of secrets that were replaced, oldest first; it outlives a sign-in
	firstTail        = tagClient
	lastTag          = tagReplaced
)

// Meta is what the manager keeps about a session, beside the Record's own fields.
type Meta struct {
	Secret        sid.Hash
	Issued        int64 // Unix milliseconds
	Others        []otherSecret
	Generation    uint64
	Authenticated int64 // Unix milliseconds, 0 while anonymous
	Lineage       []byte
	Edited        int64 // Unix milliseconds, 0 if the record was written by its use
	Level         uint8 // how strongly the subject signed in
	OwnLifetime   bool  // whether lifetime was set: its zero value may be
	Lifetime      Lifetime
	tail          []byte // from firstTail on, as they stand: rarely asked for, or unknown here
}

const otherSize = 1 + sid.HashSize + 8

// Decode reads metadata into the zero Meta. It is false for what was not written by
// AppendHead, of any version.
func (m *Meta) Decode(raw []byte) bool {
	last := uint64(0)
	for len(raw) > 0 {
		whole := raw
		tag, n := binary.Uvarint(raw)
		if n <= 0 || tag <= last {
			return false
		}
		last = tag
		if tag >= firstTail && m.tail == nil {
			m.tail = whole
		}
		payload, rest, ok := cutBytes(raw[n:])
		if !ok {
			return false
		}
		raw = rest
		switch tag {
		case tagSecret:
			ok = len(payload) == sid.HashSize
			copy(m.Secret[:], payload)
		case tagIssued:
			m.Issued, ok = oneVarint(payload)
		case tagOthers:
			m.Others, ok = decodeOthers(payload)
		case tagGeneration:
			m.Generation, n = binary.Uvarint(payload)
			ok = n > 0 && n == len(payload)
		case tagAuthenticated:
			m.Authenticated, ok = oneVarint(payload)
		case tagLineage:
			m.Lineage = payload
			ok = len(payload)%8 == 0
		case tagEdited:
			m.Edited, ok = oneVarint(payload)
		case tagLevel:
			if ok = len(payload) == 1; ok {
				m.Level = payload[0]
			}
		case tagLifetime:
			m.OwnLifetime, ok = true, m.Lifetime.decode(payload)
		case tagClient:
			_, ok = decodeClient(payload)
		case tagLabel:
		case tagBindKey:
			ok = len(payload) == sha256.Size
		case tagReplaced:
			ok = len(payload)%markSize == 0
		default:
			ok = tag > lastTag
		}
		if !ok {
			return false
		}
	}
	if m.Issued == 0 {
		m.Issued = m.Authenticated
	}
	return m.Secret != sid.Hash{}
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

// MaxSize is at least the size of an envelope without its values.
func (m *Meta) MaxSize() int {
	return 128 + len(m.Others)*otherSize + len(m.Lineage) + len(m.tail)
}

func (m *Meta) append(dst []byte) []byte {
	var buf [binary.MaxVarintLen64]byte
	dst = appendTag(dst, tagSecret, m.Secret[:])
	if m.Issued != m.Authenticated {
		dst = appendTag(dst, tagIssued, binary.AppendVarint(buf[:0], m.Issued))
	}
	if len(m.Others) > 0 {
		dst = binary.AppendUvarint(dst, tagOthers)
		dst = binary.AppendUvarint(dst, uint64(len(m.Others)*otherSize))
		for _, o := range m.Others {
			dst = append(dst, byte(o.state))
			dst = append(dst, o.hash[:]...)
			dst = binary.LittleEndian.AppendUint64(dst, uint64(o.at))
		}
	}
	if m.Generation != 0 {
		dst = appendTag(dst, tagGeneration, binary.AppendUvarint(buf[:0], m.Generation))
	}
	if m.Authenticated != 0 {
		dst = appendTag(dst, tagAuthenticated, binary.AppendVarint(buf[:0], m.Authenticated))
	}
	if len(m.Lineage) > 0 {
		dst = appendTag(dst, tagLineage, m.Lineage)
	}
	if m.Edited != 0 {
		dst = appendTag(dst, tagEdited, binary.AppendVarint(buf[:0], m.Edited))
	}
	if m.Level != 0 {
		dst = appendTag(dst, tagLevel, []byte{m.Level})
	}
	if m.OwnLifetime {
		dst = appendTag(dst, tagLifetime, m.Lifetime.append(buf[:0]))
	}
	return append(dst, m.tail...)
}

// inTail returns the payload of a tag from firstTail on, or nil.
func (m *Meta) inTail(want uint64) []byte {
	for raw := m.tail; len(raw) > 0; {
		tag, payload, rest := cutTag(raw)
		if tag == want {
			return payload
		}
		raw = rest
	}
	return nil
}

// setTail puts a tag into a copy of the tail, or takes it out if it is empty.
func (m *Meta) setTail(want uint64, payload []byte) {
	var tail []byte
	raw := m.tail
	for len(raw) > 0 {
		tag, _, rest := cutTag(raw)
		if tag > want {
			break
		}
		if tag < want {
			tail = append(tail, raw[:len(raw)-len(rest)]...)
		}
		raw = rest
	}
	if len(payload) > 0 {
		tail = appendTag(tail, want, payload)
	}
	m.tail = append(tail, raw...)
}

// cutTag splits off the first tag of a tail, which was checked when it was
// decoded.
func cutTag(raw []byte) (tag uint64, payload, rest []byte) {
	tag, n := binary.Uvarint(raw)
	payload, rest, _ = cutBytes(raw[n:])
	return tag, payload, rest
}

// EndSignIn drops of the tail what belongs to a sign-in: odd numbers.
func (m *Meta) EndSignIn() {
	var kept []byte
	for raw := m.tail; len(raw) > 0; {
		tag, _, rest := cutTag(raw)
		if tag%2 == 0 {
			kept = append(kept, raw[:len(raw)-len(rest)]...)
		}
		raw = rest
	}
	m.tail = kept
}
