package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"time"

	"github.com/b4468f51/session/csrf"
)

//go:embed templates static
var files embed.FS

// A layout is what every template gets.
type layout struct {
	Title   string
	Visitor *visitor // nil on error pages, which do without a session
	Flash   []string
	CSRF    template.HTML // for each form
	Content any           // of the page itself
}

// A visitor is what the head of each page says of its reader.
type visitor struct {
	SignedIn  bool
	CartCount int
}

// show answers a request with a page.
func show(w http.ResponseWriter, r *http.Request, status int, name, title string, content any) error {
	s := current(r)
	cart, _ := cartKey.Get(s)
	messages, err := takeFlash(r)
	if err != nil {
		return err
	}
	field, err := csrf.Field(r)
	if err != nil {
		return err
	}
	return write(w, status, name, layout{
		Title:   title,
		Visitor: &visitor{SignedIn: s.Subject() != "", CartCount: cart.count()},
		Flash:   messages,
		CSRF:    field,
		Content: content,
	})
}

// write sends a page. It is executed first, so that an error in the middle
// does not leave half of it.
func write(w http.ResponseWriter, status int, name string, l layout) error {
	var body bytes.Buffer
	if err := templates[name].ExecuteTemplate(&body, "layout.html", l); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	// Every page says something of its reader. Without this the back button
	// would show it to the next one, after they have signed out.
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// An error of Write is no longer the handler's: either the client is gone,
	// or the session could not be saved, and the ErrorHandler has answered.
	_, _ = body.WriteTo(w)
	return nil
}

// redirect sends the browser on after a form, so that a reload sends nothing
// twice.
func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// templates has each page by its file, together with the layout.
var templates = parseTemplates()

func parseTemplates() map[string]*template.Template {
	base := template.Must(template.New("").Funcs(template.FuncMap{
		"static": staticURL,
		"when":   func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") },
		"stamp":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	}).ParseFS(files, "templates/layout.html"))
	pages := map[string]*template.Template{}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		pages[path.Base(name)] = template.Must(template.Must(base.Clone()).ParseFS(files, name))
	}
	return pages
}

// staticURL names a version of a static file, which browsers may keep for ever.
func staticURL(name string) (string, error) {
	data, err := files.ReadFile("static/" + name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return "/static/" + name + "?v=" + hex.EncodeToString(sum[:6]), nil
}

// staticFiles serves the folder static.
func staticFiles() http.Handler {
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := fs.Stat(files, "static/"+r.PathValue("file")); err != nil {
			errorPage(http.StatusNotFound).ServeHTTP(w, r)
			return
		}
		if r.URL.RawQuery != "" {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		server.ServeHTTP(w, r)
	})
}
