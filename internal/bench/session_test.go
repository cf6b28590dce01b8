package bench

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

var (
	user  = session.NewKey[int64](keyUser)
	nonce = session.NewKey[string](keyNonce)
	since = session.NewKey[time.Time](keySince)
	count = session.NewKey[int](keyCount)
	one   = session.NewKey[string](largeKey)
)

// sessionLibrary is this module over memstore, with the default Config.
type sessionLibrary struct {
	tb testing.TB
	m  *session.Manager
}

func openSession(tb testing.TB) library {
	m, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return &sessionLibrary{tb, m}
}

func (l *sessionLibrary) close() {
	if err := l.m.Close(); err != nil {
		l.tb.Error(err)
	}
}

func (l *sessionLibrary) handler(a act) http.Handler {
	return l.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a == actNone {
			respond(w, true)
			return
		}
		s := session.FromContext(r.Context())
		switch a {
		case actLook:
			_, ok := user.Get(s)
			respond(w, !ok)
		case actNewSmall:
			ok := user.Set(s, wantUser) == nil &&
				nonce.Set(s, wantNonce) == nil &&
				since.Set(s, wantSince) == nil
			respond(w, ok)
		case actNewLarge:
			ok := true
			for _, kv := range large {
				ok = ok && s.Set(kv.key, kv.value) == nil
			}
			respond(w, ok)
		case actRead:
			u, ok1 := user.Get(s)
			n, ok2 := nonce.Get(s)
			t, ok3 := since.Get(s)
			respond(w, ok1 && ok2 && ok3 && smallIs(u, n, t))
		case actReadOne:
			v, ok := one.Get(s)
			respond(w, ok && v == wantLarge)
		case actCount:
			err := count.Update(s, func(n int) (int, error) { return n + 1, nil })
			respond(w, err == nil)
		case actTotal:
			n, _ := count.Get(s)
			w.Write(strconv.AppendInt(nil, int64(n), 10))
		}
	}))
}
