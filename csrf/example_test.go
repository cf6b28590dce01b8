package csrf_test

import (
	"bytes"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/store/memstore"
	"github.com/justinas/alice"
)

var page = template.Must(template.New("").Funcs(template.FuncMap{"csrf": csrf.Field}).Parse(
	`<form method="post" action="/address">{{csrf .}}<input name="street"></form>`))

// A page shows a form with a token, and the middleware refuses forms without.
func Example() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		var buf bytes.Buffer // the token's cookie has to leave before the page
		if err := page.Execute(&buf, r); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
			return
		}
		w.Write(buf.Bytes())
	})
	mux.HandleFunc("POST /address", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "saved: ", r.PostFormValue("street"))
	})
	crossOrigin := http.NewCrossOriginProtection()
	site := alice.New(crossOrigin.Handler, sessions.Handler, csrf.Require).Then(mux)

	// A browser opens the page.
	shown := httptest.NewRecorder()
	site.ServeHTTP(shown, httptest.NewRequest("GET", "/", nil))
	token := regexp.MustCompile(`value="(.+?)"`).FindStringSubmatch(shown.Body.String())[1]

	for _, form := range []url.Values{
		{"street": {"Main Street 1"}, "csrf_token": {token}},
		{"street": {"Main Street 2"}}, // another site knows no token
	} {
		r := httptest.NewRequest("POST", "/address", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(shown.Result().Cookies()[0])
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200 saved: Main Street 1
	// 403 Forbidden
}
