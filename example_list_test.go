package session_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// What a subject has open, and how to end it all.
func ExampleManager_List() {
	sessions, err := session.NewManager(memstore.New(), session.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	login := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := session.FromContext(r.Context()).Login("user-42"); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	visit(sessions.Handler(login), "/laptop")
	visit(sessions.Handler(login), "/phone")

	ctx := context.Background()
	for info, err := range sessions.List(ctx, "user-42") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(info.Subject, "is signed in for", time.Until(info.Deadline).Round(time.Hour))
	}
	n, err := sessions.RevokeAll(ctx, "user-42")
	fmt.Println(n, "revoked", err)
	// Output:
	// /laptop 200:
	// /phone 200:
	// user-42 is signed in for 24h0m0s
	// user-42 is signed in for 24h0m0s
	// 2 revoked <nil>
}
