package main

import (
	"errors"
	"net/http"
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
		var err error
		u, err = s.users.add(r.Context(), f.Name, f.Email, f.password)
		switch {
		case errors.Is(err, errEmailTaken):
			f.wrong("email", "There is an account with this address already. Sign in, or use another address.")
		case err != nil:
			return err
		}
	}
	if len(f.Errors) > 0 {
		return show(w, r, http.StatusUnprocessableEntity, "signup.html", "Create an account", f)
	}
	return s.welcome(w, r, u, "Welcome, "+u.Name+". Your account is ready.")
}

func (s *shop) showSignIn(w http.ResponseWriter, r *http.Request) error {
	if current(r).Subject() != "" {
		return redirect(w, r, "/account")
	}
	return show(w, r, http.StatusOK, "signin.html", "Sign in", form{})
}

func (s *shop) signIn(w http.ResponseWriter, r *http.Request) error {
	f := readForm(r)
	f.checkSignIn()
	var u user
	if len(f.Errors) == 0 {
		var err error
		u, err = s.users.authenticate(r.Context(), f.Email, f.password)
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
	return s.welcome(w, r, u, "Welcome back, "+u.Name+".")
}

// welcome signs a user in. Login replaces the token, so that one which somebody
// planted in this browser before is worth nothing. The cart of a guest is kept;
// that of another user, on a shared browser, is not.
func (s *shop) welcome(w http.ResponseWriter, r *http.Request, u user, text string) error {
	if err := current(r).Login(u.ID); err != nil {
		return err
	}
	if err := flashKey.Set(current(r), text); err != nil {
		return err
	}
	return redirect(w, r, "/")
}

func (s *shop) signOut(w http.ResponseWriter, r *http.Request) error {
	return s.goodbye(w, r, "You are signed out.")
}

// goodbye ends the session at once. What is set after belongs to a new one,
// that of the guest who now uses the browser.
func (s *shop) goodbye(w http.ResponseWriter, r *http.Request, text string) error {
	if err := current(r).Destroy(r.Context()); err != nil {
		return err
	}
	if err := flashKey.Set(current(r), text); err != nil {
		return err
	}
	return redirect(w, r, "/")
}
