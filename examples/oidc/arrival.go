package main

import (
	"net/http"

	"github.com/b4468f51/session"
)

// A provider that answers by response_mode=form_post has the browser post a form
// of the provider's: neither Lax nor Strict cookies come with it. So the flow is
// in a session of its own, whose cookie is SameSite=None. There the answer is
// checked, and what it says of the user is left for the next request, which is
// the site's own again and finds the user's session, with the cart in it.

// arrived is what the provider has said of a user, for the next request to take.
var arrived = session.NewKey[claims]("arrived")

func (s *site) beginArrival(w http.ResponseWriter, r *http.Request) {
	s.begin(w, r, s.arrivals.FromContext(r.Context()), s.url+arrivalPath, "form_post")
}

func (s *site) arrive(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		fail(w, r, &refusal{"The provider's answer cannot be read."})
		return
	}
	arrival := s.arrivals.FromContext(r.Context())
	who, err := s.end(r, arrival, s.url+arrivalPath, r.PostForm)
	if err == nil {
		err = arrived.Set(arrival, who)
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	show(w, http.StatusOK, onwardPage, nil)
}

func (s *site) endArrival(w http.ResponseWriter, r *http.Request) {
	arrival := s.arrivals.FromContext(r.Context())
	who, ok := arrived.Pop(arrival)
	if !ok {
		fail(w, r, &refusal{"This browser has begun no such sign-in."})
		return
	}
	err := arrival.Save(r.Context()) // first: it fails where another request took the value
	if err == nil {
		err = signIn(s.sessions.FromContext(r.Context()), who)
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
