package main

import (
	"net/http"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/b4468f51/session/guard"
)

// Limits of what is entered, in characters but for the address.
const (
	maxName     = 60
	maxEmail    = 254 // bytes
	minPassword = 8
	maxPassword = 128 // hashing takes time in proportion
)

// A form is what somebody entered to sign up or in. It goes back to them with
// what is wrong, but never with the password.
type form struct {
	Name, Email string
	Remember    bool
	ReturnTo    string // the page that they wanted; guard.ReturnTo reads it
	Notice      string
	password    string            // out of the templates' reach
	Errors      map[string]string // by field; "form" for the whole
}

func readForm(r *http.Request) form {
	return form{
		Name:     strings.Join(strings.Fields(r.PostForm.Get("name")), " "),
		Email:    strings.ToLower(strings.TrimSpace(r.PostForm.Get("email"))),
		Remember: r.PostForm.Get("remember") != "",
		ReturnTo: guard.ReturnTo(r, ""),
		password: r.PostForm.Get("password"),
	}
}

func (f *form) wrong(field, text string) {
	if f.Errors == nil {
		f.Errors = map[string]string{}
	}
	f.Errors[field] = text
}

func (f *form) checkSignUp() {
	switch {
	case f.Name == "":
		f.wrong("name", "Please enter your name.")
	case utf8.RuneCountInString(f.Name) > maxName:
		f.wrong("name", "Please use at most 60 characters.")
	case !utf8.ValidString(f.Name) || strings.ContainsFunc(f.Name, unicode.IsControl):
		f.wrong("name", "Please use letters, digits and spaces.")
	}
	if addr, err := mail.ParseAddress(f.Email); err != nil || addr.Address != f.Email || len(f.Email) > maxEmail {
		f.wrong("email", "Please enter an address like name@example.com.")
	}
	f.checkNewPassword()
}

func (f *form) checkNewPassword() {
	switch n := utf8.RuneCountInString(f.password); {
	case n < minPassword:
		f.wrong("password", "Please use at least 8 characters.")
	case n > maxPassword:
		f.wrong("password", "Please use at most 128 characters.")
	}
}

// checkSignIn asks for no more than is needed: that a password cannot be right
// is for authenticate to find, which takes as long for it as for any other.
func (f *form) checkSignIn() {
	if f.Email == "" || len(f.Email) > maxEmail {
		f.wrong("email", "Please enter the address of your account.")
	}
	if n := utf8.RuneCountInString(f.password); n == 0 || n > maxPassword {
		f.wrong("password", "Please enter your password.")
	}
}
