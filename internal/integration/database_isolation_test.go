package integration

import (
	"testing"

	"github.com/b4468f51/session/store/sqlstore"
	"github.com/b4468f51/session/store/storetest"
)

// Whatever isolation the application has made the default, a compare-and-swap
// is one, collectors get along, and nobody sees a serialization failure.
func TestDatabasesIsolation(t *testing.T) {
	for _, c := range []struct {
		name string
		open func(*testing.T) database
	}{
		{"postgres repeatable read", postgresIsolation("repeatable%20read")},
		{"postgres serializable", postgresIsolation("serializable")},
		{"mysql read committed", mysqlIsolation("READ COMMITTED")},
		{"mysql serializable", mysqlIsolation("SERIALIZABLE")},
	} {
		t.Run(c.name, func(t *testing.T) {
			open := c.open(t).storeCase().open(t)
			h, err := storetest.RecordCAS(t.Context(), anyOf{open(), open(), open()}, 8, 25)
			if err != nil {
				t.Fatal(err)
			}
			if err := h.Check(); err != nil {
				t.Error(err)
			}
			collectTogether(t, open)
		})
	}
}

func postgresIsolation(level string) func(*testing.T) database {
	return func(*testing.T) database {
		return database{"", "pgx", sqlstore.PostgreSQL, postgresDSN("default_transaction_isolation=" + level), false}
	}
}

// mysqlIsolation sets the default of new connections: the name of the variable
// differs between MySQL and MariaDB.
func mysqlIsolation(level string) func(*testing.T) database {
	return func(t *testing.T) database {
		db := openSQL(t, "mysql", mysqlDSN(t, mysqlURL(t)))
		set := func(level string) {
			if _, err := db.Exec("SET GLOBAL TRANSACTION ISOLATION LEVEL " + level); err != nil {
				t.Fatal(err)
			}
		}
		set(level)
		t.Cleanup(func() { set("REPEATABLE READ") })
		return database{"", "mysql", sqlstore.MySQL, mysqlDSNWith(), false}
	}
}
