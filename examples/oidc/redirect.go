package main

import (
	"net/http"

	"github.com/b4468f51/session"
)

// The common case: the provider redirects the browser back. That is a GET at the
// top of the window, to which browsers add cookies with SameSite=Lax, so that
// the site's own session can hold the flow. With Strict it is not there.

func (s *site) beginRedirect(w http.ResponseWriter, r *http.Request) {
	s.begin(w, r, session.FromContext(r.Context()), s.url+redirectPath, "query")
}

func (s *site) endRedirect(w http.ResponseWriter, r *http.Request) {
	me := session.FromContext(r.Context())
	who, err := s.end(r, me, s.url+redirectPath, r.URL.Query())
	if err == nil {
		err = signIn(me, who)
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// signIn binds the session to a user, under a new token. The cart stays.
func signIn(me *session.Session, who claims) error {
	if err := me.Login(who.Subject); err != nil {
		return err
	}
	return name.Set(me, who.Name)
}
