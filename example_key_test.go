package session_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// A Cart is what a visitor wants to buy.
type Cart struct {
	Items []string
}

// A Key is usually a package variable.
var cart = session.NewKey[Cart]("cart")

// A Key has one type, which may be a struct. Handlers need no type assertions.
func ExampleKey() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/add", func(w http.ResponseWriter, r *http.Request) {
		err := cart.Update(session.FromContext(r.Context()), func(c Cart) (Cart, error) {
			c.Items = append(c.Items, r.URL.Query().Get("item"))
			return c, nil
		})
		if err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/order", func(w http.ResponseWriter, r *http.Request) {
		c, ok := cart.Pop(session.FromContext(r.Context()))
		fmt.Fprint(w, c.Items, " ", ok)
	})
	mux.HandleFunc("/empty", func(w http.ResponseWriter, r *http.Request) {
		if err := cart.Delete(session.FromContext(r.Context())); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	visit(sessions.Handler(mux), "/add?item=book", "/add?item=pen", "/order", "/add?item=cup", "/empty", "/order")
	// Output:
	// /add?item=book 200:
	// /add?item=pen 200:
	// /order 200: [book pen] true
	// /add?item=cup 200:
	// /empty 200:
	// /order 200: [] false
}
