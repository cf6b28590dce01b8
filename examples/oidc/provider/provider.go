// Package provider is a small OpenID provider for the example and its tests. It
// keeps its codes in memory, and signs in everybody as Ada. It is no model of a
// provider, only of what one asks of its clients: PKCE with S256, and a
// redirect_uri that is registered.
package provider

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// A Provider is a handler that serves one client.
type Provider struct {
	Issuer       string // its own URL
	ClientID     string
	RedirectURIs []string

	mux   *http.ServeMux
	mu    sync.Mutex
	codes map[string]grant
}

// A grant is what a code can be exchanged for, once.
type grant struct {
	redirectURI, challenge, nonce string
	until                         time.Time
}

// New returns a Provider.
func New(issuer, clientID string, redirectURIs ...string) *Provider {
	p := &Provider{Issuer: issuer, ClientID: clientID, RedirectURIs: redirectURIs, mux: http.NewServeMux(), codes: map[string]grant{}}
	p.mux.HandleFunc("GET /.well-known/openid-configuration", p.discover)
	p.mux.HandleFunc("GET /authorize", p.ask)
	p.mux.HandleFunc("POST /authorize", p.authorize)
	p.mux.HandleFunc("POST /token", p.token)
	return p
}

func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

func (p *Provider) discover(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                 p.Issuer,
		"authorization_endpoint": p.Issuer + "/authorize",
		"token_endpoint":         p.Issuer + "/token",
	})
}

// ask shows who may sign in, and to what.
func (p *Provider) ask(w http.ResponseWriter, r *http.Request) {
	if !p.valid(w, r.URL.Query()) {
		return
	}
	show(w, askPage, r.URL.RequestURI())
}

func (p *Provider) valid(w http.ResponseWriter, q url.Values) bool {
	switch {
	case q.Get("client_id") != p.ClientID, !slices.Contains(p.RedirectURIs, q.Get("redirect_uri")):
		http.Error(w, "unknown client or redirect_uri", http.StatusBadRequest) // never redirected to
	case q.Get("response_type") != "code", q.Get("code_challenge_method") != "S256", q.Get("code_challenge") == "":
		http.Error(w, "this provider takes the code flow, with PKCE", http.StatusBadRequest)
	default:
		return true
	}
	return false
}

// authorize sends the browser back with a code: by a redirect, or by a form
// that posts itself where response_mode is form_post.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !p.valid(w, q) {
		return
	}
	answer := url.Values{"state": {q.Get("state")}, "iss": {p.Issuer}}
	if r.PostFormValue("answer") == "yes" {
		answer.Set("code", p.grant(grant{q.Get("redirect_uri"), q.Get("code_challenge"), q.Get("nonce"), time.Now().Add(time.Minute)}))
	} else {
		answer.Set("error", "access_denied")
	}
	if q.Get("response_mode") == "form_post" {
		show(w, postPage, map[string]any{"To": q.Get("redirect_uri"), "Fields": answer})
		return
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+answer.Encode(), http.StatusSeeOther)
}

func (p *Provider) grant(g grant) (code string) {
	code = rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[code] = g
	return code
}

// token exchanges a code for an ID token, once.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	g, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || time.Now().After(g.until) || r.PostFormValue("redirect_uri") != g.redirectURI ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": rand.Text(),
		"token_type":   "Bearer",
		"id_token": idToken(map[string]any{
			"iss": p.Issuer, "sub": "ada-1815", "aud": p.ClientID, "nonce": g.nonce, "name": "Ada",
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
		}),
	})
}

// idToken makes an ID token without a signature, which OpenID Connect Core 2
// permits where it comes from the token endpoint alone.
func idToken(claims map[string]any) string {
	part := func(v any) string {
		b, _ := json.Marshal(v) // of maps of strings and numbers
		return base64.RawURLEncoding.EncodeToString(b)
	}
	return part(map[string]any{"alg": "none"}) + "." + part(claims) + "."
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func show(w http.ResponseWriter, page *template.Template, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	page.Execute(w, data)
}

var (
	askPage = template.Must(template.New("").Parse(`<!doctype html>
<title>The provider</title>
<h1>The provider</h1>
<form method="post" action="{{.}}">
<button name="answer" value="yes">Sign in as Ada</button>
<button name="answer" value="no">Cancel</button>
</form>
`))
	postPage = template.Must(template.New("").Parse(`<!doctype html>
<title>Going back</title>
<form method="post" action="{{.To}}">
{{range $name, $values := .Fields}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">
{{end}}{{end}}<button>Go back</button>
</form>
<script>document.forms[0].submit()</script>
`))
)
