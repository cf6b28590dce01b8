package main

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/b4468f51/session"
)

// A device is a session as its user sees it. The ID is public: nobody gets
// into a session by it.
type device struct {
	session.Info
	Current bool
}

func (s *shop) showAccount(w http.ResponseWriter, r *http.Request) error {
	here := current(r)
	if here.Subject() == "" {
		return redirect(w, r, "/signin")
	}
	u, err := s.users.find(r.Context(), here.Subject())
	if errors.Is(err, errNoUser) {
		return s.goodbye(w, r, "That account is closed.")
	}
	if err != nil {
		return err
	}
	devices, err := s.devices(r, here)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) { // not every store can list
		return err
	}
	return show(w, r, http.StatusOK, "account.html", "Your account", struct {
		User                        user
		SignedIn, Expires, Deadline time.Time
		Devices                     []device
	}{u, here.AuthenticatedAt(), here.Expires(), here.Deadline(), devices})
}

// devices returns the sessions of the user of one, the last used first.
func (s *shop) devices(r *http.Request, here *session.Session) ([]device, error) {
	infos, err := s.sessions.List(r.Context(), here.Subject())
	if err != nil {
		return nil, err
	}
	var devices []device
	for _, info := range infos {
		devices = append(devices, device{info, info.ID == here.ID()})
	}
	slices.SortFunc(devices, func(a, b device) int {
		if a.Current != b.Current {
			return map[bool]int{true: -1, false: 1}[a.Current]
		}
		return b.Seen.Compare(a.Seen)
	})
	return devices, nil
}

// revoke signs out another of the user's devices.
func (s *shop) revoke(w http.ResponseWriter, r *http.Request) error {
	here := current(r)
	if here.Subject() == "" {
		return redirect(w, r, "/signin")
	}
	id, err := session.ParseID(r.PostForm.Get("session"))
	if err != nil {
		return statusError(http.StatusNotFound)
	}
	if id == here.ID() {
		return s.goodbye(w, r, "You are signed out.")
	}
	devices, err := s.devices(r, here)
	if err != nil {
		return err
	}
	// Revoke asks nobody's leave: without this, one user could sign another out.
	if slices.ContainsFunc(devices, func(d device) bool { return d.ID == id }) {
		if err := s.sessions.Revoke(r.Context(), id); err != nil {
			return err
		}
	}
	if err := flashKey.Set(here, "That device is signed out."); err != nil {
		return err
	}
	return redirect(w, r, "/account")
}

// revokeAll signs the user out everywhere, here too.
func (s *shop) revokeAll(w http.ResponseWriter, r *http.Request) error {
	subject := current(r).Subject()
	if subject == "" {
		return redirect(w, r, "/signin")
	}
	if _, err := s.sessions.RevokeAll(r.Context(), subject); err != nil {
		return err
	}
	return s.goodbye(w, r, "You are signed out everywhere.")
}
