package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// A client is what this site is to the provider.
type client struct {
	issuer string
	id     string
	http   *http.Client // nil is http.DefaultClient
}

// config asks the provider for its endpoints. A busy site would keep them.
func (c client) config(ctx context.Context, redirectURI string) (*oauth2.Config, error) {
	if err := c.checkIssuer(); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		return nil, err
	}
	res, err := c.client().Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var found struct {
		Issuer   string `json:"issuer"`
		AuthURL  string `json:"authorization_endpoint"`
		TokenURL string `json:"token_endpoint"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, res.Body, 1<<20)).Decode(&found); err != nil {
		return nil, fmt.Errorf("the provider's configuration: %w", err)
	}
	if found.Issuer != c.issuer {
		return nil, fmt.Errorf("the provider says that it is %q, not %q", found.Issuer, c.issuer)
	}
	return &oauth2.Config{
		ClientID:    c.id,
		RedirectURL: redirectURI,
		Scopes:      []string{"openid", "profile"},
		Endpoint:    oauth2.Endpoint{AuthURL: found.AuthURL, TokenURL: found.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
	}, nil
}

// checkIssuer refuses a provider without TLS, but for one on this machine: the
// ID token is as good as the connection that it came by.
func (c client) checkIssuer() error {
	u, err := url.Parse(c.issuer)
	if err != nil {
		return err
	}
	if u.Scheme != "https" && u.Hostname() != "127.0.0.1" {
		return errors.New("the provider has to be reached by https")
	}
	return nil
}

func (c client) client() *http.Client {
	if c.http == nil {
		return http.DefaultClient
	}
	return c.http
}

// claims are what an ID token says.
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	Expires  int64    `json:"exp"` // in seconds since 1970
	Nonce    string   `json:"nonce"`
	Name     string   `json:"name"`
}

// An audience is one client, or several.
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// exchange gives the provider the code of a flow, and checks the ID token.
func (c client) exchange(ctx context.Context, redirectURI, code string, f flow) (claims, error) {
	cfg, err := c.config(ctx, redirectURI)
	if err != nil {
		return claims{}, err
	}
	token, err := cfg.Exchange(context.WithValue(ctx, oauth2.HTTPClient, c.client()), code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return claims{}, err
	}
	text, _ := token.Extra("id_token").(string)
	who, err := parseIDToken(text)
	if err != nil {
		return claims{}, err
	}
	return who, c.check(who, f)
}

// parseIDToken reads an ID token that came straight from the provider's token
// endpoint. TLS has told who sent it, which takes the place of the signature
// (OpenID Connect Core 3.1.3.7, 6). One that came through the browser would
// need its signature checked; github.com/coreos/go-oidc does.
func parseIDToken(text string) (who claims, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return claims{}, errors.New("the provider sent no ID token")
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(body, &who)
	}
	if err != nil {
		return claims{}, fmt.Errorf("the ID token: %w", err)
	}
	return who, nil
}

func (c client) check(who claims, f flow) error {
	switch {
	case who.Issuer != c.issuer:
		return fmt.Errorf("the ID token is from %q, not %q", who.Issuer, c.issuer)
	case len(who.Audience) != 1 || who.Audience[0] != c.id:
		return fmt.Errorf("the ID token is for %q, not %q", who.Audience, c.id)
	case !time.Now().Before(time.Unix(who.Expires, 0)):
		return errors.New("the ID token has expired")
	case who.Nonce != f.Nonce:
		return errors.New("the ID token is of another sign-in")
	case who.Subject == "":
		return errors.New("the ID token names nobody")
	}
	return nil
}
