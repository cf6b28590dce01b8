package change_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/b4468f51/session/internal/change"
	"github.com/b4468f51/session/internal/envelope"
	"github.com/b4468f51/session/internal/sid"
)

var rules = change.Rules{
	MaxSize: 1000, MaxValues: 5, MaxPending: 4,
	Lifetime: 10 * time.Hour, Anonymous: time.Hour, MaxLifetime: 100 * time.Hour, Grace: time.Minute,
}

func text(s string) envelope.Value {
	v, err := envelope.Encode(envelope.JSON{}, s)
	if err != nil {
		panic(err)
	}
	return v
}

// record returns a record with these values, which belongs to a subject.
func record(subject string, values map[string]string) change.Record {
	data := envelope.AppendHead(nil, &envelope.Meta{Secret: sid.Hash{1}, Issued: 1}, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		data = envelope.AppendValue(data, key, text(values[key]))
	}
	return change.Record{Subject: subject, Data: data, Created: 1000, Deadline: 5_000_000}
}

// draft returns the draft of a record.
func draft(t *testing.T, rec change.Record) *change.Draft {
	t.Helper()
	d, err := change.New(rec)
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

// shows returns what a draft shows, as "a=1 b=2".
func shows(d *change.Draft) string {
	var shown []string
	for _, key := range d.Keys() {
		v, _ := d.Lookup(key)
		shown = append(shown, key+"="+string(v.Data))
	}
	return strings.Join(shown, " ")
}

func set(key, value string) change.Op {
	return change.Op{Kind: change.Set, Key: key, Value: text(value)}
}

func remove(key string) change.Op { return change.Op{Kind: change.Delete, Key: key} }

func pop(key, value string) change.Op {
	return change.Op{Kind: change.Pop, Key: key, Value: text(value)}
}

// appending adds to a text.
func appending(key, more string) change.Op {
	f := func(old envelope.Value, _ bool) (envelope.Value, error) { return text(string(old.Data) + more), nil }
	return change.Op{Kind: change.Update, Key: key, Updating: &change.Updating{Update: f}}
}

func signing(kind change.Kind, s change.Signing) change.Op {
	s.At, s.Hash = time.UnixMilli(1_000_000), sid.Hash{9}
	return change.Op{Kind: kind, Signing: &s}
}

// What requests do to one key and to others, where both began with the same record
// and one of them commits after the other.
func TestOperationsMeetWhatOthersHaveDone(t *testing.T) {
	for _, test := range []struct {
		name          string
		first, second change.Op
		want          string
		err           error
	}{
		{"other keys", set("a", "x"), set("b", "y"), "a=x b=y", nil},
		{"one key: the last one wins", set("a", "x"), set("a", "y"), "a=y b=2", nil},
		{"updates of one key compose", appending("a", "x"), appending("a", "y"), "a=1xy b=2", nil},
		{"an update of what is gone begins anew", remove("a"), appending("a", "y"), "a=y b=2", nil},
		{"a key that is gone already", remove("a"), remove("a"), "b=2", nil},
		{"a value is popped once", pop("a", "1"), pop("a", "1"), "b=2", change.ErrConflict},
		{"what was replaced is not popped", set("a", "x"), pop("a", "1"), "a=x b=2", change.ErrConflict},
		{"clear removes what others have set", set("c", "x"), change.Op{Kind: change.Clear}, "", nil},
		{"what is set after a clear stays", change.Op{Kind: change.Clear}, set("c", "x"), "c=x", nil},
	} {
		rec := record("", map[string]string{"a": "1", "b": "2"})
		d := draft(t, rec)
		if err := test.first.Apply(d, &rules); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		rec.Data = d.Encode(d.Meta())
		newest := draft(t, rec)
		if err := test.second.Apply(newest, &rules); !errors.Is(err, test.err) {
			t.Errorf("%s: %v, want %v", test.name, err, test.err)
		}
		rec.Data = newest.Encode(newest.Meta())
		if got := shows(draft(t, rec)); got != test.want || shows(newest) != got {
			t.Errorf("%s: stored is %q, shown %q, want %q", test.name, got, shows(newest), test.want)
		}
	}
}

func TestATakeTellsWhatWasThere(t *testing.T) {
	d := draft(t, record("", map[string]string{"a": "1"}))
	for _, want := range []string{"1", ""} {
		var took change.Taken
		o := change.Op{Kind: change.Take, Key: "a", Took: &took}
		if err := o.Apply(d, &rules); err != nil || took.OK != (want != "") || string(took.Value.Data) != want {
			t.Errorf("taken is %q, %v, %v; want %q", took.Value.Data, took.OK, err, want)
		}
	}
}

// What is pending is as little as leads to the same, whatever others do meanwhile.
func TestPendingOperationsThatArePointlessAreLeftOut(t *testing.T) {
	clear := change.Op{Kind: change.Clear}
	label := change.Op{Kind: change.Label, Value: text("phone")}
	for _, test := range []struct {
		name string
		ops  []change.Op
		want string
	}{
		{"set twice", []change.Op{set("a", "1"), set("a", "2")}, "Set a=2"},
		{"set and delete", []change.Op{set("a", "1"), remove("a")}, "Delete a"},
		{"set others", []change.Op{set("a", "1"), set("b", "2"), set("a", "3")}, "Set b=2, Set a=3"},
		{"update after set", []change.Op{set("a", "1"), appending("a", "2")}, "Set a=1, Update a"},
		{"set after update", []change.Op{appending("a", "2"), set("a", "1")}, "Set a=1"},
		{"pop stays, and what put it there", []change.Op{set("a", "1"), pop("a", "1"), set("a", "2")}, "Set a=1, Pop a=1, Set a=2"},
		{"after a pop", []change.Op{pop("a", "1"), set("a", "2"), set("a", "3")}, "Pop a=1, Set a=3"},
		{"a pop of another key", []change.Op{set("a", "1"), pop("b", "1"), set("a", "2")}, "Pop b=1, Set a=2"},
		{"clear", []change.Op{set("a", "1"), remove("b"), clear}, "Clear"},
		{"clear keeps a pop", []change.Op{set("a", "1"), pop("a", "1"), set("b", "2"), clear}, "Set a=1, Pop a=1, Clear"},
		{"clear keeps a label", []change.Op{label, clear}, "Label =phone, Clear"},
		{"a label is no key", []change.Op{label, set("", "x")}, "Label =phone, Set =x"},
	} {
		var ops []change.Op
		var err error
		for _, o := range test.ops {
			before := slices.Clone(ops)
			next, addErr := change.Add(ops, o, false, &rules)
			if err = addErr; err != nil {
				break
			}
			if describe(before) != describe(ops) {
				t.Errorf("%s: what was pending before is changed in place", test.name)
			}
			ops = next
		}
		if got := describe(ops); err != nil || got != test.want {
			t.Errorf("%s: pending is %q, %v; want %q", test.name, got, err, test.want)
		}
	}
}

func describe(ops []change.Op) string {
	names := map[change.Kind]string{
		change.Set: "Set", change.Update: "Update", change.Delete: "Delete", change.Pop: "Pop", change.Clear: "Clear", change.Label: "Label",
	}
	var out []string
	for _, o := range ops {
		text := names[o.Kind] + " " + o.Key
		if len(o.Value.Data) > 0 {
			text += "=" + string(o.Value.Data)
		}
		out = append(out, strings.TrimSpace(text))
	}
	return strings.Join(out, ", ")
}

func TestPendingOperationsAreBounded(t *testing.T) {
	var ops []change.Op
	for i := range rules.MaxPending {
		var err error
		if ops, err = change.Add(ops, set(fmt.Sprint(i), "x"), false, &rules); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := change.Add(ops, set("one more", "x"), false, &rules); !errors.Is(err, change.ErrTooLarge) {
		t.Errorf("one more: %v, want ErrTooLarge", err)
	}
	if _, err := change.Add(ops, set("0", "y"), false, &rules); err != nil {
		t.Errorf("in the place of another: %v", err)
	}
	if _, err := change.Add(ops, signing(change.Renew, change.Signing{}), false, &rules); err != nil {
		t.Errorf("a renewal, which must not fail for that: %v", err)
	}
}

func TestWhatChangesNothingIsNotKept(t *testing.T) {
	stored := draft(t, record("", map[string]string{"a": "1"}))
	var empty change.Draft
	for _, test := range []struct {
		name  string
		o     change.Op
		d     *change.Draft
		fresh bool
		want  bool
	}{
		{"delete of a key that is there", remove("a"), stored, false, false},
		{"delete of one that is not", remove("b"), stored, false, true},
		{"clear", change.Op{Kind: change.Clear}, stored, false, false},
		{"clear of what others may have filled", change.Op{Kind: change.Clear}, &empty, false, false},
		{"clear of a new session", change.Op{Kind: change.Clear}, &empty, true, true},
		{"renew", signing(change.Renew, change.Signing{}), stored, false, false},
		{"renew of a new session", signing(change.Renew, change.Signing{}), &empty, true, true},
		{"set", set("a", "1"), stored, false, false},
	} {
		if got := test.o.ChangesNothing(test.d, test.fresh); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestASessionIsBounded(t *testing.T) {
	d := draft(t, record("", nil))
	for i := range rules.MaxValues {
		if err := apply(d, set(fmt.Sprint(i), "x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := apply(d, set("one more", "x")); !errors.Is(err, change.ErrTooLarge) || d.Count() != rules.MaxValues {
		t.Errorf("one value more: %v, and there are %d", err, d.Count())
	}
	if err := apply(d, set("0", "y")); err != nil {
		t.Errorf("one in the place of another: %v", err)
	}
	if err := apply(d, set("0", strings.Repeat("x", rules.MaxSize))); !errors.Is(err, change.ErrTooLarge) || len(shows(d)) > rules.MaxSize {
		t.Errorf("too many bytes: %v, and there are %d", err, len(shows(d)))
	}
	lowered := rules
	lowered.MaxSize, lowered.MaxValues = 10, 2
	o := set("0", "")
	if err := o.Apply(d, &lowered); err != nil {
		t.Errorf("a session that is over a limit which was lowered may shrink: %v", err)
	}
	if o = set("0", "longer"); !errors.Is(o.Apply(d, &lowered), change.ErrTooLarge) {
		t.Error("and may not grow")
	}
}

func apply(d *change.Draft, o change.Op) error { return o.Apply(d, &rules) }

// A Login begins with nothing of the sign-in before but the values.
func TestASignInEndsWhatBelongsToTheOneBefore(t *testing.T) {
	d := draft(t, record("u", map[string]string{"a": "1"}))
	for _, o := range []change.Op{
		{Kind: change.Label, Value: text("phone")},
		signing(change.Lifetime, change.Signing{Lifetime: envelope.Lifetime{Absolute: 50 * time.Hour}}),
	} {
		if err := apply(d, o); err != nil {
			t.Fatal(err)
		}
	}
	if d.Meta().Label() != "phone" || d.Deadline() != envelope.Millis(1000).Add(50*time.Hour) {
		t.Errorf("before: %q until %v", d.Meta().Label(), d.Deadline().Time())
	}
	client := envelope.Client{UserAgent: "Browser/1.0"}
	if err := apply(d, signing(change.Login, change.Signing{Subject: "u", Client: client})); err != nil {
		t.Fatal(err)
	}
	m := d.Meta()
	if m.Label() != "" || m.OwnLifetime || m.Client() != client || m.Level != 0 || m.Authenticated != 1_000_000 ||
		d.Deadline() != envelope.Millis(1_000_000).Add(rules.Lifetime) || m.Standing(sid.Hash{9}, time.UnixMilli(1_000_000)) != envelope.Current ||
		m.Standing(sid.Hash{1}, time.UnixMilli(1_000_000)) != envelope.Stale || shows(d) != "a=1" {
		t.Errorf("afterwards: %+v, %q, until %v", m, shows(d), d.Deadline().Time())
	}
	if err := apply(d, signing(change.Reauthenticate, change.Signing{Subject: "somebody else", Level: 2})); !errors.Is(err, change.ErrEnded) || d.Meta().Level != 0 {
		t.Errorf("a reauthentication of another subject: %v, level %d", err, d.Meta().Level)
	}
}

// One commit kills once: all that is pending has one secret.
func TestPendingSignInsShareASecret(t *testing.T) {
	first, second := signing(change.Login, change.Signing{}), signing(change.Renew, change.Signing{})
	second.Hash, second.Secret = sid.Hash{8}, new(sid.Secret)
	second.ShareSecret([]change.Op{set("a", "1"), first})
	if second.Hash != first.Hash || second.Secret != first.Secret {
		t.Error("the second kills a second time")
	}
}

func TestALifetimeThatIsOverLeavesNoTrace(t *testing.T) {
	d := draft(t, record("", nil))
	err := apply(d, signing(change.Lifetime, change.Signing{Lifetime: envelope.Lifetime{Absolute: time.Second}}))
	if err == nil || d.Changed() || d.Meta().OwnLifetime {
		t.Errorf("%v, and the draft is changed: %v", err, d.Changed())
	}
}

func TestAnUpdateThatWasOvertakenBeginsAnew(t *testing.T) {
	d := draft(t, record("", map[string]string{"a": "1"}))
	for _, test := range []struct {
		was  string
		had  bool
		want error
	}{{"1", true, nil}, {"2", true, change.ErrMoved}, {"1", false, change.ErrMoved}} {
		o := change.Op{Kind: change.Update, Key: "a", Value: text("1"), Updating: &change.Updating{Was: text(test.was), Had: test.had}}
		if err := o.ApplyFirst(d, &rules); err != test.want {
			t.Errorf("an update of %q, %v: %v, want %v", test.was, test.had, err, test.want)
		}
	}
}

// Two drafts share what was put over a record until one of them changes.
func TestDraftsThatShareDoNotSeeEachOther(t *testing.T) {
	d := draft(t, record("", map[string]string{"a": "1"}))
	if err := apply(d, set("b", "2")); err != nil {
		t.Fatal(err)
	}
	other := d.Share()
	if err := errors.Join(apply(d, set("b", "3")), apply(&other, set("c", "4"))); err != nil {
		t.Fatal(err)
	}
	if shows(d) != "a=1 b=3" || shows(&other) != "a=1 b=2 c=4" {
		t.Errorf("they show %q and %q", shows(d), shows(&other))
	}
	stored := d.Stored()
	if d.Drop(); shows(d) != "a=1" || d.Changed() || shows(&stored) != "a=1" {
		t.Errorf("without its changes one shows %q, what is stored %q", shows(d), shows(&stored))
	}
}

func TestWhatWasSetBackIsUnchanged(t *testing.T) {
	for name, test := range map[string]struct {
		ops  []change.Op
		want bool
	}{
		"set to the same":     {[]change.Op{set("a", "1")}, true},
		"set and set back":    {[]change.Op{set("a", "2"), set("a", "1")}, true},
		"set to another":      {[]change.Op{set("a", "2")}, false},
		"a new one, deleted":  {[]change.Op{set("b", "2"), remove("b")}, true},
		"a new one":           {[]change.Op{set("b", "2")}, false},
		"deleted":             {[]change.Op{remove("a")}, false},
		"cleared, set again":  {[]change.Op{{Kind: change.Clear}, set("a", "1")}, false},
		"a label":             {[]change.Op{{Kind: change.Label, Value: text("phone")}}, false},
		"a label and back":    {[]change.Op{{Kind: change.Label, Value: text("phone")}, {Kind: change.Label}}, true},
		"one of two the same": {[]change.Op{set("a", "1"), set("b", "2")}, false},
	} {
		d := draft(t, record("u", map[string]string{"a": "1"}))
		for _, o := range test.ops {
			if err := apply(d, o); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.Unchanged(); got != test.want {
			t.Errorf("%s: unchanged is %v, want %v", name, got, test.want)
		}
	}
}

// What a newer program has stored beside the values stays when this one writes.
func TestUnknownMetadataOutliveAChange(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "envelope", "testdata", "unknown-metadata.v1"))
	if err != nil {
		t.Fatal(err)
	}
	d := draft(t, change.Record{Data: data})
	if err := errors.Join(apply(d, set("b", "2")), apply(d, signing(change.Renew, change.Signing{}))); err != nil {
		t.Fatal(err)
	}
	again := d.Encode(d.Meta())
	if !strings.Contains(string(again), "new") || draft(t, change.Record{Data: again}).Count() != 2 {
		t.Errorf("written is %q", again)
	}
}
