module github.com/b4468f51/session/internal/bench

go 1.26.0

require (
	github.com/alexedwards/scs/v2 v2.9.0
	github.com/b4468f51/session v0.0.0
	github.com/gorilla/sessions v1.4.0
)

require github.com/gorilla/securecookie v1.1.2 // indirect

replace github.com/b4468f51/session => ../..
