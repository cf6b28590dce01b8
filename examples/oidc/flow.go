package main

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"

	"github.com/b4468f51/session"
	"golang.org/x/oauth2"
)

// A flow is a sign-in under way at the provider: what this browser has to come
// back with, and what the provider's answer is checked against.
type flow struct {
	State    string // ties the answer to this browser
	Verifier string // of PKCE: ties the code to who asked for it
	Nonce    string // ties the ID token to this sign-in
}

// flows are those that a browser has begun: one for each tab, the last few only.
var flows = session.NewKey[[]flow]("flows")

const maxFlows = 5

// name is what the provider calls the user.
var name = session.NewKey[string]("name")

// A refusal says why nobody is signed in, in words for the user.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

// begin keeps a flow in a session, and sends the browser to the provider.
func (s *site) begin(w http.ResponseWriter, r *http.Request, in *session.Session, redirectURI, mode string) {
	f := flow{rand.Text(), oauth2.GenerateVerifier(), rand.Text()}
	err := flows.Update(in, func(begun []flow) ([]flow, error) {
		return append(begun[max(0, len(begun)-maxFlows+1):], f), nil
	})
	if err != nil {
		fail(w, r, err)
		return
	}
	cfg, err := s.provider.config(r.Context(), redirectURI)
	if err != nil {
		fail(w, r, err)
		return
	}
	to := cfg.AuthCodeURL(f.State,
		oauth2.S256ChallengeOption(f.Verifier),
		oauth2.SetAuthURLParam("nonce", f.Nonce),
		oauth2.SetAuthURLParam("response_mode", mode))
	http.Redirect(w, r, to, http.StatusSeeOther) // the session is saved before this leaves
}

// end takes the flow that an answer belongs to out of the session, so that it
// ends once, and exchanges the code for what the provider says of the user.
func (s *site) end(r *http.Request, in *session.Session, redirectURI string, answer url.Values) (claims, error) {
	begun, _ := flows.Get(in)
	i := slices.IndexFunc(begun, func(f flow) bool { return f.State == answer.Get("state") })
	if i < 0 {
		return claims{}, &refusal{"This browser has begun no such sign-in."}
	}
	f := begun[i]
	err := flows.Update(in, func(begun []flow) ([]flow, error) { // may run again, on a newer state
		if !slices.Contains(begun, f) {
			return nil, &refusal{"This sign-in has been used already."}
		}
		return slices.DeleteFunc(slices.Clone(begun), func(other flow) bool { return other == f }), nil
	})
	if err == nil {
		err = in.Save(r.Context()) // before the code is used, whatever comes of it
	}
	if err != nil {
		return claims{}, err
	}
	if iss := answer.Get("iss"); iss != "" && iss != s.provider.issuer { // RFC 9207
		return claims{}, &refusal{"Another provider has answered."}
	}
	if answer.Get("error") != "" {
		return claims{}, &refusal{"The provider did not sign you in."}
	}
	return s.provider.exchange(r.Context(), redirectURI, answer.Get("code"), f)
}
