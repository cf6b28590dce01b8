package network

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/bench/load"
	"github.com/b4468f51/session/store"
	_ "github.com/b4468f51/session/store/memstore"
	_ "github.com/b4468f51/session/store/redisstore"
	_ "github.com/b4468f51/session/store/sqlstore"
)

var (
	user  = session.NewKey[int64](keyUser)
	nonce = session.NewKey[string](keyNonce)
	since = session.NewKey[time.Time](keySince)
	count = session.NewKey[int](keyCount)
)

// config is what may differ from the default Config, which has an idle timeout.
type config struct {
	MaxSize       int
	TouchInterval time.Duration
}

// sessionApp is this module.
type sessionApp struct {
	store store.Store
	m     *session.Manager // with the spec's settings

	// eager writes down each use, and limited bounds the sessions of a subject.
	eager, limited *session.Manager

	once     sync.Once // makes template
	template template
}

func openSession(spec serverSpec) (app, error) {
	s, err := store.Open(spec.URL)
	if err != nil {
		return app{}, err
	}
	a := &sessionApp{store: s}
	cfg := session.Config{App: "id", MaxSize: spec.Sessions.MaxSize, TouchInterval: spec.Sessions.TouchInterval}
	eager, limited := cfg, cfg
	eager.TouchInterval = time.Millisecond
	limited.MaxSessions = 10_000
	var errs [3]error
	a.m, errs[0] = session.NewManager(s, cfg)
	a.eager, errs[1] = session.NewManager(s, eager)
	a.limited, errs[2] = session.NewManager(s, limited)
	return app{a.routes, a.close}, errors.Join(errs[:]...)
}

func (a *sessionApp) close() error {
	err := errors.Join(a.m.Close(), a.eager.Close(), a.limited.Close())
	if c, ok := a.store.(interface{ Close() error }); ok {
		err = errors.Join(err, c.Close())
	}
	return err
}

func (a *sessionApp) routes(mux *http.ServeMux) {
	handle := func(path string, m *session.Manager, f func(s *session.Session, r *http.Request) bool) {
		mux.Handle(path, m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			respond(w, f(session.FromContext(r.Context()), r))
		})))
	}
	handle("/new", a.m, func(s *session.Session, r *http.Request) bool { return setSmall(s) == nil })
	read := func(s *session.Session, r *http.Request) bool {
		u, ok1 := user.Get(s)
		n, ok2 := nonce.Get(s)
		t, ok3 := since.Get(s)
		return ok1 && ok2 && ok3 && smallIs(u, n, t)
	}
	handle("/read", a.m, read)
	handle("/touch", a.eager, read)
	handle("/count", a.m, func(s *session.Session, r *http.Request) bool {
		return count.Update(s, func(n int) (int, error) { return n + 1, nil }) == nil
	})
	login := func(s *session.Session, r *http.Request) bool { return s.Login(s.Subject()) == nil }
	handle("/login", a.m, login)
	handle("/login-limited", a.limited, login)
	handle("/list", a.m, func(s *session.Session, r *http.Request) bool {
		n := 0
		for _, err := range a.m.List(r.Context(), s.Subject()) {
			if err != nil {
				return false
			}
			n++
		}
		return n > 0
	})
	mux.Handle("/total", a.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := count.Get(session.FromContext(r.Context()))
		w.Write([]byte(strconv.Itoa(n)))
	})))
	mux.HandleFunc("/fill", a.fill)
}

func setSmall(s *session.Session) error {
	return errors.Join(user.Set(s, wantUser), nonce.Set(s, wantNonce), since.Set(s, wantSince))
}

// A template is a session that the manager has made, of which a population has
// copies: the records differ in ID, version and subject alone.
type template struct {
	token string
	rec   store.Record
	err   error
}

// make signs a session in whose content has about size bytes.
func (a *sessionApp) make(size int) (t template) {
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	s, err := a.m.Load(r)
	if err != nil {
		return template{err: err}
	}
	// Some 100 bytes are the three values.
	pad := strings.Repeat("x", max(0, size-100))
	t.err = errors.Join(setSmall(s), s.Set("pad", pad), s.Login("template"))
	cookie, err := a.m.Commit(context.Background(), s)
	if t.err = errors.Join(t.err, err); t.err != nil {
		return t
	}
	t.token = cookie.Value
	t.rec, t.err = a.store.Load(context.Background(), s.ID())
	return t
}

// fill creates the sessions from to to of a population, of some of them to each
// subject, and answers with the token of their template.
func (a *sessionApp) fill(w http.ResponseWriter, r *http.Request) {
	number := func(name string) int {
		n, _ := strconv.Atoi(r.FormValue(name))
		return n
	}
	a.once.Do(func() { a.template = a.make(number("size")) })
	t := a.template
	if t.err == nil {
		scope, _, _ := strings.Cut(t.rec.Subject, "template")
		tag, each := r.FormValue("tag"), max(1, number("each"))
		t.err = concurrently(number("from"), number("to"), func(i int) error {
			rec := t.rec
			rec.ID, rec.Version = load.DerivedID(tag, i), uint64(i)+1
			rec.Subject = scope + tag + strconv.Itoa(i/each)
			now := time.Now().UTC().Truncate(time.Millisecond)
			rec.Expires = now.Add(t.rec.Expires.Sub(t.rec.Seen))
			rec.Seen = now
			rec.Data = append([]byte(nil), t.rec.Data...)
			return a.store.Create(r.Context(), rec)
		})
	}
	if t.err != nil {
		http.Error(w, t.err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprint(w, t.token)
}

// concurrently calls f for each number from from to to.
func concurrently(from, to int, f func(i int) error) error {
	const workers = 64
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := from + w; i < to && errs[w] == nil; i += workers {
				errs[w] = f(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
