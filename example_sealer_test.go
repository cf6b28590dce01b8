package session_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"sync/atomic"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/cookiestore"
)

// A countingSealer counts what another Sealer seals and opens.
type countingSealer struct {
	session.Sealer
	sealed, opened atomic.Int32
}

func (c *countingSealer) Seal(ctx context.Context, scope string, rec store.Record) (string, error) {
	c.sealed.Add(1)
	return c.Sealer.Seal(ctx, scope, rec)
}

func (c *countingSealer) Open(ctx context.Context, scope, token string) (store.Record, bool, error) {
	c.opened.Add(1)
	return c.Sealer.Open(ctx, scope, token)
}

// A Sealer may wrap another one, here to count. It may also ask a service that keeps the
// keys.
func ExampleSealer() {
	ring, err := cookiestore.New(cookiestore.GenerateKey())
	if err != nil {
		log.Fatal(err)
	}
	sealer := &countingSealer{Sealer: ring}
	sessions, err := session.NewSealed(sealer, session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/set", func(w http.ResponseWriter, r *http.Request) {
		if err := visits.Set(session.FromContext(r.Context()), 1); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		n, _ := visits.Get(session.FromContext(r.Context()))
		fmt.Fprint(w, n)
	})
	visit(sessions.Handler(mux), "/set", "/get")
	fmt.Println("sealed:", sealer.sealed.Load(), "opened:", sealer.opened.Load())
	// Output:
	// /set 200:
	// /get 200: 1
	// sealed: 1 opened: 1
}
