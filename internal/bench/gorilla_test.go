package bench

import (
	"bytes"
	"encoding/gob"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/gorilla/sessions"
)

func init() { gob.Register(time.Time{}) }

// gorillaLibrary is gorilla/sessions with its cookie store: authenticated and
// encrypted, with its own codec and settings, but for the cookie, which is as
// the others'. It has no middleware: handlers load and save, and tell caches
// what the middleware of others does.
type gorillaLibrary struct{ store *sessions.CookieStore }

func openGorilla(testing.TB) library {
	s := sessions.NewCookieStore(bytes.Repeat([]byte("h"), 64), bytes.Repeat([]byte("b"), 32))
	s.Options = &sessions.Options{Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode}
	return &gorillaLibrary{s}
}

func (l *gorillaLibrary) close() {}

func (l *gorillaLibrary) handler(a act) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a == actNone {
			respond(w, true)
			return
		}
		r = r.WithContext(r.Context()) // it keeps the session there, and the request is sent again
		s, err := l.store.Get(r, cookieName)
		if s == nil {
			respond(w, false)
			return
		}
		w.Header().Set("Vary", "Cookie")
		save := func() bool {
			w.Header().Set("Cache-Control", "no-store")
			return s.Save(r, w) == nil
		}
		switch a {
		case actLook:
			_, ok := s.Values[keyUser].(int64)
			respond(w, !ok)
		case actNewSmall:
			s.Values[keyUser], s.Values[keyNonce], s.Values[keySince] = wantUser, wantNonce, wantSince
			respond(w, save())
		case actRead:
			user, _ := s.Values[keyUser].(int64)
			nonce, _ := s.Values[keyNonce].(string)
			since, _ := s.Values[keySince].(time.Time)
			respond(w, err == nil && smallIs(user, nonce, since))
		case actCount:
			n, _ := s.Values[keyCount].(int)
			s.Values[keyCount] = n + 1
			respond(w, save())
		case actTotal:
			n, _ := s.Values[keyCount].(int)
			w.Write(strconv.AppendInt(nil, int64(n), 10))
		}
	})
}
