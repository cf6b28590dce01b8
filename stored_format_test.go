package session_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

// envelope returns the data of a record: what follows the magic that each begins
// with, the format first.
func envelope(rest string) []byte { return []byte("\xc1\xf5\xfe" + rest) }

// spoiled sends one request whose record has other data in the store, and returns
// the status and the events.
func (c *client) spoiled(change func(data []byte) []byte) (status int, events string) {
	c.p.t.Helper()
	c.p.saw()
	c.p.tap.poison(func(rec store.Record) store.Record {
		rec.Data = change(bytes.Clone(rec.Data))
		return rec
	})
	res := c.visit(show)
	c.p.tap.poison(nil)
	if got := text(c.p.t, res); res.StatusCode == 200 && got != anonymous {
		c.p.t.Errorf("the spoiled record is read as %q", got)
	}
	return res.StatusCode, c.p.heard()
}

// Whatever another program wrote, or a disk made of it, the client goes on with
// a new session. Only what is known to be a newer version's is worth an error.
func TestWhatThisLibraryDidNotWriteIsCorrupt(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	random := rand.New(rand.NewPCG(1, 2))
	garbage := [][]byte{nil, []byte(`{"user":42}`), []byte("\x1f\x8b\x08\x00"), []byte("\ufeffuser=42"), {0xc1, 0xf5}, envelope(""), envelope("\x00")}
	for first := range 256 {
		data := []byte{byte(first)}
		for range random.IntN(100) {
			data = append(data, byte(random.Uint32()))
		}
		garbage = append(garbage, data)
	}
	for _, data := range garbage {
		if status, events := c.spoiled(func([]byte) []byte { return data }); status != 200 || events != "corrupt record" {
			t.Errorf("%q: %d and the events %q, want 200 and a corrupt record", data, status, events)
		}
	}
	// One byte of it damaged.
	for i := range 3 {
		if status, events := c.spoiled(func(data []byte) []byte { data[i] ^= 0x10; return data }); status != 200 || events != "corrupt record" {
			t.Errorf("byte %d: %d and the events %q, want 200 and a corrupt record", i, status, events)
		}
	}
	c.wants("<u>")
}

func TestEveryNewerFormatWaitsForItsProgram(t *testing.T) {
	p := newProbe(t, session.Config{})
	c := p.client().must(login(t, "u"))
	for format := 2; format < 256; format++ {
		status, events := c.spoiled(func(data []byte) []byte {
			data = append(data[:3], byte(format))
			return append(data, fmt.Sprint("whatever that format is like ", format)...)
		})
		if status != 503 || events != "load failed" {
			t.Errorf("format %d: %d and the events %q, want 503 and a load that failed", format, status, events)
		}
	}
	c.wants("<u>")
}
