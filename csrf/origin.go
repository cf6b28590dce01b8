package csrf

import "net/http"

// SameOrigin tells whether a request comes from a page of this very origin, from
// the user's own hand, or from a program that is no browser. It is for handlers
// that a browser reaches with GET and that do more than show a page: above all
// before an upgrade to a WebSocket. [http.CrossOriginProtection] and
// [Require] let every GET pass, and browsers send their cookies with the
// handshakes of pages on sibling hosts, whatever SameSite says.
//
// It applies the rule of http.CrossOriginProtection, by the headers
// Sec-Fetch-Site and Origin, to a request of any method. A WebSocket library
// that compares the Origin itself, such as gorilla/websocket by default, does
// not need it.
func SameOrigin(r *http.Request) bool {
	asked := *r
	asked.Method = http.MethodPost // the rule lets all others pass
	return http.NewCrossOriginProtection().Check(&asked) == nil
}
