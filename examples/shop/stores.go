package main

// What -store can name. A program of your own imports the one that it uses, and
// with it the driver, if only for the side effect of registering it.
import (
	_ "github.com/b4468f51/session/store/memstore"   // memory:
	_ "github.com/b4468f51/session/store/redisstore" // redis:, rediss:, redis+sentinel:, redis+cluster:
	_ "github.com/b4468f51/session/store/sqlstore"   // sqlite:, postgres:, mysql:, mariadb:

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)
