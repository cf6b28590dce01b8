package session

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/b4468f51/session/internal/sid"
)

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
	tagClient        = 13 // that signed in: { uvarint length, text } of the user agent and of the address family
	tagLabel         = 15 // what the subject calls the device
	tagFormKey       = 17 // what CSRF tokens are made of, where it is not the current secret's: 32 bytes
	lastTag          = tagFormKey
)

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
	client        []byte // as tagClient has it
	label         []byte
	formKey       []byte
	unknown       []byte // tags above lastTag, as they were
}

const otherSize = 1 + sid.HashSize + 8

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
		case tagClient:
			_, ok = decodeClient(payload)
			m.client = payload
		case tagLabel:
			m.label = payload
		case tagFormKey:
			m.formKey, ok = payload, len(payload) == sha256.Size
		default:
			ok = tag > lastTag
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

// maxSize is at least the size of an envelope without its values.
func (m *meta) maxSize() int {
	return 128 + len(m.others)*otherSize + len(m.lineage) + len(m.client) + len(m.label) + len(m.formKey) + len(m.unknown)
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
	for _, t := range [...]struct {
		tag     uint64
		payload []byte
	}{{tagClient, m.client}, {tagLabel, m.label}, {tagFormKey, m.formKey}} {
		if len(t.payload) > 0 {
			dst = appendTag(dst, t.tag, t.payload)
		}
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
