module github.com/b4468f51/session

go 1.26

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/justinas/alice v1.2.0
)
