package memstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/b4468f51/session/store"
)

// TestModel has a plain map and a store do the same, many random things.
func TestModel(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			script := make([]byte, 1<<12)
			for i := range script {
				script[i] = byte(random.Uint32())
			}
			limit := int64(0)
			if seed%2 == 1 {
				limit = MinLimit
			}
			synctest.Test(t, func(t *testing.T) { play(t, script, limit) })
		})
	}
}

func FuzzModel(f *testing.F) {
	f.Add([]byte("create, save, touch, delete, list, collect, and wait"), false)
	f.Add(bytes.Repeat([]byte{0, 1, 5, 2, 3, 1, 1, 9, 1, 4}, 40), true)
	f.Fuzz(func(t *testing.T, script []byte, limited bool) {
		limit := int64(0)
		if limited {
			limit = MinLimit
		}
		synctest.Test(t, func(t *testing.T) { play(t, script, limit) })
	})
}

// A model is a store in a map, which is right because it is simple.
type model struct {
	t       *testing.T
	s       *Store
	limited bool
	records map[store.ID]store.Record
	held    []held
	version uint64
	script  []byte
}

// held is data that was returned, and what it was then.
type held struct{ data, want []byte }

var (
	modelSizes    = []int{117, 0, 1, 40, 117, 500, 117, 2000, 4090, 5000, 70_000, store.MaxData}
	modelSubjects = []string{"", "ada", "realm:ada", "realm:", "realm:grace", ":", "a:b:c", strings.Repeat("é", 256), "", "realm:ada"}
	modelExpiries = []time.Duration{
		time.Hour, time.Second, time.Minute, 24 * time.Hour, 100 * 24 * time.Hour,
		0, -time.Millisecond, -store.GCDelay, -store.GCDelay + time.Millisecond, -8 * 24 * time.Hour,
	}
)

// play does what a script says.
func play(t *testing.T, script []byte, maxBytes int64) {
	m := &model{t: t, s: New(), limited: maxBytes > 0, records: map[store.ID]store.Record{}, script: script}
	if m.limited {
		m.s = NewLimited(maxBytes)
	}
	for len(m.script) > 0 && !t.Failed() {
		switch op := m.pick(17); op {
		case 0, 1, 2, 3:
			m.create()
		case 4, 5, 6, 7:
			m.save()
		case 8:
			m.touch()
		case 9:
			m.delete()
		case 10, 11:
			m.load(m.id())
		case 12:
			m.list(m.subject())
		case 13:
			m.collect()
		case 14:
			time.Sleep([]time.Duration{time.Millisecond, time.Second, time.Minute, store.GCDelay, time.Hour}[m.pick(5)])
		case 15:
			checkInvariants(t, m.s)
		case 16:
			if m.pick(4) == 0 {
				m.deleteSubject(m.subject(), m.id())
			}
		}
	}
	for id := range m.records {
		m.load(id)
	}
	for _, subject := range modelSubjects {
		m.list(subject)
	}
	m.collect()
	checkInvariants(t, m.s)
	for id := range m.records {
		m.s.Delete(t.Context(), id)
	}
	checkInvariants(t, m.s)
	for _, h := range m.held {
		if !bytes.Equal(h.data, h.want) {
			t.Error("data that was returned has changed")
		}
	}
}

// pick takes a number below n from the script.
func (m *model) pick(n int) int {
	if len(m.script) == 0 {
		return 0
	}
	b := m.script[0]
	m.script = m.script[1:]
	return int(b) % n
}

// id returns one of few IDs, in few shards.
func (m *model) id() store.ID {
	n := m.pick(192)
	return store.ID{0: byte(n % 3), 15: byte(n) + 1}
}

func (m *model) subject() string {
	n := m.pick(32)
	if n < len(modelSubjects) {
		return modelSubjects[n]
	}
	return fmt.Sprintf("%d:user", n) // more than there are prefixes
}

func (m *model) expires() time.Time {
	switch n := m.pick(16); {
	case n < len(modelExpiries):
		return now().Add(modelExpiries[n])
	case n == 10:
		return time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	case n == 11:
		return time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)
	}
	return now().Add(time.Hour)
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// record returns a record of another version.
func (m *model) record() store.Record {
	m.version++
	r := store.Record{ID: m.id(), Version: m.version, Subject: m.subject(), Created: now(), Expires: m.expires()}
	r.Seen = now().Add(-time.Duration(m.pick(256)) * time.Second)
	r.Deadline = now().Add(24*time.Hour + time.Duration(m.pick(3))*time.Millisecond)
	if m.pick(64) == 0 {
		r.Created, r.Seen, r.Deadline = m.expires(), m.expires(), m.expires()
	}
	size := modelSizes[m.pick(len(modelSizes))]
	if size == store.MaxData && m.pick(8) > 0 {
		size = 117 // the largest take their time
	}
	r.Data = bytes.Repeat([]byte{byte(m.version), byte(m.version >> 8), 1}, size/3+1)
	r.Data = r.Data[:len(r.Data)-m.pick(3)]
	return r
}

// live returns the record of an ID that has not expired.
func (m *model) live(id store.ID) (store.Record, bool) {
	r, ok := m.records[id]
	return r, ok && now().Before(r.Expires)
}

func (m *model) create() {
	r := m.record()
	err := m.s.Create(m.t.Context(), r)
	switch _, taken := m.live(r.ID); {
	case taken:
		m.expect("Create", err, store.ErrExists)
	case m.limited && errors.Is(err, ErrFull):
		delete(m.records, r.ID) // if it had expired
	case err != nil:
		m.t.Errorf("Create: %v", err)
	default:
		m.records[r.ID] = r
	}
}

func (m *model) save() {
	r := m.record()
	there, ok := m.live(r.ID)
	old := there.Version
	if m.pick(8) == 0 {
		old, ok = old+1, false
	}
	err := m.s.Save(m.t.Context(), r, old)
	switch {
	case !ok:
		m.expect("Save", err, store.ErrConflict)
	case m.limited && errors.Is(err, ErrFull):
		if len(r.Data)+len(r.Subject) <= len(there.Data) {
			m.t.Errorf("Save refuses %d bytes in the place of %d", len(r.Data), len(there.Data))
		}
	case err != nil:
		m.t.Errorf("Save: %v", err)
	default:
		r.Created = there.Created
		if r.Seen.Before(there.Seen) {
			r.Seen, r.Expires = there.Seen, there.Expires
		}
		m.records[r.ID] = r
	}
}

func (m *model) touch() {
	id := m.id()
	r, ok := m.live(id)
	seen, expires := now(), m.expires()
	version := r.Version + uint64(m.pick(8)/7)
	m.expect("Touch", m.s.Touch(m.t.Context(), id, version, seen, expires), nil)
	if ok && version == r.Version && !seen.Before(r.Seen) {
		r.Seen, r.Expires = seen, expires
		m.records[id] = r
	}
}

func (m *model) delete() {
	id := m.id()
	m.expect("Delete", m.s.Delete(m.t.Context(), id), nil)
	delete(m.records, id)
}

func (m *model) load(id store.ID) {
	got, err := m.s.Load(m.t.Context(), id)
	if want, ok := m.live(id); ok {
		m.expect("Load", err, nil)
		m.same(got, want)
	} else {
		m.expect("Load", err, store.ErrNotFound)
	}
}

func (m *model) list(subject string) {
	records, err := collect(m.s.List(m.t.Context(), subject))
	m.expect("List", err, nil)
	want := 0
	for id, r := range m.records {
		if _, ok := m.live(id); ok && r.Subject == subject && subject != "" {
			want++
		}
	}
	if len(records) != want {
		m.t.Errorf("List(%q) returned %d records, want %d", subject, len(records), want)
	}
	seen := map[store.ID]bool{}
	for _, got := range records {
		m.same(got, m.records[got.ID])
		if seen[got.ID] {
			m.t.Errorf("List(%q) returned a record twice", subject)
		}
		seen[got.ID] = true
	}
}

func (m *model) collect() {
	want := 0
	for id, r := range m.records {
		if !now().Add(-store.GCDelay).Before(r.Expires) {
			want++
			delete(m.records, id)
		}
	}
	got, err := m.s.GC(context.Background())
	m.expect("GC", err, nil)
	if got != want {
		m.t.Errorf("GC removed %d records, want %d", got, want)
	}
}

func (m *model) same(got, want store.Record) {
	if cap(got.Data) != len(got.Data) {
		m.t.Errorf("data of %d bytes has a capacity of %d", len(got.Data), cap(got.Data))
	}
	if len(m.held) < 256 {
		m.held = append(m.held, held{got.Data, bytes.Clone(got.Data)})
	}
	if !bytes.Equal(got.Data, want.Data) {
		m.t.Errorf("data of %d bytes, want %d, or others", len(got.Data), len(want.Data))
	}
	got.Data, want.Data = nil, nil
	if fmt.Sprint(got) != fmt.Sprint(want) {
		m.t.Errorf("got  %v\nwant %v", got, want)
	}
}

func (m *model) expect(op string, got, want error) {
	if !errors.Is(got, want) {
		m.t.Errorf("%s: error %v, want %v", op, got, want)
	}
}
