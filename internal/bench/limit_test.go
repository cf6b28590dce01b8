package bench

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/bench/limit"
)

// limitSmall is what somebody who knows the content would write.
type limitSmall struct {
	user  int64
	nonce string
	since time.Time
	count int
}

type limitLibrary struct {
	small *limit.Manager[limitSmall]
	large *limit.Manager[map[string]string]
}

func openLimit(testing.TB) library {
	return &limitLibrary{limit.New[limitSmall](), limit.New[map[string]string]()}
}

func (l *limitLibrary) close() {}

func (l *limitLibrary) handler(a act) http.Handler {
	switch a {
	case actNone:
		return l.small.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			respond(w, true)
		}))
	case actNewLarge:
		return l.large.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			content := make(map[string]string, largeKeys)
			for _, kv := range large {
				content[kv.key] = kv.value
			}
			limit.FromContext[map[string]string](r.Context()).Begin(content)
			respond(w, true)
		}))
	case actReadOne:
		return l.large.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			content, _ := limit.FromContext[map[string]string](r.Context()).Get()
			respond(w, content[largeKey] == wantLarge)
		}))
	}
	return l.small.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := limit.FromContext[limitSmall](r.Context())
		switch a {
		case actLook:
			_, ok := s.Get()
			respond(w, !ok)
		case actNewSmall:
			s.Begin(limitSmall{user: wantUser, nonce: wantNonce, since: wantSince})
			respond(w, true)
		case actRead:
			c, ok := s.Get()
			respond(w, ok && smallIs(c.user, c.nonce, c.since))
		case actCount:
			err := s.Update(func(c limitSmall) limitSmall { c.count++; return c })
			respond(w, err == nil)
		case actTotal:
			c, _ := s.Get()
			w.Write(strconv.AppendInt(nil, int64(c.count), 10))
		}
	}))
}
