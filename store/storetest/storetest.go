// Package storetest is the contract of package store as an executable suite.
//
// Who writes a [store.Store] calls it from a test of the store's package:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store {
//			s := mystore.New(...)
//			t.Cleanup(func() { s.Close() })
//			return s
//		})
//	}
//
// Each rule is a subtest, and a rule that is broken prints what it asks for
// beside what happened. Rules for what a store need not be able to do
// ([store.Lister], [store.SubjectDeleter], [store.RecordToucher], [store.Collector], [store.Pinger],
// [store.Sharer], [io.Closer]) pass, with a line in the log, where the store is not able to.
//
// A store may pass every rule and still lose what was written when its machine
// dies: durability is not checked here.
package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/b4468f51/session/store"
)

// Run checks a store against the contract, rule by rule, none beside another.
//
// It calls open for each rule. The store need not be empty, nor another one
// each time: IDs and subjects are random, so a server may be shared with other
// tests, as long as nobody else collects garbage on it during the run. What
// open needs cleaned up, it leaves to t.Cleanup. The last rule closes its store
// if it can be closed; a Close in the cleanup then comes after another.
//
// A store that tells expiry by the clock of a server needs that clock to be
// within 20 milliseconds of this machine's.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			// A store that hangs should name the rule it hangs in.
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			err := r.check(ctx, open(t))
			switch _, unable := errors.AsType[errUnable](err); {
			case unable:
				t.Log(err)
			case err != nil:
				t.Errorf("%s\n%v", r.says, err)
			}
		})
	}
}

// A rule is one sentence of the contract, and a check that returns an error
// where the store breaks it.
type rule struct {
	name  string
	says  string // printed above the error
	check func(context.Context, store.Store) error
}

// errUnable is returned by the check of a rule that the store need not keep.
type errUnable string

func (e errUnable) Error() string { return "not checked: the store is no " + string(e) }

// lister returns s as a Lister.
func lister(s store.Store) (store.Lister, error) {
	if l, ok := s.(store.Lister); ok {
		return l, nil
	}
	return nil, errUnable("store.Lister")
}

// deleter returns s as a SubjectDeleter.
func deleter(s store.Store) (store.SubjectDeleter, error) {
	if d, ok := s.(store.SubjectDeleter); ok {
		return d, nil
	}
	return nil, errUnable("store.SubjectDeleter")
}

// collector returns s as a Collector.
func collector(s store.Store) (store.Collector, error) {
	if c, ok := s.(store.Collector); ok {
		return c, nil
	}
	return nil, errUnable("store.Collector")
}

var rules = []rule{
	{"CreateLoad", "Load returns every field as Create was given it: times in UTC to the millisecond, subject and data byte for byte.", createLoad},
	{"Versions", "A version has 64 bits, which are kept, and all of which are compared.", versions},
	{"IDs", "An ID is 16 bytes, compared byte by byte.", ids},
	{"CreateExists", "Create of an ID that is taken returns ErrExists and changes nothing.", createExists},
	{"CreateExpired", "Create of the ID of a record that has expired succeeds, collected or not.", createExpired},
	{"CreateOnce", "Of several Creates of one ID at once, one succeeds and the others return ErrExists.", createOnce},
	{"LoadUnknown", "Load of an unknown ID returns ErrNotFound.", loadUnknown},

	{"Save", "Save replaces version, subject, seen, expires, deadline and data, and leaves created alone.", save},
	{"SaveOlder", "Save of a record that was seen earlier than the one stored leaves seen and expires as they are, and replaces the rest.", saveOlder},
	{"SaveConflict", "Save over another version than the one to be replaced returns ErrConflict and changes nothing.", saveConflict},
	{"SaveGone", "Save of a record that is not there, or not any more, returns ErrConflict and creates nothing.", saveGone},
	{"SaveExpired", "Save of a record that has expired returns ErrConflict and does not bring it back.", saveExpired},
	{"SaveLinear", "Save is a compare-and-swap: of several at once that replace one version, one succeeds, and whoever loads next sees it.", saveLinear},

	{"Touch", "Touch moves seen and expires, and nothing else: not the version either.", touch},
	{"TouchOlder", "Touch as of an earlier moment than the record was seen changes nothing, and is no error.", touchOlder},
	{"TouchVersion", "Touch of another version changes nothing, and is no error.", touchVersion},
	{"TouchGone", "Touch of a record that is not there, or not any more, creates nothing, and is no error.", touchGone},
	{"TouchExpired", "Touch of a record that has expired does not bring it back, and is no error.", touchExpired},

	{"TouchRecord", "TouchRecord does what Touch does.", touchRecord},

	{"Delete", "A deleted record is gone, and its ID is free.", deleteRecord},
	{"DeleteNothing", "Delete of a record that is not there is no error.", deleteNothing},
	{"DeleteFinal", "A record that was deleted beside Saves and Touches is gone when all have returned.", deleteFinal},

	{"ExpiryLoad", "Load returns a record until it expires, and never from then on.", expiryLoad},
	{"ExpiryMoves", "A record expires when the latest Save or Touch said, be that later or earlier than what was said before.", expiryMoves},
	{"ExpiryList", "List never returns a record that has expired.", expiryList},

	{"List", "List returns the records of a subject, each once and with every field, and none for the empty subject.", list},
	{"ListBytes", "A subject is compared byte by byte: case, spaces and Unicode forms count.", listBytes},
	{"ListMoves", "A record is listed under the subject of its latest Save, and no other; once deleted, under none.", listMoves},
	{"ListBatches", "List loads no more than MaxBatch records ahead of its loop, whose body may use the store.", listBatches},
	{"ListStops", "List ends when its loop is left, and when its context ends, with the context's error.", listStops},
	{"ListSteady", "List misses none of a subject's records, and doubles none, while they are being saved and touched.", listSteady},

	{"DeleteSubject", "DeleteSubject deletes the live records of a subject but for one, yields each once, and leaves every other alone; for the empty subject it does nothing.", deleteSubject},
	{"DeleteSubjectBatches", "DeleteSubject deletes no more than MaxBatch records ahead of its loop, whose body may use the store. What it has deleted when the loop is left, or the context ends, stays deleted.", deleteSubjectBatches},
	{"DeleteSubjectMoved", "DeleteSubject deletes no record, and yields none, that belongs to another subject by then.", deleteSubjectMoved},
	{"LoadAll", "LoadAll returns the live records of its IDs, whole, and none for the others.", loadAll},
	{"Follow", "Follow begins with the zero ID, tells that a record was saved, was deleted or has expired which LoadAll has returned, and ends with its context.", follow},
	{"DeleteSubjectFinal", "A record that was deleted by DeleteSubject beside Saves and Touches is gone when all have returned.", deleteSubjectFinal},

	{"DataBytes", "Data is any bytes, of any length up to MaxData.", dataBytes},
	{"DataOwn", "The slice given to Create or Save is the caller's again once the call returned.", dataOwn},
	{"DataKept", "A slice that Load or List returned never changes.", dataKept},

	{"ContextDone", "With a context that is done, every operation returns an error of its own, and writes nothing.", contextDone},
	{"ContextEnds", "An operation whose context ends while it runs happens entirely or not at all.", contextEnds},

	{"GC", "GC removes every record that expired at least GCDelay ago, and returns how many.", gc},
	{"GCSpares", "GC removes no live record, and none that expired less than GCDelay ago.", gcSpares},
	{"GCBeside", "GC may run beside another and beside writers: each record is counted once, and a live one is never taken.", gcBeside},
	{"GCContext", "GC with a context that is done removes nothing and returns the context's error.", gcContext},

	{"Ping", "Ping returns nil where the store answers.", ping},
	{"Shared", "Shared always says the same.", shared},
	{"Close", "Close returns nil; what is called after it may fail, but does not panic.", closeStore},
}
