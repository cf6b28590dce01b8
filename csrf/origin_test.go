package csrf_test

import (
	"net/http/httptest"
	"testing"

	"github.com/b4468f51/session/csrf"
	"github.com/b4468f51/session/internal/probe"
)

// Browsers send the cookies of this site with a handshake of a sibling host's page.
func TestAWebSocketOfAnotherOriginIsTold(t *testing.T) {
	for name, tt := range map[string]struct {
		header []string
		want   bool
	}{
		"a page of this site":           {[]string{"Sec-Fetch-Site", "same-origin", "Origin", "https://app.test"}, true},
		"that tells the origin alone":   {[]string{"Origin", "https://app.test"}, true},
		"a sibling host":                {[]string{"Sec-Fetch-Site", "same-site", "Origin", "https://blog.app.test"}, false},
		"a sibling, the origin alone":   {[]string{"Origin", "https://blog.app.test"}, false},
		"another port":                  {[]string{"Origin", "https://app.test:8443"}, false},
		"another site":                  {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"}, false},
		"another site, the origin only": {[]string{"Origin", "https://evil.test"}, false},
		"a sandboxed frame":             {[]string{"Origin", "null"}, false},
		"an origin that is none":        {[]string{"Origin", "app.test"}, false},
		"the address bar":               {[]string{"Sec-Fetch-Site", "none"}, true},
		"a program":                     {nil, true},
	} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "CONNECT"} {
			r := httptest.NewRequest("GET", "https://app.test/chat", nil)
			r.Method = method
			probe.Headers("Connection", "Upgrade", "Upgrade", "websocket")(r)
			probe.Headers(tt.header...)(r)
			if got := csrf.SameOrigin(r); got != tt.want || r.Method != method {
				t.Errorf("%s, %s: %v, want %v; the method is %s", name, method, got, tt.want, r.Method)
			}
		}
	}
}
