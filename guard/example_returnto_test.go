package guard_test

import (
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/b4468f51/session/guard"
)

// The way back is a path on this site, whatever a link to the sign-in page says.
func ExampleReturnTo() {
	for _, page := range []string{"/orders?page=2", "https://evil.example/", "//evil.example", "/signin"} {
		r := httptest.NewRequest("GET", "/signin", nil)
		r.URL.RawQuery = "return_to=" + strings.ReplaceAll(page, "?", "%3F")
		fmt.Println(guard.ReturnTo(r, "/home"))
	}
	// Output:
	// /orders?page=2
	// /home
	// /home
	// /home
}
