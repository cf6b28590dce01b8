package network

import (
	"context"
	"encoding/gob"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/pgxstore"
	"github.com/alexedwards/scs/sqlite3store"
	"github.com/alexedwards/scs/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

func init() { gob.Register(time.Time{}) } // as scs wants it

// openSCS is alexedwards/scs over its own store for the database of the URL,
// with its own codec and settings, but for the cookie. The contestant with an
// idle timeout has the one that this module has by default.
func openSCS(spec serverSpec) (app, error) {
	m := scs.New()
	m.Cookie.Name = cookieName
	m.Cookie.Secure = true
	m.Cookie.Persist = false
	if spec.Contestant == "scs idle" {
		m.IdleTimeout = time.Hour
	}
	ctx := context.Background()
	end := func() error { return nil }
	switch scheme, rest, _ := strings.Cut(spec.URL, ":"); scheme {
	case "redis":
		opts, err := redis.ParseURL(spec.URL)
		if err != nil {
			return app{}, err
		}
		client := redis.NewClient(opts)
		m.Store, end = goredisstore.New(client), client.Close
	case "postgres":
		pool, err := pgxpool.New(ctx, spec.URL+poolSize)
		if err != nil {
			return app{}, err
		}
		_, err = pool.Exec(ctx, `CREATE TABLE IF NOT EXISTS sessions (
			token TEXT PRIMARY KEY, data BYTEA NOT NULL, expiry TIMESTAMPTZ NOT NULL);
			CREATE INDEX IF NOT EXISTS sessions_expiry_idx ON sessions (expiry)`)
		if err != nil {
			return app{}, err
		}
		m.Store = pgxstore.NewWithCleanupInterval(pool, 0)
		end = func() error { pool.Close(); return nil }
	case "sqlite":
		db, err := openSQLite(rest)
		if err != nil {
			return app{}, err
		}
		_, err = db.Exec(`CREATE TABLE IF NOT EXISTS sessions (
			token TEXT PRIMARY KEY, data BLOB NOT NULL, expiry REAL NOT NULL);
			CREATE INDEX IF NOT EXISTS sessions_expiry_idx ON sessions (expiry)`)
		if err != nil {
			return app{}, err
		}
		m.Store, end = sqlite3store.NewWithCleanupInterval(db, 0), db.Close
	}
	return app{func(mux *http.ServeMux) { scsRoutes(mux, m) }, end}, nil
}

func scsRoutes(mux *http.ServeMux, m *scs.SessionManager) {
	handle := func(path string, f func(context.Context) bool) {
		mux.Handle(path, m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			respond(w, f(r.Context()))
		})))
	}
	handle("/new", func(ctx context.Context) bool {
		m.Put(ctx, keyUser, wantUser)
		m.Put(ctx, keyNonce, wantNonce)
		m.Put(ctx, keySince, wantSince)
		return true
	})
	handle("/read", func(ctx context.Context) bool {
		return smallIs(m.GetInt64(ctx, keyUser), m.GetString(ctx, keyNonce), m.GetTime(ctx, keySince))
	})
	handle("/count", func(ctx context.Context) bool {
		m.Put(ctx, keyCount, m.GetInt(ctx, keyCount)+1)
		return true
	})
	mux.Handle("/total", m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(strconv.Itoa(m.GetInt(r.Context(), keyCount))))
	})))
}
