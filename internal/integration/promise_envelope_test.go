package integration

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"
)

// envelopeMagic is what every envelope begins with, before its format.
const envelopeMagic = "\xc1\xf5\xfe"

// The tags of the metadata that tests look at. They stand in stored records, so
// they never change.
const (
	tagIssued        = 2 // varint, Unix milliseconds
	tagOthers        = 3 // { byte state, 32 bytes hash, 8 bytes Unix milliseconds } each
	tagAuthenticated = 5 // varint, Unix milliseconds
	tagEdited        = 7 // varint, Unix milliseconds
)

// An envelope is a Record.Data taken apart, after the comment in codec.go and
// not by its code, so that a change of the stored format is noticed.
type envelope struct {
	format byte // after the magic
	meta   []tagged
	values []byte // the number of values and all of them
}

type tagged struct {
	tag     uint64
	payload []byte
}

func parseEnvelope(t *testing.T, data []byte) envelope {
	t.Helper()
	data, ok := bytes.CutPrefix(data, []byte(envelopeMagic))
	if !ok {
		t.Fatalf("the envelope %x does not begin with the magic", data)
	}
	e := envelope{format: data[0]}
	raw, rest := cutBytes(data[1:])
	for len(raw) > 0 {
		tag, n := binary.Uvarint(raw)
		var payload []byte
		payload, raw = cutBytes(raw[n:])
		e.meta = append(e.meta, tagged{tag, payload})
	}
	e.values = rest
	if got := e.bytes()[len(envelopeMagic):]; !slices.Equal(got, data) {
		t.Errorf("the envelope is not written as documented:\n%x\nreads as\n%x", data, got)
	}
	return e
}

func cutBytes(raw []byte) (b, rest []byte) {
	size, n := binary.Uvarint(raw)
	return slices.Clone(raw[n : n+int(size)]), raw[n+int(size):]
}

func (e envelope) bytes() []byte {
	var meta []byte
	for _, m := range e.meta {
		meta = appendBytes(binary.AppendUvarint(meta, m.tag), m.payload)
	}
	return append(appendBytes(append([]byte(envelopeMagic), e.format), meta), e.values...)
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// age moves all times back by d.
func (e envelope) age(d time.Duration) {
	for i := range e.meta {
		switch m := &e.meta[i]; m.tag {
		case tagIssued, tagAuthenticated, tagEdited:
			at, _ := binary.Varint(m.payload)
			m.payload = binary.AppendVarint(nil, at-d.Milliseconds())
		case tagOthers:
			for at := m.payload[33:]; ; at = at[41:] {
				binary.LittleEndian.PutUint64(at, binary.LittleEndian.Uint64(at)-uint64(d.Milliseconds()))
				if len(at) == 8 {
					break
				}
			}
		}
	}
}
