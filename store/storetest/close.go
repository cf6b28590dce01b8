package storetest

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/b4468f51/session/store"
)

func ping(ctx context.Context, s store.Store) error {
	p, ok := s.(store.Pinger)
	if !ok {
		return errUnable("store.Pinger")
	}
	return in("Ping", p.Ping(ctx))
}

func shared(ctx context.Context, s store.Store) error {
	sh, ok := s.(store.Sharer)
	if !ok {
		return errUnable("store.Sharer")
	}
	first := sh.Shared()
	if _, err := create(ctx, s, nil); err != nil {
		return err
	}
	if sh.Shared() != first {
		return fmt.Errorf("after a Create Shared is %t, and was %t", !first, first)
	}
	return nil
}

func closeStore(ctx context.Context, s store.Store) error {
	c, ok := s.(io.Closer)
	if !ok {
		return errUnable("io.Closer")
	}
	r, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	if err := c.Close(); err != nil {
		return in("Close", err)
	}
	n := next(r)
	for _, op := range []struct {
		name string
		do   func()
	}{
		{"Load", func() { s.Load(ctx, r.ID) }},
		{"Create", func() { s.Create(ctx, newRecord()) }},
		{"Save", func() { s.Save(ctx, n, r.Version) }},
		{"Touch", func() { s.Touch(ctx, n.ID, n.Version, n.Seen, n.Expires.Add(time.Minute)) }},
		{"Delete", func() { s.Delete(ctx, r.ID) }},
		{"List", func() { store.List(ctx, s, r.Subject) }},
		{"GC", func() { store.GC(ctx, s) }},
		{"Ping", func() { store.Ping(ctx, s) }},
		{"Shared", func() { store.Shared(s) }},
	} {
		if v := panics(op.do); v != nil {
			return fmt.Errorf("%s after Close panicked: %v", op.name, v)
		}
	}
	return nil
}

// panics calls f and returns what it panicked with.
func panics(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}
