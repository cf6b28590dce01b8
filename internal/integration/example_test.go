package integration

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/sqlstore"

	_ "modernc.org/sqlite"
)

// A store over a database that the application opened.
func Example_ownDatabase() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "app.db")+
		"?_pragma=busy_timeout(100)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	s, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{Table: "web_sessions"})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	ctx := context.Background()
	if err := s.Migrate(ctx); err != nil {
		panic(err)
	}

	rec := store.Record{
		ID:      store.ID{1},
		Version: 1,
		Subject: "alice",
		Expires: time.Now().Add(time.Hour),
		Data:    []byte("hello"),
	}
	fmt.Println(s.Create(ctx, rec))
	rec.Version = 2
	fmt.Println(s.Save(ctx, rec, 1))
	fmt.Println(s.Save(ctx, rec, 1))
	// Output:
	// <nil>
	// <nil>
	// store: the record is gone or has another version
}
