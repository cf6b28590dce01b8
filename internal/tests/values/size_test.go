package values

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
)

// The length of a value takes one to three bytes as it is stored.
func TestValuesOfAnySizeAreRead(t *testing.T) {
	for _, size := range []int{0, 1, 127, 128, 129, 1<<14 - 1, 1 << 14, 1<<14 + 1, 1 << 15, 300_000, 900_000} {
		text := strings.Repeat("x", size)
		p := probe.New(t, session.Config{MaxSize: 990_000})
		c := p.Client().Must(probe.Set(t, "a", 1)).Must(probe.Set(t, "k", text)).Must(probe.Set(t, "z", 2))
		c.Must(probe.Succeed(t, func(_ *http.Request, s *session.Session) error {
			if s.Get("a") != 1 || s.Get("k") != text || s.Get("z") != 2 {
				return fmt.Errorf("a value beside %d bytes, or they, are not read", size)
			}
			return nil
		}))
	}
}

func TestKeySetSaysWhatIsWrong(t *testing.T) {
	if err := probe.Counter.Set(nil, 1); err != session.ErrNoSession {
		t.Errorf("without a session: %v", err)
	}
	p := probe.New(t, session.Config{})
	c := p.Client().Must(probe.Login(t, "u"))
	var kept *session.Session
	c.Must(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		kept = s
		if err := session.NewKey[chan int]("k").Set(s, nil); err == nil {
			t.Error("what the codec refuses is set")
		}
	})
	if err := probe.Counter.Set(kept, 1); err != session.ErrDone {
		t.Errorf("after the handler: %v", err)
	}
	old := c.Token()
	c.Must(probe.Renew(t))
	p.With(old).Visit(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := probe.Counter.Set(s, 1); !errors.Is(err, session.ErrEnded) {
			t.Errorf("of a killed token: %v", err)
		}
	})
}
