package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/sid"
	"github.com/b4468f51/session/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

func testHash(b byte) (h sid.Hash) {
	for i := range h {
		h[i] = b
	}
	return h
}

type goldenEnvelope struct {
	name   string
	before string // a file with another encoding of the same, which was written once
	meta   meta
	set    map[string]any
}

// goldenEnvelopes are kept as files: what a released version wrote, every
// later one has to read.
var goldenEnvelopes = []goldenEnvelope{
	{name: "empty", meta: meta{secret: testHash(1), issued: 1_700_000_000_000}},
	{
		name: "full",
		meta: meta{
			secret:        testHash(1),
			issued:        1_700_000_000_000,
			others:        []otherSecret{{secretPending, testHash(2), 1_700_000_001_000}, {secretRetiring, testHash(3), 1_700_000_002_000}, {secretKilled, testHash(4), -1}},
			generation:    300,
			authenticated: 1_700_000_000_001,
			lineage:       []byte{1, 2, 3, 4, 5, 6, 7, 8, 255, 255, 255, 255, 255, 255, 255, 255},
			edited:        1_700_000_000_002,
		},
		set: map[string]any{
			"bool": true, "not": false,
			"int": int(-1), "int8": int8(-128), "int16": int16(-300), "int32": int32(1 << 30), "int64": int64(-1 << 63),
			"uint": uint(1), "uint8": uint8(255), "uint16": uint16(300), "uint32": uint32(1 << 31), "uint64": uint64(1<<64 - 1), "uintptr": uintptr(7),
			"float32": float32(0.5), "float64": 1e300,
			"string": "héllo\x00", "bytes": []byte{0, 1, 255}, "empty": "",
			"time":     time.Date(2026, 2, 3, 4, 5, 6, 7, time.FixedZone("", 3600)),
			"duration": -time.Second,
			"json":     struct{ A, B int }{1, 2},
		},
	},
	{
		name:   "sign-in",
		before: "sign-in-with-both-times.v1",
		meta: meta{
			secret:        testHash(1),
			issued:        1_700_000_000_000,
			generation:    1,
			authenticated: 1_700_000_000_000,
			level:         2,
			ownLifetime:   true,
			lifetime:      Lifetime{720 * time.Hour, 168 * time.Hour, true},
			tail:          testTail,
		},
		set: map[string]any{"a": 1},
	},
	{
		name: "unknown metadata",
		meta: meta{secret: testHash(1), issued: 1, tail: []byte{50, 3, 'n', 'e', 'w', 200, 1, 0}},
		set:  map[string]any{"a": 1},
	},
}

var testTail = func() []byte {
	var m meta
	m.setTail(tagFormKey, []byte("0123456789abcdef0123456789abcdef"))
	m.setTail(tagClient, Client{"Browser/1.0", "IPv6"}.encode())
	m.setTail(tagLabel, []byte("x"))
	m.setTail(tagLabel, []byte("Laptop"))
	return m.tail
}()

func testEnvelope(t testing.TB, m meta, set map[string]any) []byte {
	var d draft
	lim := limits{1 << 20, 1000, 1000}
	for key, x := range set {
		v, err := encodeValue(jsonCodec{}, x)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.set(key, v, &lim); err != nil {
			t.Fatal(err)
		}
	}
	return d.encode(&m).Data
}

func TestEnvelopeGolden(t *testing.T) {
	for _, g := range goldenEnvelopes {
		t.Run(g.name, func(t *testing.T) {
			file := filepath.Join("testdata", "envelope", strings.ReplaceAll(g.name, " ", "-")+".v1")
			data := testEnvelope(t, g.meta, g.set)
			if *update {
				if err := os.WriteFile(file, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(data, golden) {
				t.Errorf("the encoding changed:\n%q\nwas\n%q", data, golden)
			}
			g.check(t, golden)
			if g.before != "" {
				before, err := os.ReadFile(filepath.Join("testdata", "envelope", g.before))
				if err != nil {
					t.Fatal(err)
				}
				g.check(t, before)
			}
		})
	}
}

// check reads an envelope, and compares all that is in it.
func (g goldenEnvelope) check(t *testing.T, golden []byte) {
	d, err := newDraft(store.Record{Data: golden})
	if err != nil {
		t.Fatal(err)
	}
	got := *d.meta()
	if got.tail = bytes.Clone(got.tail); !reflect.DeepEqual(got, g.meta) {
		t.Errorf("the metadata are\n%v, want\n%v", got, g.meta)
	}
	if d.count() != len(g.set) {
		t.Errorf("%d values, want %d", d.count(), len(g.set))
	}
	for key, want := range g.set {
		v, ok := d.lookup(key)
		if !ok {
			t.Errorf("%s is missing", key)
			continue
		}
		got, err := v.decode()
		if key == "json" {
			want = []byte(`{"A":1,"B":2}`)
			got = any([]byte(v.data))
		}
		if wt, ok := want.(time.Time); ok {
			gt := got.(time.Time)
			_, wo := wt.Zone()
			if _, o := gt.Zone(); !gt.Equal(wt) || o != wo {
				t.Errorf("time is %v, want %v", gt, wt)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %#v, %v, want %#v", key, got, err, want)
		}
	}
}

// TestUnknownMetadataAreKept: a program of the next version writes a record,
// one of this version changes it, and nothing of the other's is lost.
func TestUnknownMetadataAreKept(t *testing.T) {
	g := goldenEnvelopes[3]
	d, err := newDraft(store.Record{Data: testEnvelope(t, g.meta, g.set)})
	if err != nil {
		t.Fatal(err)
	}
	v, _ := encodeValue(jsonCodec{}, 2)
	if err := d.set("b", v, &limits{1000, 10, 10}); err != nil {
		t.Fatal(err)
	}
	d.change().meta.kill(testHash(9), time.UnixMilli(5), time.Minute)
	again, err := newDraft(d.encode(d.meta()))
	if err != nil {
		t.Fatal(err)
	}
	if m := again.meta(); !bytes.Equal(m.tail, g.meta.tail) || m.secret != testHash(9) || again.count() != 2 {
		t.Errorf("after a change there is %+v with %d values", m, again.count())
	}
}

// TestUnknownMetadataOfASignInEndWithIt: odd tags do not pass to the next subject.
func TestUnknownMetadataOfASignInEndWithIt(t *testing.T) {
	unknown := []byte{50, 1, 'a', 51, 1, 'b', 200, 1, 0, 201, 1, 0}
	d, err := newDraft(store.Record{Data: testEnvelope(t, meta{secret: testHash(1), tail: unknown}, nil)})
	if err != nil {
		t.Fatal(err)
	}
	login := op{kind: opLogin, signing: &signing{subject: "r:u", hash: testHash(2), at: time.UnixMilli(5)}}
	if err := login.apply(&d, new(Manager)); err != nil {
		t.Fatal(err)
	}
	if want := []byte{50, 1, 'a', 200, 1, 0}; !bytes.Equal(d.meta().tail, want) {
		t.Errorf("after Login there is %v, want %v", d.meta().tail, want)
	}
}

// TestLongerListsOfANewerVersionAreRead, and cut when they are written again.
func TestLongerListsOfANewerVersionAreRead(t *testing.T) {
	m := meta{secret: testHash(1), lineage: make([]byte, 8*maxLineage*2)}
	for i := range 2 * maxOthers {
		m.others = append(m.others, otherSecret{secretKilled, testHash(byte(i)), 1 << 40})
	}
	d, err := newDraft(store.Record{Data: testEnvelope(t, m, nil)})
	if err != nil || len(d.meta().others) != 2*maxOthers || len(d.meta().lineage) != len(m.lineage) {
		t.Fatalf("%v, %d other secrets", err, len(d.meta().others))
	}
	changed := &d.change().meta
	if changed.kill(testHash(99), time.UnixMilli(5), time.Minute); len(changed.others) != maxOthers {
		t.Errorf("%d other secrets are kept, want %d", len(changed.others), maxOthers)
	}
}

func TestDecodeEnvelopeRefuses(t *testing.T) {
	good := testEnvelope(t, goldenEnvelopes[1].meta, goldenEnvelopes[1].set)
	for n := range good {
		if _, err := decodeMeta(good[:n]); !errors.Is(err, errCorrupt) {
			t.Errorf("cut after %d bytes: %v, want errCorrupt", n, err)
		}
	}
	metaOf := func(tags ...[]byte) []byte {
		return append(appendBytes([]byte(envelopeMagic+"\x01"), bytes.Join(tags, nil)), 0)
	}
	tag := func(n uint64, payload []byte) []byte { return appendTag(nil, n, payload) }
	h := testHash(1)
	secret := tag(tagSecret, h[:])
	with := func(values ...byte) []byte {
		b := metaOf(secret)
		return append(b[:len(b)-1], values...)
	}
	keys := func(keys ...string) []byte {
		b := []byte{byte(len(keys))}
		for _, key := range keys {
			b = append(appendBytes(b, key), byte(kindTrue), 0)
		}
		return with(b...)
	}
	if _, err := decodeMeta(metaOf(secret)); err != nil {
		t.Errorf("the smallest envelope: %v", err)
	}
	for _, pair := range [][2]string{
		{"", "a"}, {"", "\x00"}, {"a", "a\x00"}, {"a", "a\x00\x00b"}, {"a\x00", "a\x01"}, {"key-0001", "key-0002"},
		{"key-00001", "key-00002"}, {"a long key", "a long key of two"}, {"\x7f", "\x80"}, {"\xff", "\xff\x00"},
	} {
		for _, after := range [][]string{nil, {"\xff\xff"}, {"\xff\xff: more than eight bytes"}} {
			if _, err := decodeMeta(keys(slices.Concat(pair[:], after)...)); err != nil {
				t.Errorf("%q ascend: %v", pair, err)
			}
			if _, err := decodeMeta(keys(slices.Concat([]string{pair[1], pair[0]}, after)...)); !errors.Is(err, errCorrupt) {
				t.Errorf("%q the other way round: %v, want errCorrupt", pair, err)
			}
			if _, err := decodeMeta(keys(slices.Concat([]string{pair[1], pair[1]}, after)...)); !errors.Is(err, errCorrupt) {
				t.Errorf("%q twice: %v, want errCorrupt", pair[1], err)
			}
		}
	}
	for name, data := range map[string][]byte{
		"nil":                   nil,
		"magic alone":           []byte(envelopeMagic),
		"format 0":              []byte(envelopeMagic + "\x00"),
		"no magic":              good[len(envelopeMagic):],
		"trailing byte":         append(bytes.Clone(good), 0),
		"no secret":             metaOf(tag(tagIssued, []byte{0})),
		"zero secret":           metaOf(tag(tagSecret, make([]byte, 32))),
		"short secret":          metaOf(tag(tagSecret, h[:31])),
		"tag twice":             metaOf(secret, secret),
		"tags descending":       metaOf(tag(tagIssued, []byte{0}), secret),
		"tag 0":                 metaOf(tag(0, nil), secret),
		"a tag that never was":  metaOf(secret, tag(8, nil)),
		"varint with a rest":    metaOf(secret, tag(tagIssued, []byte{0, 0})),
		"endless varint":        metaOf(secret, tag(tagIssued, bytes.Repeat([]byte{255}, 11))),
		"state 0":               metaOf(secret, tag(tagOthers, make([]byte, otherSize))),
		"half an other secret":  metaOf(secret, tag(tagOthers, make([]byte, otherSize-1))),
		"half a version":        metaOf(secret, tag(tagLineage, make([]byte, 7))),
		"keys descending":       with(2, 1, 'b', byte(kindTrue), 0, 1, 'a', byte(kindTrue), 0),
		"key twice":             with(2, 1, 'a', byte(kindTrue), 0, 1, 'a', byte(kindTrue), 0),
		"fewer values":          with(2, 1, 'a', byte(kindTrue), 0),
		"more values":           with(1, 1, 'a', byte(kindTrue), 0, 1, 'b', byte(kindTrue), 0),
		"a value past the end":  with(1, 1, 'a', byte(kindString), 9),
		"billions of values":    with(binary.AppendUvarint(nil, 1<<40)...),
		"a key past all memory": with(append([]byte{1}, binary.AppendUvarint(nil, 1<<62)...)...),
	} {
		if _, err := decodeMeta(data); !errors.Is(err, errCorrupt) {
			t.Errorf("%s: %v, want errCorrupt", name, err)
		}
	}
	good[len(envelopeMagic)] = envelopeFormat + 1
	if _, err := decodeMeta(good); !errors.Is(err, errNewerFormat) {
		t.Errorf("a newer format: %v, want errNewerFormat", err)
	}
}

// TestEveryValueIsFound: among few and many, and nothing beside them is.
func TestEveryValueIsFound(t *testing.T) {
	set := map[string]any{}
	for n := range 40 {
		var m meta
		base, err := decodeEnvelope(testEnvelope(t, goldenEnvelopes[0].meta, set), &m)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2*n + 1 { // every other one is set
			key := fmt.Sprintf("key-%03d", i)
			val, ok := base.lookup(key)
			got, _ := decodeExact[int](val)
			if want, set := set[key]; ok != set || set && got != want {
				t.Errorf("%s of %d values: %v, %v; want %v, %v", key, n, got, ok, want, set)
			}
		}
		set[fmt.Sprintf("key-%03d", 2*n+1)] = n
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	data := testEnvelope(t, goldenEnvelopes[0].meta, map[string]any{"a": 1, "b": "x", "c": true})
	if n := testing.AllocsPerRun(100, func() {
		var m meta
		base, err := decodeEnvelope(data, &m)
		if _, ok := base.lookup("b"); err != nil || !ok {
			t.Fatal("not found")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// FuzzDecodeEnvelope: decoding never panics, and what it accepts survives
// being encoded again.
func FuzzDecodeEnvelope(f *testing.F) {
	for _, g := range goldenEnvelopes {
		f.Add(testEnvelope(f, g.meta, g.set))
	}
	f.Add([]byte(envelopeMagic + "\x01garbage"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := newDraft(store.Record{Data: data})
		if err != nil {
			return
		}
		for _, key := range d.keys() {
			v, ok := d.lookup(key)
			if !ok {
				t.Errorf("%q is not found", key)
			}
			if x, err := v.decode(); err == nil && v.kind != kindCodec {
				if w, err := encodeValue(jsonCodec{}, x); err != nil || w.kind != v.kind {
					t.Errorf("%q: %#v encodes as %v, %v, was %v", key, x, w, err, v)
				}
			}
			decodeAs[int8](jsonCodec{}, v)
			decodeAs[float32](jsonCodec{}, v)
			decodeAs[map[string]any](jsonCodec{}, v)
		}
		m := d.meta()
		again, err := newDraft(d.encode(m))
		if err != nil {
			t.Fatal(err)
		}
		after := again.meta()
		if !reflect.DeepEqual(after, m) && (len(after.others) > 0 || len(m.others) > 0) && !reflect.DeepEqual(after.others, m.others) {
			t.Errorf("metadata %+v became %+v", m, after)
		}
		if after.secret != m.secret || after.generation != m.generation ||
			!bytes.Equal(after.tail, m.tail) || !bytes.Equal(after.lineage, m.lineage) {
			t.Error("metadata changed")
		}
		if again.count() != d.count() {
			t.Errorf("%d values became %d", d.count(), again.count())
		}
	})
}

// FuzzEncode: what is set is what is got.
func FuzzEncode(f *testing.F) {
	f.Add("a", "b", []byte{1}, int64(-1), uint64(1<<63), 0.5)
	f.Fuzz(func(t *testing.T, key, s string, b []byte, i int64, u uint64, x float64) {
		if key == "" {
			return
		}
		lim := limits{1 << 20, 100, 100}
		var d draft
		want := map[string]any{key: s, key + "b": b, key + "i": i, key + "u": u, key + "x": x, key + "t": time.Unix(i%1e12, 0).UTC()}
		for k, v := range want {
			e, err := encodeValue(jsonCodec{}, v)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.set(k, e, &lim); err != nil {
				return // larger than a session may be
			}
		}
		rec := d.encode(&meta{secret: testHash(1)})
		again, err := newDraft(rec)
		if err != nil {
			t.Fatal(err)
		}
		if again.size() != d.size() || again.count() != len(want) {
			t.Errorf("%d bytes and %d values, want %d and %d", again.size(), again.count(), d.size(), len(want))
		}
		for k, v := range want {
			e, _ := again.lookup(k)
			got, err := e.decode()
			if len(b) == 0 && k == key+"b" {
				v = []byte{}
			}
			if err != nil || !reflect.DeepEqual(got, v) && v == v {
				t.Errorf("%q is %#v, %v, want %#v", k, got, err, v)
			}
		}
	})
}
