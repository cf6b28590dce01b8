// Package bench compares whole requests through this module with a bare
// handler, with the hand-written limit of package limit, with
// github.com/alexedwards/scs/v2, and with the cookie store of
// github.com/gorilla/sessions. All of it is in its tests:
//
//	go test -run '^$' -bench . -count 6 . | tee new.txt
//	benchstat -col '/lib@(limit session scs gorilla bare)' new.txt
//
// Each handler looks at what it got on every request, and answers 500 if that
// is wrong, so nothing that does not work is measured.
package bench
