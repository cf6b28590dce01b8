package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

// A plain store can do the five operations and no more.
type plain struct{}

func (plain) Load(context.Context, store.ID) (store.Record, error) {
	return store.Record{}, store.ErrNotFound
}
func (plain) Create(context.Context, store.Record) error       { return nil }
func (plain) Save(context.Context, store.Record, uint64) error { return store.ErrConflict }
func (plain) Touch(context.Context, store.ID, uint64, time.Time, time.Time) error {
	return nil
}
func (plain) Delete(context.Context, store.ID) error { return nil }

// An able store can do everything, and says which subject was listed.
type able struct{ plain }

var errAble = errors.New("able")

func (able) List(_ context.Context, subject string) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) { yield(store.Record{Subject: subject}, nil) }
}
func (able) GC(context.Context) (int, error) { return 7, errAble }
func (able) Ping(context.Context) error      { return errAble }
func (able) Close() error                    { return errAble }

func TestUnable(t *testing.T) {
	ctx := t.Context()
	records, err := collect(store.List(ctx, plain{}, "ada"))
	if records != nil {
		t.Errorf("List returned %d records", len(records))
	}
	_, emptyErr := collect(store.List(ctx, plain{}, ""))
	n, gcErr := store.GC(ctx, plain{})
	if n != 0 {
		t.Errorf("GC returned %d", n)
	}
	for name, err := range map[string]error{
		"List":                      err,
		"List of the empty subject": emptyErr,
		"GC":                        gcErr,
		"Ping":                      store.Ping(ctx, plain{}),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: error %v, want ErrUnsupported", name, err)
		} else if !strings.Contains(err.Error(), "store_test.plain") {
			t.Errorf("%s: the error does not name the store: %v", name, err)
		}
	}
	if err := store.Close(plain{}); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestAble(t *testing.T) {
	ctx := t.Context()
	if records, err := collect(store.List(ctx, able{}, "ada")); err != nil || len(records) != 1 || records[0].Subject != "ada" {
		t.Errorf("List returned %v, %v", records, err)
	}
	if n, err := store.GC(ctx, able{}); n != 7 || err != errAble {
		t.Errorf("GC returned %d, %v", n, err)
	}
	if err := store.Ping(ctx, able{}); err != errAble {
		t.Errorf("Ping: %v", err)
	}
	if err := store.Close(able{}); err != errAble {
		t.Errorf("Close: %v", err)
	}
}

// TestListEmpty checks that the store is not asked for the empty subject, and
// that a context that is done is an error all the same.
func TestListEmpty(t *testing.T) {
	if records, err := collect(store.List(t.Context(), able{}, "")); len(records) != 0 || err != nil {
		t.Errorf("List returned %v, %v", records, err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := collect(store.List(done, able{}, "")); !errors.Is(err, context.Canceled) {
		t.Errorf("List with a context that is done: error %v", err)
	}
}

var idTexts = []struct {
	id   store.ID
	text string
}{
	{store.ID{}, "AAAAAAAAAAAAAAAAAAAAAA"},
	{store.ID{15: 1}, "AAAAAAAAAAAAAAAAAAAAAQ"},
	{store.ID{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "_____________________w"},
	{store.ID{0xfb, 0xf0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80}, "-_AAAAAAAAAAAAAAAAAAgA"},
}

func TestID(t *testing.T) {
	for _, c := range idTexts {
		if got := c.id.String(); got != c.text {
			t.Errorf("String of %x is %q, want %q", c.id[:], got, c.text)
		}
		if got, err := store.ParseID(c.text); got != c.id || err != nil {
			t.Errorf("ParseID(%q) is %x, %v", c.text, got[:], err)
		}
		if got, want := c.id.IsZero(), c.id == (store.ID{}); got != want {
			t.Errorf("IsZero of %v is %t", c.id, got)
		}
		text, err := json.Marshal(map[store.ID]store.ID{c.id: c.id})
		if want := fmt.Sprintf(`{"%s":"%[1]s"}`, c.text); string(text) != want || err != nil {
			t.Errorf("JSON is %s, %v, want %s", text, err, want)
		}
		var back map[store.ID]store.ID
		if err := json.Unmarshal(text, &back); err != nil || len(back) != 1 || back[c.id] != c.id {
			t.Errorf("%s in JSON became %v, %v", text, back, err)
		}
	}
}

func TestParseIDRefuses(t *testing.T) {
	const good = "-_AAAAAAAAAAAAAAAAAAgA"
	for _, c := range []struct{ name, text string }{
		{"nothing", ""},
		{"too short", good[:21]},
		{"too long", good + "A"},
		{"two IDs", good + good},
		{"padding", good + "=="},
		{"padding within the length", good[:20] + "=="},
		{"the standard alphabet", strings.NewReplacer("-", "+", "_", "/").Replace(good)},
		{"a space", good[:21] + " "},
		{"a NUL", good[:21] + "\x00"},
		{"a letter beyond ASCII", good[:20] + "é"},
		{"bits beyond the last byte", good[:21] + "B"},
		{"a line break at the end", good + "\n"},
		{"a line break in the middle", good[:10] + "\n" + good[10:]},
		{"a line break within the length", good[:21] + "\n"},
		{"two line breaks within the length", good[:10] + "\r\n" + good[12:]},
		{"line breaks alone", strings.Repeat("\n", 22)},
	} {
		id, err := store.ParseID(c.text)
		if err == nil {
			t.Errorf("%s: ParseID(%q) succeeds", c.name, c.text)
		} else if !id.IsZero() {
			t.Errorf("%s: ParseID(%q) returns %v beside its error", c.name, c.text, id)
		} else if c.text != "" && strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: the error repeats the text: %v", c.name, err)
		}
		before := store.ID{1, 2, 3}
		if err := before.UnmarshalText([]byte(c.text)); err == nil || before != (store.ID{1, 2, 3}) {
			t.Errorf("%s: UnmarshalText(%q) returns %v and leaves %v", c.name, c.text, err, before)
		}
	}
}

// FuzzParseID checks that there is one spelling of each ID.
func FuzzParseID(f *testing.F) {
	for _, c := range idTexts {
		f.Add(c.text)
		f.Add(c.text[:21] + "\n")
		f.Add(c.text + "==")
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := store.ParseID(text)
		if err != nil {
			if !id.IsZero() {
				t.Errorf("ParseID(%q) returns %v beside its error", text, id)
			}
			return
		}
		if id.String() != text {
			t.Errorf("ParseID(%q) is an ID that is spelled %q", text, id)
		}
	})
}

// collect returns what a loop yields until it yields an error.
func collect[T any](seq iter.Seq2[T, error]) (all []T, err error) {
	for v, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}
