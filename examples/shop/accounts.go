package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/guard"
)

func (s *shop) showSignUp(w http.ResponseWriter, r *http.Request) error {
	if current(r).Subject() != "" {
		return redirect(w, r, "/account")
	}
	return show(w, r, http.StatusOK, "signup.html", "Create an account", form{})
}

func (s *shop) signUp(w http.ResponseWriter, r *http.Request) error {
	f := readForm(r)
	f.checkSignUp()
	var u user
	if len(f.Errors) == 0 {
		if !s.throttles.address.allow(clientAddress(r)) {
			return errTooOften
		}
		var err error
		u, err = s.users.add(r.Context(), clientAddress(r), f.Name, f.Email, f.password)
		switch {
		case errors.Is(err, errEmailTaken):
			// This tells who has an account here, a few addresses a minute. A shop
			// that can send mail would answer alike in both cases, and write to the
			// address what became of it.
			f.wrong("email", "There is an account with this address already. Sign in, or use another address.")
		case err != nil:
			return err
		}
	}
	if len(f.Errors) > 0 {
		return show(w, r, http.StatusUnprocessableEntity, "signup.html", "Create an account", f)
	}
	return s.welcome(w, r, u, f, "Welcome, "+u.Name+". Your account is ready.")
}

func (s *shop) showSignIn(w http.ResponseWriter, r *http.Request) error {
	if current(r).Subject() != "" {
		return redirect(w, r, "/account")
	}
	f := form{ReturnTo: guard.ReturnTo(r, "")}
	if current(r).Lapsed() {
		f.Notice = "You have been signed out. Please sign in again."
	}
	return show(w, r, http.StatusOK, "signin.html", "Sign in", f)
}

func (s *shop) signIn(w http.ResponseWriter, r *http.Request) error {
	f := readForm(r)
	f.checkSignIn()
	var u user
	if len(f.Errors) == 0 {
		// Before the password is looked at, and for addresses without an account
		// too: else the answer would tell.
		if !s.throttles.address.allow(clientAddress(r)) || !s.throttles.signIn.allow(f.Email) {
			return errTooOften
		}
		var err error
		u, err = s.users.authenticate(r.Context(), clientAddress(r), f.Email, f.password)
		switch {
		case errors.Is(err, errWrong):
			// Which of the two it is would tell who has an account here.
			f.wrong("form", "The address and the password do not match an account.")
		case err != nil:
			return err
		}
	}
	if len(f.Errors) > 0 {
		return show(w, r, http.StatusUnprocessableEntity, "signin.html", "Sign in", f)
	}
	return s.welcome(w, r, u, f, "Welcome back, "+u.Name+".")
}

// welcome signs a user in. Login replaces the token, so that one which somebody
// planted in this browser before is worth nothing. The cart of a guest is kept;
// that of another user, on a shared browser, is not.
func (s *shop) welcome(w http.ResponseWriter, r *http.Request, u user, f form, text string) error {
	if err := current(r).Login(u.ID); err != nil {
		return err
	}
	if f.Remember {
		if err := current(r).SetLifetime(rememberMe); err != nil {
			return err
		}
	}
	if err := notices.Add(current(r), text); err != nil {
		return err
	}
	return redirect(w, r, guard.ReturnTo(r, "/"))
}

// rememberMe is for who wants to stay signed in on their own device.
var rememberMe = session.Lifetime{Absolute: 30 * 24 * time.Hour, Idle: 14 * 24 * time.Hour, Persistent: true}

func (s *shop) signOut(w http.ResponseWriter, r *http.Request) error {
	return s.goodbye(w, r, "You are signed out.")
}

// goodbye ends the session at once. What is set after belongs to a new one,
// that of the guest who now uses the browser.
func (s *shop) goodbye(w http.ResponseWriter, r *http.Request, text string) error {
	if err := current(r).Destroy(r.Context()); err != nil {
		return err
	}
	if err := notices.Add(current(r), text); err != nil {
		return err
	}
	// Where visitors flood the shop, a guest may get no session to keep the
	// message in. The sign-out stands all the same.
	if err := current(r).Save(r.Context()); err != nil && !errors.Is(err, session.ErrRefused) {
		return err
	}
	return redirect(w, r, "/")
}
