package integration

import (
	"testing"

	"github.com/b4468f51/session"
	"github.com/b4468f51/session/store"
)

// promises are what package session promises, each with the test that holds it.
var promises = []struct {
	name  string
	text  string // printed where it is broken
	check func(t *testing.T, e *env)
}{
	{"01_no_lost_update", "changes of concurrent requests, in one process or many, never undo each other", noLostUpdate},
	{"02_logout_is_final", "a request that loaded a session before it ended cannot bring it back, nor set or clear a cookie", logoutIsFinal},
	{"03_nothing_is_shown_that_was_not_saved", "the session is committed before the first byte; if that fails, the client gets the error answer alone", nothingShownUnsaved},
	{"04_late_changes_are_saved_too", "what changes after the first byte is committed at return or at Save, or the response is aborted", lateChangesSaved},
	{"05_a_client_that_hangs_up_loses_nothing", "commit runs detached from the request's context, with its own time limit; load has one too", hangUpLosesNothing},
	{"06_the_server_alone_chooses_tokens", "a malformed token costs no store access; an unknown one is never adopted", serverChoosesTokens},
	{"07_a_stolen_store_opens_no_door", "no token and no secret is in any store, log, error, list or fmt verb", stolenStore},
	{"08_reading_is_free", "a request that changes nothing writes nothing and sets no cookie", readingIsFree},
	{"09_a_renewed_session_breaks_nobody", "rotation is gentle, a lost answer costs nobody the session, and the deadline survives", renewedBreaksNobody},
	{"10_a_bad_record_is_not_an_outage", "what is corrupt is reported, and its client goes on; what is newer waits; what is unknown is kept", badRecord},
	{"11_a_dead_store_is_not_an_anonymous_user", "an error at load is an error answer, never a fresh session, never a Set-Cookie", deadStore},
	{"12_the_response_stays_what_it_was", "what worked on the ResponseWriter works still, and nothing escapes before the commit", responseStays},
	{"13_secure_from_zero", "Config{} is the safe production setting; contradictory settings are errors", secureFromZero},
	{"14_bounded", "size, values, pending changes, time, retries and goroutines have a limit and a clear error", bounded},
	{"15_the_end_is_heard", "a stream whose session ends on whatever machine learns of it, and no store that is down ends one", theEndIsHeard},
}

// alone are promises whose rules look at what belongs to the whole process: its log, its
// memory and goroutines.
var alone = map[string]bool{"07_a_stolen_store_opens_no_door": true, "14_bounded": true}

// excused are the cells of the table that promise less, each with what asserts
// the documented limit in the promise's place.
var excused = map[string]func(t *testing.T, e *env){}

func TestPromises(t *testing.T) {
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			for _, c := range append(storeCases, sealed) {
				t.Run(c.name, func(t *testing.T) {
					if !alone[p.name] {
						t.Parallel() // they wait for servers more than they compute
					}
					check := p.check
					if limit, ok := excused[p.name+"/"+c.name]; ok {
						check = limit
						t.Log("excused: what is documented instead is checked")
					}
					check(t, &env{t: t, openCase: c.open, sealer: c.sealer})
					if t.Failed() {
						t.Logf("the promise: %s", p.text)
					}
				})
			}
		})
	}
}

// An env is what one rule of a promise is checked in: a store of its own, and
// as many machines and clients as it asks for.
type env struct {
	t        *testing.T
	openCase func(t *testing.T) func() store.Store
	open     func() store.Store // the store once more, as another machine opens it
	side     store.Store        // a way to the records past every manager
	sealer   session.Sealer     // nil unless the session is in its cookie
	machines []*machine
	logs     bool // new machines log what happens, as by default, and keep no events
}

// rule checks a part of a promise, with a fresh store.
func (e *env) rule(name string, check func(t *testing.T, e *env)) {
	e.t.Run(name, func(t *testing.T) {
		open := e.openCase(t)
		check(t, &env{t: t, openCase: e.openCase, sealer: e.sealer, open: open, side: open()})
	})
}

// record loads a record past every manager.
func (e *env) record(id store.ID) (store.Record, bool) {
	e.t.Helper()
	rec, err := e.side.Load(e.t.Context(), id)
	if err != nil && !isNotFound(err) {
		e.t.Errorf("load past the manager: %v", err)
	}
	return rec, err == nil
}

// live returns how many of the sessions that were ever created are still there.
func (e *env) live() int {
	e.t.Helper()
	ids := make(map[store.ID]bool)
	for _, m := range e.machines {
		for _, rec := range m.store.writtenRecords() {
			if rec.Data[0] != 0 { // else it says when RevokeAll was called
				ids[rec.ID] = true
			}
		}
	}
	n := 0
	for id := range ids {
		if _, ok := e.record(id); ok {
			n++
		}
	}
	return n
}
