package main

import (
	"net/http"

	"github.com/b4468f51/session/flash"
)

// notices has the messages that the next page shows, once.
var notices = flash.New[string]("flash")

// takeFlash returns the messages for this page.
func takeFlash(r *http.Request) ([]string, error) {
	if r.Method != http.MethodGet {
		return nil, nil // the page that follows is to show them
	}
	return notices.Take(r, current(r))
}
