package values

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/internal/probe"
	"github.com/b4468f51/session/store/memstore"
)

// Whatever a record holds, a request is answered: its client goes on, or is told
// to come back where a newer program may have written it.
func TestNoByteOfARecordMakesARequestFail(t *testing.T) {
	const day = 24 * time.Hour
	st := memstore.New()
	site := probe.NewSite(t, st, session.Config{
		MaxLifetime: 30 * day, Client: session.RequestClient,
	})
	var id session.ID
	site.Handle("/begin", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		probe.Must(t, s.Login("u"))
		probe.Must(t, s.SetLifetime(session.Lifetime{Absolute: 20 * day, Idle: 10 * day, Persistent: true}))
		probe.Must(t, s.SetLabel("phone"))
		probe.Must(t, s.Set("k", "v"))
		probe.Must(t, s.Set("n", 300))
		probe.Must(t, s.Save(r.Context()))
		probe.Must(t, s.Reauthenticate(2))
		id = s.ID()
	})
	site.Handle("/use", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Subject()
		s.Lifetime()
		s.Label()
		s.Level()
		s.AuthenticatedAt()
		for key := range s.Keys() {
			s.Get(key)
		}
		_ = s.Set("k", "another")
	})
	b := site.Browser()
	b.Get("/begin")
	name, token := b.Cookie()
	good, err := st.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, at int, data []byte) {
		bad := good
		bad.Data = data
		if err := st.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if err := st.Create(t.Context(), bad); err != nil {
			t.Fatal(err)
		}
		if w := site.With(name, token).Send("/use"); w.Code != http.StatusOK && w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s %d: %d %s", what, at, w.Code, w.Body)
		}
		for _, err := range site.M.List(t.Context(), "u") {
			if err != nil {
				t.Errorf("%s %d: List: %v", what, at, err)
			}
		}
	}
	for i := range good.Data {
		for _, v := range []byte{0, 1, 2, 0x7f, 0x80, 0xff, good.Data[i] - 1, good.Data[i] + 1} {
			data := slices.Clone(good.Data)
			data[i] = v
			try("another byte at", i, data)
		}
		try("cut off at", i, good.Data[:i])
		try("without the byte at", i, slices.Delete(slices.Clone(good.Data), i, i+1))
		try("with one more byte at", i, slices.Insert(slices.Clone(good.Data), i, 0))
	}
}
