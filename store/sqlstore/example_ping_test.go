package sqlstore_test

import (
	"net/http"

	"github.com/b4468f51/session/store/sqlstore"
)

// A health check asks the store, which asks the database for its table.
func ExampleStore_Ping() {
	var s *sqlstore.Store // from New
	http.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := s.Ping(r.Context()); err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		}
	})
}
