package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

var (
	errEmailTaken = errors.New("this address has an account")
	errWrong      = errors.New("no account has this address and password")
	errNoUser     = errors.New("no such user")
)

// A user has an account.
type user struct {
	ID      string // the subject of their sessions: it never changes, as an address may
	Name    string
	Email   string
	Created time.Time
}

// users keeps the accounts.
type users struct {
	db     *sql.DB
	hasher *hasher
}

const usersTable = `CREATE TABLE IF NOT EXISTS users (
	id       TEXT PRIMARY KEY,
	name     TEXT NOT NULL,
	email    TEXT NOT NULL UNIQUE,
	password TEXT NOT NULL,
	created  INTEGER NOT NULL -- Unix seconds
) STRICT`

// openUsers opens the database, which may be that of the sessions as well.
func openUsers(file string, h *hasher) (*users, error) {
	db, err := openDatabase(file)
	if err != nil {
		return nil, fmt.Errorf("open users in %s: %w", file, err)
	}
	return &users{db, h}, nil
}

func openDatabase(file string) (*sql.DB, error) {
	// SQLite would create the file for everybody to read.
	switch f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); {
	case err == nil:
		f.Close()
	case !errors.Is(err, fs.ErrExist):
		return nil, err
	}
	path := (&url.URL{Path: filepath.ToSlash(file)}).EscapedPath()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)") // milliseconds, that a writer waits for others
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, statement := range []string{"PRAGMA journal_mode = WAL", usersTable} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

func (u *users) close() error { return u.db.Close() }

// add opens an account, for a client that is nobody yet. It returns errEmailTaken
// where the address has one.
func (u *users) add(ctx context.Context, client, name, email, password string) (user, error) {
	hash, err := u.hasher.hash(ctx, u.hasher.guests, client, password)
	if err != nil {
		return user{}, err
	}
	added := user{ID: rand.Text(), Name: name, Email: email, Created: time.Now()}
	result, err := u.db.ExecContext(ctx,
		`INSERT INTO users (id, name, email, password, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT (email) DO NOTHING`,
		added.ID, added.Name, added.Email, hash, added.Created.Unix())
	if err != nil {
		return user{}, fmt.Errorf("add user: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return user{}, errors.Join(errEmailTaken, err)
	}
	return added, nil
}

// authenticate returns the user of an address and a password, or errWrong. It
// takes as long for an address without an account: whoever measures learns
// nothing.
func (u *users) authenticate(ctx context.Context, client, email, password string) (user, error) {
	var found user
	var hash string
	row := u.db.QueryRowContext(ctx, `SELECT id, name, email, password FROM users WHERE email = ?`, email)
	err := row.Scan(&found.ID, &found.Name, &found.Email, &hash)
	unknown := errors.Is(err, sql.ErrNoRows)
	if unknown {
		hash = u.hasher.dummy
	} else if err != nil {
		return user{}, fmt.Errorf("find user: %w", err)
	}
	ok, err := u.hasher.verify(ctx, u.hasher.guests, client, password, hash)
	if err != nil {
		return user{}, err
	}
	if unknown || !ok {
		return user{}, errWrong
	}
	return found, nil
}

// confirm tells whether a password is that of a user, or returns errWrong.
func (u *users) confirm(ctx context.Context, id, password string) error {
	var hash string
	err := u.db.QueryRowContext(ctx, `SELECT password FROM users WHERE id = ?`, id).Scan(&hash)
	if err != nil {
		return fmt.Errorf("find user: %w", err)
	}
	ok, err := u.hasher.verify(ctx, u.hasher.members, id, password, hash)
	if err == nil && !ok {
		err = errWrong
	}
	return err
}

// setPassword replaces the password of a user.
func (u *users) setPassword(ctx context.Context, id, password string) error {
	hash, err := u.hasher.hash(ctx, u.hasher.members, id, password)
	if err != nil {
		return err
	}
	if _, err := u.db.ExecContext(ctx, `UPDATE users SET password = ? WHERE id = ?`, hash, id); err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	return nil
}

// find returns the user of an ID, or errNoUser.
func (u *users) find(ctx context.Context, id string) (user, error) {
	found := user{ID: id}
	var created int64
	err := u.db.QueryRowContext(ctx, `SELECT name, email, created FROM users WHERE id = ?`, id).
		Scan(&found.Name, &found.Email, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return user{}, errNoUser
	}
	if err != nil {
		return user{}, fmt.Errorf("find user: %w", err)
	}
	found.Created = time.Unix(created, 0)
	return found, nil
}
