package bench

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
)

// scsLibrary is alexedwards/scs over its own memstore, with its own codec and
// settings, but for the cookie, which is as the others'.
type scsLibrary struct{ m *scs.SessionManager }

func openSCS(testing.TB) library {
	m := scs.New()
	// No goroutine that outlives the benchmark. It would only wait.
	m.Store = memstore.NewWithCleanupInterval(0)
	m.Cookie.Name = cookieName
	m.Cookie.Secure = true
	m.Cookie.Persist = false
	return &scsLibrary{m}
}

// openIdleSCS has the idle timeout that this module has by default. With it
// scs writes the session, and its cookie, on every request.
func openIdleSCS(tb testing.TB) library {
	l := openSCS(tb).(*scsLibrary)
	l.m.IdleTimeout = time.Hour
	return l
}

func (l *scsLibrary) close() {}

func (l *scsLibrary) handler(a act) http.Handler {
	m := l.m
	return m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a == actNone {
			respond(w, true)
			return
		}
		ctx := r.Context()
		switch a {
		case actLook:
			respond(w, !m.Exists(ctx, keyUser))
		case actNewSmall:
			m.Put(ctx, keyUser, wantUser)
			m.Put(ctx, keyNonce, wantNonce)
			m.Put(ctx, keySince, wantSince)
			respond(w, true)
		case actNewLarge:
			for _, kv := range large {
				m.Put(ctx, kv.key, kv.value)
			}
			respond(w, true)
		case actRead:
			respond(w, smallIs(m.GetInt64(ctx, keyUser), m.GetString(ctx, keyNonce), m.GetTime(ctx, keySince)))
		case actReadOne:
			respond(w, m.GetString(ctx, largeKey) == wantLarge)
		case actCount:
			m.Put(ctx, keyCount, m.GetInt(ctx, keyCount)+1)
			respond(w, true)
		case actTotal:
			w.Write(strconv.AppendInt(nil, int64(m.GetInt(ctx, keyCount)), 10))
		}
	}))
}
