package network

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/rueidis"
)

// floorData is what the floor keeps for a session: a counter, and as many bytes
// as the content of the others takes.
const floorData = 128

// A keyValue is a store of bytes, without sessions.
type keyValue interface {
	get(ctx context.Context, key string) ([]byte, error)
	set(ctx context.Context, key string, data []byte) error
}

// openFloor is the least that a session takes: the token is the key, and each
// request gets what is kept under it, and sets it where it writes. Nothing is
// hashed, decoded, compared or looked after.
func openFloor(spec serverSpec) (app, error) {
	var kv keyValue
	var end func()
	switch {
	case strings.HasPrefix(spec.URL, "redis:"):
		opts, err := rueidis.ParseURL(spec.URL)
		if err != nil {
			return app{}, err
		}
		opts.DisableCache, opts.ForceSingleClient = true, true
		client, err := rueidis.NewClient(opts)
		if err != nil {
			return app{}, err
		}
		kv, end = redisFloor{client}, client.Close
	case strings.HasPrefix(spec.URL, "postgres:"):
		pool, err := pgxpool.New(context.Background(), spec.URL+poolSize)
		if err != nil {
			return app{}, err
		}
		_, err = pool.Exec(context.Background(),
			"CREATE TABLE IF NOT EXISTS floor (token TEXT PRIMARY KEY, data BYTEA NOT NULL)")
		if err != nil {
			return app{}, err
		}
		kv, end = postgresFloor{pool}, pool.Close
	default:
		return app{}, errors.New("no floor on " + spec.URL)
	}
	return app{func(mux *http.ServeMux) { floorRoutes(mux, kv) }, func() error { end(); return nil }}, nil
}

func floorRoutes(mux *http.ServeMux, kv keyValue) {
	mux.HandleFunc("/new", func(w http.ResponseWriter, r *http.Request) {
		token := rand.Text()
		http.SetCookie(w, &http.Cookie{Name: cookieName, Value: token, Path: "/", Secure: true, HttpOnly: true})
		respond(w, kv.set(r.Context(), token, make([]byte, floorData)) == nil)
	})
	get := func(r *http.Request) (token string, data []byte, ok bool) {
		cookie, err := r.Cookie(cookieName)
		if err != nil {
			return "", nil, false
		}
		data, err = kv.get(r.Context(), cookie.Value)
		return cookie.Value, data, err == nil && len(data) == floorData
	}
	mux.HandleFunc("/read", func(w http.ResponseWriter, r *http.Request) {
		_, _, ok := get(r)
		respond(w, ok)
	})
	mux.HandleFunc("/count", func(w http.ResponseWriter, r *http.Request) {
		token, data, ok := get(r)
		if ok {
			binary.BigEndian.PutUint64(data, binary.BigEndian.Uint64(data)+1)
			ok = kv.set(r.Context(), token, data) == nil
		}
		respond(w, ok)
	})
	mux.HandleFunc("/total", func(w http.ResponseWriter, r *http.Request) {
		if _, data, ok := get(r); ok {
			w.Write([]byte(strconv.FormatUint(binary.BigEndian.Uint64(data), 10)))
		}
	})
}

type redisFloor struct{ client rueidis.Client }

func (f redisFloor) get(ctx context.Context, key string) ([]byte, error) {
	return f.client.Do(ctx, f.client.B().Get().Key("floor:"+key).Build()).AsBytes()
}

func (f redisFloor) set(ctx context.Context, key string, data []byte) error {
	return f.client.Do(ctx, f.client.B().Set().Key("floor:"+key).Value(rueidis.BinaryString(data)).
		Ex(time.Hour).Build()).Error()
}

type postgresFloor struct{ pool *pgxpool.Pool }

func (f postgresFloor) get(ctx context.Context, key string) (data []byte, err error) {
	err = f.pool.QueryRow(ctx, "SELECT data FROM floor WHERE token = $1", key).Scan(&data)
	return data, err
}

func (f postgresFloor) set(ctx context.Context, key string, data []byte) error {
	const update = "UPDATE floor SET data = $2 WHERE token = $1"
	tag, err := f.pool.Exec(ctx, update, key, data)
	if err == nil && tag.RowsAffected() == 0 { // only when it is made
		_, err = f.pool.Exec(ctx, "INSERT INTO floor (token, data) VALUES ($1, $2)", key, data)
	}
	return err
}
