module github.com/b4468f51/session/internal/bench

go 1.26.0

replace github.com/b4468f51/session => ../..
