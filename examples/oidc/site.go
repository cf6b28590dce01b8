package main

import (
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/justinas/alice"
)

// A site is what its handlers share.
type site struct {
	sessions *session.Manager // who is signed in, and what they had before
	arrivals *session.Manager // sign-ins whose answer the site's cookie would miss
	provider client
	url      string
}

func newSite(st store.Store, url string, provider client, strict bool) (*site, error) {
	own := session.Config{App: "example", AdmitAnonymous: session.LimitRate(1000, time.Minute)}
	if strict {
		own.Cookie.SameSite = http.SameSiteStrictMode
	}
	sessions, err := session.NewManager(st, own)
	if err != nil {
		return nil, err
	}
	// A cookie of its own, which browsers send from other sites too. What it
	// leads to is a sign-in that has not happened yet, and lives for minutes.
	arrivals, err := session.NewManager(st, session.Config{
		App:            "example-arrivals",
		Lifetime:       10 * time.Minute,
		AdmitAnonymous: session.LimitRate(1000, time.Minute),
		Cookie:         session.Cookie{SameSite: http.SameSiteNoneMode},
	})
	if err != nil {
		return nil, errors.Join(err, sessions.Close())
	}
	return &site{sessions, arrivals, provider, url}, nil
}

func (s *site) close() error { return errors.Join(s.sessions.Close(), s.arrivals.Close()) }

const (
	redirectPath = "/callback"      // where the provider redirects to
	arrivalPath  = "/callback/form" // where the provider's form is posted
)

func (s *site) redirectURIs() []string { return []string{s.url + redirectPath, s.url + arrivalPath} }

func (s *site) routes() http.Handler {
	mux := http.NewServeMux()
	own := alice.New(s.sessions.Handler)
	mux.Handle("GET /{$}", own.ThenFunc(s.home))
	mux.Handle("POST /cart", own.ThenFunc(s.addToCart))
	mux.Handle("POST /signout", own.ThenFunc(s.signOut))
	mux.Handle("POST /signin", own.ThenFunc(s.beginRedirect))
	mux.Handle("GET "+redirectPath, own.ThenFunc(s.endRedirect))

	// The arrival of a form is no request of this site's own: it gets only the
	// session that is made for it.
	arriving := alice.New(s.arrivals.Handler)
	mux.Handle("POST /signin/form", arriving.ThenFunc(s.beginArrival))
	mux.Handle("POST "+arrivalPath, arriving.ThenFunc(s.arrive))
	mux.Handle("GET /signed-in", arriving.Append(s.sessions.Handler).ThenFunc(s.endArrival))

	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.AddInsecureBypassPattern("POST " + arrivalPath) // the state protects it
	return crossOrigin.Handler(mux)
}

var cart = session.NewKey[int]("cart")

func (s *site) home(w http.ResponseWriter, r *http.Request) {
	me := session.FromContext(r.Context())
	items, _ := cart.Get(me)
	who, _ := name.Get(me)
	show(w, http.StatusOK, homePage, map[string]any{"Name": who, "Items": items})
}

func (s *site) addToCart(w http.ResponseWriter, r *http.Request) {
	me := session.FromContext(r.Context())
	if err := cart.Update(me, func(n int) (int, error) { return n + 1, nil }); err != nil {
		fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *site) signOut(w http.ResponseWriter, r *http.Request) {
	if err := session.FromContext(r.Context()).Destroy(r.Context()); err != nil {
		fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// fail answers with an error. What the provider has sent is not repeated.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	status := session.ErrorStatus(err)
	var refused *refusal
	if errors.As(err, &refused) {
		status = http.StatusForbidden
	}
	slog.WarnContext(r.Context(), "sign-in", "path", r.URL.Path, "error", err)
	show(w, status, failPage, refused)
}

func show(w http.ResponseWriter, status int, page *template.Template, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	page.Execute(w, data)
}

var (
	homePage = template.Must(template.New("").Parse(`<!doctype html>
<title>The site</title>
<h1>{{with .Name}}Hello, {{.}}{{else}}Hello{{end}}</h1>
<p id="cart">{{.Items}} in the cart</p>
<form method="post" action="/cart"><button id="add">Add to the cart</button></form>
{{if .Name}}<form method="post" action="/signout"><button id="signout">Sign out</button></form>{{else}}
<form method="post" action="/signin"><button id="redirect">Sign in by a redirect</button></form>
<form method="post" action="/signin/form"><button id="form">Sign in by a form</button></form>{{end}}
`))
	failPage = template.Must(template.New("").Parse(`<!doctype html>
<title>Not signed in</title>
<h1>Not signed in</h1>
<p>{{if .}}{{.}}{{else}}Please try again.{{end}}</p>
<p><a href="/">Back</a></p>
`))
	// A page of this site goes on by itself: for the browser the next request is
	// the site's own, and brings the Strict cookie too. A redirect would be the
	// provider's still.
	onwardPage = template.Must(template.New("").Parse(`<!doctype html>
<title>Signing in</title>
<meta http-equiv="refresh" content="0;url=/signed-in">
<p><a href="/signed-in">Go on</a></p>
`))
)
