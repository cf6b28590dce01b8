package values

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store"
)

// spoiled sends one request whose record has other data in the store, and returns
// the status and the events.
func spoiled(c *probe.Client, change func(data []byte) []byte) (status int, events string) {
	c.P.T.Helper()
	c.P.Saw()
	c.P.Tap.Poison(func(rec store.Record) store.Record {
		rec.Data = change(bytes.Clone(rec.Data))
		return rec
	})
	res := c.Visit(probe.Show)
	c.P.Tap.Poison(nil)
	if got := probe.Text(c.P.T, res); res.StatusCode == 200 && got != probe.Anonymous {
		c.P.T.Errorf("the spoiled record is read as %q", got)
	}
	return res.StatusCode, c.P.Heard()
}

// Whatever another program wrote, or a disk made of it, the client goes on with
// a new session. Only what is known to be a newer version's is worth an error.
func TestWhatThisLibraryDidNotWriteIsCorrupt(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	random := rand.New(rand.NewPCG(1, 2))
	garbage := [][]byte{nil, []byte(`{"user":42}`), []byte("\x1f\x8b\x08\x00"), []byte("\ufeffuser=42"), {0xc1, 0xf5}, probe.Envelope(""), probe.Envelope("\x00")}
	for first := range 256 {
		data := []byte{byte(first)}
		for range random.IntN(100) {
			data = append(data, byte(random.Uint32()))
		}
		garbage = append(garbage, data)
	}
	for _, data := range garbage {
		if status, events := spoiled(c, func([]byte) []byte { return data }); status != 200 || events != "corrupt record" {
			t.Errorf("%q: %d and the events %q, want 200 and a corrupt record", data, status, events)
		}
	}
	// One byte of it damaged.
	for i := range 3 {
		if status, events := spoiled(c, func(data []byte) []byte { data[i] ^= 0x10; return data }); status != 200 || events != "corrupt record" {
			t.Errorf("byte %d: %d and the events %q, want 200 and a corrupt record", i, status, events)
		}
	}
	c.Wants("<u>")
}

func TestEveryNewerFormatWaitsForItsProgram(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	for format := 2; format < 256; format++ {
		status, events := spoiled(c, func(data []byte) []byte {
			data = append(data[:3], byte(format))
			return append(data, fmt.Sprint("whatever that format is like ", format)...)
		})
		if status != 503 || events != "load failed" {
			t.Errorf("format %d: %d and the events %q, want 503 and a load that failed", format, status, events)
		}
	}
	c.Wants("<u>")
}

// A value of a kind that is not there yet, and one whose bytes are none of its
// kind, is absent; the others in the record are read, and kept.
func TestAValueThatMakesNoSenseIsAbsent(t *testing.T) {
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Set(t, "k", true))
	record := p.Tap.Given()[0].Data
	head := record[:len(record)-len("\x01\x01k\x02\x00")] // up to the number of values
	read := func(kind byte, data []byte) (found []string) {
		p.Tap.Poison(func(rec store.Record) store.Record {
			rec.Data = append(bytes.Clone(head), "\x02\x01k"...)
			rec.Data = append(append(rec.Data, kind, byte(len(data))), data...)
			rec.Data = append(rec.Data, "\x05other\x02\x00"...)
			return rec
		})
		c.Must(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			for name, x := range map[string]any{"Get": s.Get("k"), "int": valueAs[int](s), "string": valueAs[string](s), "time": valueAs[time.Time](s),
				"float64": valueAs[float64](s), "uint8": valueAs[uint8](s), "[]byte": valueAs[flags](s), "bool": valueAs[named](s), "struct": valueAs[notice](s), "any": valueAs[any](s)} {
				if x != nil {
					found = append(found, name)
				}
			}
			if s.Get("other") != true {
				t.Errorf("kind %d with %q hides the value beside it", kind, data)
			}
		})
		slices.Sort(found)
		return found
	}
	long := bytes.Repeat([]byte{0xff}, 11)
	billion := []byte{0, 0x80, 0x94, 0xeb, 0xdc, 0x03, 0} // nanoseconds, which a second has not
	for kind := range 256 {
		for _, data := range [][]byte{nil, {255}, {1, 2}, {1, 2, 3}, make([]byte, 4), make([]byte, 8), make([]byte, 15), billion, long, append([]byte{0}, long...), append([]byte{0, 0}, long...)} {
			found := strings.Join(read(byte(kind), data), " ")
			want := ""
			switch {
			case kind == 0: // the codec's: none of these is JSON
				want = "Get any"
			case kind == 1 || kind == 2:
				want = "Get any bool"
			case kind >= 3 && kind <= 7 || kind == 19: // not these: a varint ends with its last byte
			case kind == 14 && len(data) == 4, kind == 15 && len(data) == 8:
				want = "Get any float64 int uint8"
			case kind == 16:
				want = "Get any string"
			case kind == 17:
				want = "Get []byte any"
			case kind == 18 && len(data) == 3:
				want = "Get any time"
			}
			if found != want {
				t.Errorf("kind %d with %q is read by %q, want %q", kind, data, found, want)
			}
		}
	}
}

// valueAs returns what a Key of the name k reads, or nil.
func valueAs[T any](s *session.Session) any {
	if v, ok := session.NewKey[T]("k").Get(s); ok {
		return v
	}
	return nil
}
