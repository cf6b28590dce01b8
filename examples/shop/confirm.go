package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/b4468f51/session/guard"
)

// levelConfirmed is the level of a session whose user has given the password
// once more since they signed in; confirmedFor is how long that holds.
const (
	levelConfirmed = 1
	confirmedFor   = 10 * time.Minute
)

func (s *shop) showConfirm(w http.ResponseWriter, r *http.Request) error {
	return show(w, r, http.StatusOK, "confirm.html", "Is it you?", form{ReturnTo: guard.ReturnTo(r, "")})
}

// confirm asks for the password before what cannot be taken back.
func (s *shop) confirm(w http.ResponseWriter, r *http.Request) error {
	f := readForm(r)
	here := current(r)
	if !s.throttles.confirmIn.allow(here.ID().String()) || !s.throttles.confirm.allow(here.Subject()) {
		return errTooOften
	}
	err := s.users.confirm(r.Context(), here.Subject(), f.password)
	if errors.Is(err, errWrong) {
		f.wrong("password", "That is not your password.")
		return show(w, r, http.StatusUnprocessableEntity, "confirm.html", "Is it you?", f)
	}
	if err != nil {
		return err
	}
	if err := here.Reauthenticate(levelConfirmed); err != nil {
		return err
	}
	return redirect(w, r, guard.ReturnTo(r, "/account"))
}

func (s *shop) showPassword(w http.ResponseWriter, r *http.Request) error {
	return show(w, r, http.StatusOK, "password.html", "Change your password", form{})
}

// changePassword signs the user out everywhere else: whoever knew the old
// password is out, and so is a sign-in with it that is just under way.
func (s *shop) changePassword(w http.ResponseWriter, r *http.Request) error {
	f := readForm(r)
	if f.checkNewPassword(); len(f.Errors) > 0 {
		return show(w, r, http.StatusUnprocessableEntity, "password.html", "Change your password", f)
	}
	here := current(r)
	if err := s.users.setPassword(r.Context(), here.Subject(), f.password); err != nil {
		return err
	}
	n, err := s.sessions.RevokeOthers(r.Context(), here)
	if err != nil {
		return err
	}
	if err := here.Renew(); err != nil {
		return err
	}
	if err := notices.Add(here, "Your password is changed. "+signedOut(n)); err != nil {
		return err
	}
	return redirect(w, r, "/account")
}
