package session_test

import (
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

var errSoldOut = errors.New("no seats are left")

// The function of an Update may refuse. The value then stays as it is. The function must
// be pure, because it runs again if another request has changed the value meanwhile.
func ExampleKey_Update() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()
	seats := session.NewKey[int]("seats")

	reserve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		err := seats.Update(s, func(n int) (int, error) {
			if n == 2 {
				return 0, errSoldOut
			}
			return n + 1, nil
		})
		switch {
		case errors.Is(err, errSoldOut):
			http.Error(w, err.Error(), http.StatusConflict)
		case err != nil:
			http.Error(w, "try again", session.ErrorStatus(err))
		default:
			n, _ := seats.Get(s)
			fmt.Fprint(w, "seats: ", n)
		}
	})
	visit(sessions.Handler(reserve), "/", "/", "/")
	// Output:
	// / 200: seats: 1
	// / 200: seats: 2
	// / 409: no seats are left
}
