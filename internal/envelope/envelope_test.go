package envelope

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/sid"
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
	meta   Meta
	set    map[string]any
}

// goldenEnvelopes are kept as files: what a released version wrote, every
// later one has to read.
var goldenEnvelopes = []goldenEnvelope{
	{name: "empty", meta: Meta{Secret: testHash(1), Issued: 1_700_000_000_000}},
	{
		name: "full",
		meta: Meta{
			Secret:        testHash(1),
			Issued:        1_700_000_000_000,
			Others:        []otherSecret{{secretPending, testHash(2), 1_700_000_001_000}, {secretRetiring, testHash(3), 1_700_000_002_000}, {secretKilled, testHash(4), -1}},
			Generation:    300,
			Authenticated: 1_700_000_000_001,
			Lineage:       []byte{1, 2, 3, 4, 5, 6, 7, 8, 255, 255, 255, 255, 255, 255, 255, 255},
			Edited:        1_700_000_000_002,
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
		meta: Meta{
			Secret:        testHash(1),
			Issued:        1_700_000_000_000,
			Generation:    1,
			Authenticated: 1_700_000_000_000,
			Level:         2,
			OwnLifetime:   true,
			Lifetime:      Lifetime{720 * time.Hour, 168 * time.Hour, true},
			tail:          testTail,
		},
		set: map[string]any{"a": 1},
	},
	{
		name: "unknown metadata",
		meta: Meta{Secret: testHash(1), Issued: 1, tail: []byte{50, 3, 'n', 'e', 'w', 200, 1, 0}},
		set:  map[string]any{"a": 1},
	},
}

var testTail = func() []byte {
	var m Meta
	m.SetBindKey([]byte("0123456789abcdef0123456789abcdef"))
	m.SetClient(Client{"Browser/1.0", "IPv6"})
	m.SetLabel("x")
	m.SetLabel("Laptop")
	return m.tail
}()

func testEnvelope(t testing.TB, m Meta, set map[string]any) []byte {
	data := AppendHead(nil, &m, len(set))
	for _, key := range slices.Sorted(maps.Keys(set)) {
		v, err := Encode(JSON{}, set[key])
		if err != nil {
			t.Fatal(err)
		}
		data = AppendValue(data, key, v)
	}
	return data
}

// testAgain writes what was read.
func testAgain(m Meta, base Values) []byte {
	return append(AppendHead(nil, &m, int(base.Count)), base.Raw...)
}

func TestEnvelopeGolden(t *testing.T) {
	for _, g := range goldenEnvelopes {
		t.Run(g.name, func(t *testing.T) {
			file := filepath.Join("testdata", strings.ReplaceAll(g.name, " ", "-")+".v1")
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
				before, err := os.ReadFile(filepath.Join("testdata", g.before))
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
	var got Meta
	base, err := Decode(golden, &got)
	if err != nil {
		t.Fatal(err)
	}
	if got.tail = bytes.Clone(got.tail); !reflect.DeepEqual(got, g.meta) {
		t.Errorf("the metadata are\n%v, want\n%v", got, g.meta)
	}
	if int(base.Count) != len(g.set) {
		t.Errorf("%d values, want %d", base.Count, len(g.set))
	}
	for key, want := range g.set {
		v, ok := base.Lookup(key)
		if !ok {
			t.Errorf("%s is missing", key)
			continue
		}
		got, err := v.Decode()
		if key == "json" {
			want = []byte(`{"A":1,"B":2}`)
			got = any([]byte(v.Data))
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
	var m, after Meta
	base, err := Decode(testEnvelope(t, g.meta, g.set), &m)
	if err != nil {
		t.Fatal(err)
	}
	m.Kill(testHash(9), time.UnixMilli(5), time.Minute)
	m.SetLabel("x")
	m.SetLabel("")
	if base, err = Decode(testAgain(m, base), &after); err != nil {
		t.Fatal(err)
	}
	if _, ok := base.Lookup("a"); !bytes.HasSuffix(after.tail, g.meta.tail) || after.Secret != testHash(9) || !ok {
		t.Errorf("after a change there is %+v with %d values", after, base.Count)
	}
}

// TestUnknownMetadataOfASignInEndWithIt: odd tags do not pass to the next subject.
func TestUnknownMetadataOfASignInEndWithIt(t *testing.T) {
	unknown := []byte{50, 1, 'a', 51, 1, 'b', 200, 1, 0, 201, 1, 0}
	m, err := DecodeMeta(testEnvelope(t, Meta{Secret: testHash(1), tail: unknown}, nil))
	if err != nil {
		t.Fatal(err)
	}
	m.EndSignIn()
	if want := []byte{50, 1, 'a', 200, 1, 0}; !bytes.Equal(m.tail, want) {
		t.Errorf("after Login there is %v, want %v", m.tail, want)
	}
}

// TestLongerListsOfANewerVersionAreRead, and cut when they are written again.
func TestLongerListsOfANewerVersionAreRead(t *testing.T) {
	m := Meta{Secret: testHash(1), Lineage: make([]byte, 8*64)}
	for i := range 2 * maxOthers {
		m.Others = append(m.Others, otherSecret{secretKilled, testHash(byte(i)), 1 << 40})
	}
	got, err := DecodeMeta(testEnvelope(t, m, nil))
	if err != nil || len(got.Others) != 2*maxOthers || len(got.Lineage) != len(m.Lineage) {
		t.Fatalf("%v, %d other secrets", err, len(got.Others))
	}
	if got.Kill(testHash(99), time.UnixMilli(5), time.Minute); len(got.Others) != maxOthers {
		t.Errorf("%d other secrets are kept, want %d", len(got.Others), maxOthers)
	}
}

func TestDecodeEnvelopeRefuses(t *testing.T) {
	good := testEnvelope(t, goldenEnvelopes[1].meta, goldenEnvelopes[1].set)
	for n := range good {
		if _, err := DecodeMeta(good[:n]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut after %d bytes: %v, want ErrCorrupt", n, err)
		}
	}
	metaOf := func(tags ...[]byte) []byte {
		return append(appendBytes([]byte(magic+"\x01"), bytes.Join(tags, nil)), 0)
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
	if _, err := DecodeMeta(metaOf(secret)); err != nil {
		t.Errorf("the smallest envelope: %v", err)
	}
	for _, pair := range [][2]string{
		{"", "a"}, {"", "\x00"}, {"a", "a\x00"}, {"a", "a\x00\x00b"}, {"a\x00", "a\x01"}, {"key-0001", "key-0002"},
		{"key-00001", "key-00002"}, {"a long key", "a long key of two"}, {"\x7f", "\x80"}, {"\xff", "\xff\x00"},
	} {
		for _, after := range [][]string{nil, {"\xff\xff"}, {"\xff\xff: more than eight bytes"}} {
			if _, err := DecodeMeta(keys(slices.Concat(pair[:], after)...)); err != nil {
				t.Errorf("%q ascend: %v", pair, err)
			}
			if _, err := DecodeMeta(keys(slices.Concat([]string{pair[1], pair[0]}, after)...)); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%q the other way round: %v, want ErrCorrupt", pair, err)
			}
			if _, err := DecodeMeta(keys(slices.Concat([]string{pair[1], pair[1]}, after)...)); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%q twice: %v, want ErrCorrupt", pair[1], err)
			}
		}
	}
	for name, data := range map[string][]byte{
		"nil":                   nil,
		"magic alone":           []byte(magic),
		"format 0":              []byte(magic + "\x00"),
		"no magic":              good[len(magic):],
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
		if _, err := DecodeMeta(data); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
	good[len(magic)] = currentFormat + 1
	if _, err := DecodeMeta(good); !errors.Is(err, ErrNewerFormat) {
		t.Errorf("a newer format: %v, want ErrNewerFormat", err)
	}
}

// TestEveryValueIsFound: among few and many, and nothing beside them is.
func TestEveryValueIsFound(t *testing.T) {
	set := map[string]any{}
	for n := range 40 {
		var m Meta
		base, err := Decode(testEnvelope(t, goldenEnvelopes[0].meta, set), &m)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2*n + 1 { // every other one is set
			key := fmt.Sprintf("key-%03d", i)
			val, ok := base.Lookup(key)
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
		var m Meta
		base, err := Decode(data, &m)
		if _, ok := base.Lookup("b"); err != nil || !ok {
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
	f.Add([]byte(magic + "\x01garbage"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var m, after Meta
		base, err := Decode(data, &m)
		if err != nil {
			return
		}
		for rest := base; rest.Count > 0; {
			var key []byte
			var v Value
			key, v, rest = rest.Cut()
			if found, ok := base.Lookup(string(key)); !ok || !found.Equal(v) {
				t.Errorf("%q is not found", key)
			}
			if x, err := v.Decode(); err == nil && v.kind != kindCodec {
				if w, err := Encode(JSON{}, x); err != nil || w.kind != v.kind {
					t.Errorf("%q: %#v encodes as %v, %v, was %v", key, x, w, err, v)
				}
			}
			DecodeAs[int8](JSON{}, v)
			DecodeAs[float32](JSON{}, v)
			DecodeAs[map[string]any](JSON{}, v)
		}
		again, err := Decode(testAgain(m, base), &after)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(after, m) && (len(after.Others) > 0 || len(m.Others) > 0) && !reflect.DeepEqual(after.Others, m.Others) {
			t.Errorf("metadata %+v became %+v", m, after)
		}
		if after.Secret != m.Secret || after.Generation != m.Generation ||
			!bytes.Equal(after.tail, m.tail) || !bytes.Equal(after.Lineage, m.Lineage) {
			t.Error("metadata changed")
		}
		if again.Count != base.Count {
			t.Errorf("%d values became %d", base.Count, again.Count)
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
		want := map[string]any{key: s, key + "b": b, key + "i": i, key + "u": u, key + "x": x, key + "t": time.Unix(i%1e12, 0).UTC()}
		var m Meta
		again, err := Decode(testEnvelope(t, Meta{Secret: testHash(1)}, want), &m)
		if err != nil {
			t.Fatal(err)
		}
		if int(again.Count) != len(want) {
			t.Errorf("%d values, want %d", again.Count, len(want))
		}
		for k, v := range want {
			e, _ := again.Lookup(k)
			got, err := e.Decode()
			if len(b) == 0 && k == key+"b" {
				v = []byte{}
			}
			if err != nil || !reflect.DeepEqual(got, v) && v == v {
				t.Errorf("%q is %#v, %v, want %#v", k, got, err, v)
			}
		}
	})
}
