package values

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// inPlace is JSON, encrypted in the idiom of crypto/cipher: what it is given is
// where it decrypts.
type inPlace struct{}

func (inPlace) Marshal(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	xor(data)
	return data, err
}

func (inPlace) Unmarshal(data []byte, v any) error {
	xor(data)
	return json.Unmarshal(data, v)
}

func xor(data []byte) {
	for i := range data {
		data[i] ^= 0xaa
	}
}

// scribe is decoded by the default codec, and overwrites what it is given.
type scribe struct{ Text string }

func (s scribe) MarshalJSON() ([]byte, error) { return json.Marshal(s.Text) }

func (s *scribe) UnmarshalJSON(data []byte) error {
	err := json.Unmarshal(data, &s.Text)
	clear(data)
	return err
}

func TestACodecMayDecodeInPlace(t *testing.T) {
	t.Run("Config.Codec", func(t *testing.T) {
		decodeAgain(t, session.Config{Codec: inPlace{}}, session.NewKey[notice]("v"), notice{"kind", "the plain text"})
	})
	t.Run("UnmarshalJSON", func(t *testing.T) {
		decodeAgain(t, session.Config{}, session.NewKey[scribe]("v"), scribe{"the plain text"})
	})
	t.Run("UnmarshalJSON of a part", func(t *testing.T) {
		type page struct{ A, B scribe }
		decodeAgain(t, session.Config{}, session.NewKey[page]("v"), page{scribe{"one"}, scribe{"two"}})
	})
}

func decodeAgain[T comparable](t *testing.T, cfg session.Config, key session.Key[T], want T) {
	p := probe.New(t, cfg)
	c := p.Client().Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error { return key.Set(s, want) }))
	encoded := p.Tap.Given()[0].Data
	for i := range 3 {
		c.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
			for range 3 {
				if got, ok := key.Get(s); got != want || !ok {
					return fmt.Errorf("request %d gets %v, %v", i, got, ok)
				}
			}
			if i == 1 {
				err := key.Update(s, func(v T) (T, error) {
					if v != want {
						t.Errorf("Update gets %v", v)
					}
					return v, nil
				})
				if err != nil {
					return err
				}
			}
			return s.Set("beside", i)
		}))
	}
	value := encoded[bytes.LastIndex(encoded, []byte("\x01v\x00")):]
	for _, rec := range p.Tap.Given()[1:] {
		if !bytes.HasSuffix(rec.Data, value) {
			t.Errorf("the stored value changed: %q is not at the end of %q", value, rec.Data)
		}
	}
}
