package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/b4468f51/session/store"
	"github.com/b4468f51/session/store/sqlstore"
)

// A manager calls these methods. A tool that looks into the table, or moves sessions
// from one store to another, may call them too.
func ExampleStore() {
	ctx := context.Background()
	db, err := sql.Open("pgx", "postgres://localhost/shop")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	s, err := sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	fmt.Println("other programs can reach the database:", s.Shared())

	now := time.Now().UTC().Truncate(time.Millisecond)
	rec := store.Record{
		ID:       store.ID{15: 1}, // random in a real program
		Version:  1,
		Subject:  "user-42",
		Created:  now,
		Seen:     now,
		Expires:  now.Add(time.Hour),
		Deadline: now.Add(24 * time.Hour),
	}
	if err := s.Create(ctx, rec); err != nil {
		log.Fatal(err)
	}
	rec.Version, rec.Data = 2, []byte("a cart")
	if err := s.Save(ctx, rec, 1); errors.Is(err, store.ErrConflict) {
		log.Print("another program was first")
	}
	if err := s.Touch(ctx, rec.ID, 2, now.Add(time.Minute), now.Add(time.Hour)); err != nil {
		log.Fatal(err)
	}
	if _, err := s.Load(ctx, rec.ID); err != nil {
		log.Fatal(err)
	}
	if err := s.Delete(ctx, rec.ID); err != nil {
		log.Fatal(err)
	}
}
