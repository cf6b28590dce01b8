package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/b4468f51/session"
)

// A device is a session as its user sees it. The ID is public: nobody gets
// into a session by it.
type device struct {
	session.Info
	Browser string
	Current bool
}

func (s *shop) showAccount(w http.ResponseWriter, r *http.Request) error {
	here := current(r)
	u, err := s.users.find(r.Context(), here.Subject())
	if errors.Is(err, errNoUser) {
		return s.goodbye(w, r, "That account is closed.")
	}
	if err != nil {
		return err
	}
	// So that the page tells of this visit too.
	if err := here.Save(r.Context()); err != nil {
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
	var devices []device
	for info, err := range s.sessions.List(r.Context(), here.Subject()) {
		if err != nil {
			return nil, err
		}
		devices = append(devices, device{info, browserName(info.Client.UserAgent), info.ID == here.ID()})
	}
	slices.SortFunc(devices, func(a, b device) int {
		if a.Current != b.Current {
			return map[bool]int{true: -1, false: 1}[a.Current]
		}
		return b.Seen.Compare(a.Seen)
	})
	return devices, nil
}

// revoke signs out one of the user's devices.
func (s *shop) revoke(w http.ResponseWriter, r *http.Request) error {
	here := current(r)
	id, err := session.ParseID(r.PostForm.Get("session"))
	if err != nil {
		return statusError(http.StatusNotFound)
	}
	if id == here.ID() {
		return s.goodbye(w, r, "You are signed out.")
	}
	// One that is not the user's own stays as it is.
	if _, err := s.sessions.RevokeFor(r.Context(), here.Subject(), id); err != nil {
		return err
	}
	if err := notices.Add(here, "That device is signed out."); err != nil {
		return err
	}
	return redirect(w, r, "/account")
}

// revokeOthers signs the user out everywhere but here.
func (s *shop) revokeOthers(w http.ResponseWriter, r *http.Request) error {
	n, err := s.sessions.RevokeOthers(r.Context(), current(r))
	if err != nil {
		return err
	}
	if err := notices.Add(current(r), signedOut(n)); err != nil {
		return err
	}
	return redirect(w, r, "/account")
}

func signedOut(devices int) string {
	switch devices {
	case 0:
		return "You are signed in on this device only."
	case 1:
		return "Your other device is signed out."
	default:
		return fmt.Sprintf("Your %d other devices are signed out.", devices)
	}
}

// revokeAll signs the user out everywhere, here too.
func (s *shop) revokeAll(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.sessions.RevokeAll(r.Context(), current(r).Subject()); err != nil {
		return err
	}
	return s.goodbye(w, r, "You are signed out everywhere.")
}
