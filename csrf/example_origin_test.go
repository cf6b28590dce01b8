package csrf_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/b4468f51/session/csrf"
)

// A chat refuses the handshake of another site's page. The browser sends this site's
// cookies with it if the two hosts are siblings.
func ExampleSameOrigin() {
	chat := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !csrf.SameOrigin(r) {
			http.Error(w, "another site's page", http.StatusForbidden)
			return
		}
		// upgrade, and talk
	})
	for _, origin := range []string{"https://app.example", "https://blog.app.example"} {
		r := httptest.NewRequest("GET", "https://app.example/chat", nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Upgrade", "websocket")
		w := httptest.NewRecorder()
		chat.ServeHTTP(w, r)
		fmt.Println(origin, w.Code)
	}
	// Output:
	// https://app.example 200
	// https://blog.app.example 403
}
