package session_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/http"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store/memstore"
)

// exactNumbers is encoding/json, but for the numbers in an any: it reads them as
// json.Number, which keeps every digit, where encoding/json has a float64.
type exactNumbers struct{}

func (exactNumbers) Marshal(v any) ([]byte, error) { return json.Marshal(v) }

func (exactNumbers) Unmarshal(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(v)
}

var claims = session.NewKey[map[string]any]("claims")

// The claims of an ID token are a map of anything, and an account's number may have
// more digits than a float64 keeps.
func ExampleCodec() {
	sessions, err := session.NewManager(memstore.New(), session.Config{Codec: exactNumbers{}})
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/signin", func(w http.ResponseWriter, r *http.Request) {
		s := session.FromContext(r.Context())
		if err := claims.Set(s, map[string]any{"name": "Ann", "account": 9007199254740993}); err != nil {
			http.Error(w, "try again", session.ErrorStatus(err))
		}
	})
	mux.HandleFunc("/account", func(w http.ResponseWriter, r *http.Request) {
		c, _ := claims.Get(session.FromContext(r.Context()))
		n, _ := c["account"].(json.Number).Int64()
		fmt.Fprint(w, c["name"], " has account ", n)
	})
	visit(sessions.Handler(mux), "/signin", "/account")
	// Output:
	// /signin 200:
	// /account 200: Ann has account 9007199254740993
}
