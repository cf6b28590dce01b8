package session

import (
	"net/http"
	"time"

	"github.com/b4468f51/session/internal/sid"
)

// A dueCookie is what the response still has to tell the client.
type dueCookie uint8

const (
	cookieNone  dueCookie = iota
	cookieSet             // the token in Session.secret
	cookieClear           // that there is no session any more
)

// sendTokenLocked writes the token that is due, if one is, to the header of a
// response.
func (s *Session) sendTokenLocked(h http.Header) {
	token, ok := s.takeTokenLocked()
	if !ok {
		return
	}
	s.m.carrier.Write(h, token.text, token.until)
	if !token.until.IsZero() && s.sends {
		s.keepBindCookieLocked()
		s.sendBindCookieLocked(h)
	}
}

// deliver puts a token that is due into the header that takes it at once, if
// there is one.
func (s *Session) deliver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.header != nil {
		s.sendTokenLocked(*s.header)
	}
}

// A sentToken is what a response tells the client to keep; an empty one clears.
type sentToken struct {
	text  string
	until time.Time // zero: as long as the browser runs
}

// takeTokenLocked returns the token that is due, once.
func (s *Session) takeTokenLocked() (t sentToken, ok bool) {
	due, secret, sealed := s.due, s.secret, s.sealed
	if due == cookieNone {
		return t, false
	}
	s.due, s.secret, s.sealed = cookieNone, nil, nil
	if due == cookieClear {
		s.clientHas = false
		return t, true
	}
	s.clientHas = true
	if sealed != nil {
		t.text = *sealed
	} else {
		t.text = sid.Token{ID: s.draft.Rec.ID, Secret: *secret}.Reveal()
	}
	if s.persistentLocked() {
		t.until = s.draft.Rec.Deadline.Time()
	}
	return t, true
}

// withheldLocked tells whether the client may hold a token that its browser did not
// send, since another site has made the request: SameSite says so of a form that is
// posted from there, and Strict of a link too. A cookie of an anonymous session would
// take the place of that token, and sign the client out.
func (s *Session) withheldLocked() bool {
	if s.draft.Subject() != "" || s.request == nil || s.with.lapsed() || s.clientHas || s.m.cfg.Header != "" ||
		s.request.Header.Get("Sec-Fetch-Site") != "cross-site" {
		return false
	}
	switch s.m.cfg.Cookie.SameSite {
	case http.SameSiteNoneMode:
		return false
	case http.SameSiteStrictMode:
		return true
	}
	switch s.request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return false
	}
	return true
}

// needsCookie tells whether the client has to be sent a cookie, and rules out
// that a rotation adds one. A dead token may stay with it.
func (s *Session) needsCookie() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mayRotate = false
	return s.owesCookieLocked() || s.phase == fresh && s.draft.Count() > 0 || s.m.keeper.writesWithCookie() && len(s.ops) > 0 || s.newTokenLocked()
}

// owesCookieLocked tells whether the client misses something without the cookie that is
// due. To keep one that is good for nothing does no harm.
func (s *Session) owesCookieLocked() bool {
	return s.due == cookieSet || s.due == cookieClear && s.with != withDead || s.bindDue
}

// errHandedOver is the ErrHeadersSent of a connection that is to be handed over.
var errHandedOver error = handedOverError{}

type handedOverError struct{}

func (handedOverError) Error() string {
	return "session: a cookie has to be set, and the header is lost when the connection is handed over: " +
		"have it set by a request before; or leave this path out with Config.Skip, call Manager.Start, " +
		"and give its header w.Header() to the upgrade"
}

func (handedOverError) Is(target error) bool { return target == ErrHeadersSent }
