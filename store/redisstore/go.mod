module github.com/b4468f51/session/store/redisstore

go 1.26.0

require (
	// Older than any version, so that it is the program that chooses one.
	github.com/b4468f51/session v0.0.0-00010101000000-000000000000
	github.com/redis/rueidis v1.0.79
)

require golang.org/x/sys v0.47.0 // indirect

replace github.com/b4468f51/session => ../..
