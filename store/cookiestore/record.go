package cookiestore

import (
	"encoding/binary"
	"time"

	"github.com/b4468f51/session/store"
)

// What is sealed, in version 1 of a token:
//
//	16 bytes ID
//	4 times 8 bytes: created, seen, expires, deadline, in Unix milliseconds
//	2 bytes  length of the subject
//	         subject
//	         data
//
// All but subject and data have a fixed size, so that nothing else shows in the
// length of a token.
const fixedSize = len(store.ID{}) + 4*8 + 2

func recordSize(rec store.Record) int { return fixedSize + len(rec.Subject) + len(rec.Data) }

func appendRecord(dst []byte, rec store.Record) []byte {
	dst = append(dst, rec.ID[:]...)
	for _, t := range []time.Time{rec.Created, rec.Seen, rec.Expires, rec.Deadline} {
		dst = binary.BigEndian.AppendUint64(dst, uint64(t.UnixMilli()))
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(rec.Subject)))
	dst = append(dst, rec.Subject...)
	return append(dst, rec.Data...)
}

func parseRecord(raw []byte) (rec store.Record, ok bool) {
	if len(raw) < fixedSize {
		return rec, false
	}
	raw = raw[copy(rec.ID[:], raw):]
	for _, t := range []*time.Time{&rec.Created, &rec.Seen, &rec.Expires, &rec.Deadline} {
		*t = time.UnixMilli(int64(binary.BigEndian.Uint64(raw))).UTC()
		raw = raw[8:]
	}
	subject := int(binary.BigEndian.Uint16(raw))
	raw = raw[2:]
	if subject > len(raw) {
		return store.Record{}, false
	}
	rec.Subject, rec.Data = string(raw[:subject]), raw[subject:]
	return rec, true
}
