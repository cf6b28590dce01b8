package redisstore

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

func TestRecordsAreEncodedWhole(t *testing.T) {
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	for _, want := range []store.Record{
		{Created: at(0), Seen: at(0), Expires: at(0), Deadline: at(0), Data: []byte{}},
		{
			Version: math.MaxUint64, Subject: strings.Repeat("s", 512), Created: at(-1), Seen: at(1),
			Expires: at(253402300799999), Deadline: at(-62135596800000), Data: []byte("data\x00"),
		},
	} {
		b := encodeRecord(want, 1)
		got, err := decodeRecord(b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
		for n := range len(b) - len(want.Data) {
			if got, err := decodeRecord(b[:n]); err == nil {
				t.Errorf("the first %d of %d bytes are %+v", n, len(b), got)
			}
		}
		b[formatAt]++
		if _, err := decodeRecord(b); err == nil || !strings.Contains(err.Error(), "format 2") {
			t.Errorf("another format: %v, want an error that names it", err)
		}
	}
}
