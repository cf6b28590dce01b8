package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"

	"github.com/b4468f51/session/store"
)

func dataBytes(ctx context.Context, s store.Store) error {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	random := func(n int) []byte {
		data := make([]byte, n)
		rand.Read(data)
		return data
	}
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"a NUL", []byte{0}},
		{"a NUL in the middle", []byte("before\x00after")},
		{"every byte", every},
		{"no UTF-8", []byte("\xff\xfe\xc3\x28\xed\xa0\x80")},
		{"line breaks and spaces at the end", []byte("\r\n text \r\n ")},
		{"255 bytes", random(255)},
		{"65,537 bytes", random(1<<16 + 1)},
		{"1 MiB", random(store.MaxData)},
		{"1 MiB of NULs", make([]byte, store.MaxData)},
	} {
		r, err := create(ctx, s, func(r *store.Record) { r.Data = c.data })
		if err == nil {
			err = expect(ctx, s, r)
		}
		if err != nil {
			return in("created with "+c.name, err)
		}
		if r, err = create(ctx, s, nil); err != nil {
			return err
		}
		n := next(r)
		n.Data = c.data
		if err = s.Save(ctx, n, r.Version); err == nil {
			err = expect(ctx, s, n)
		}
		if err != nil {
			return in("saved with "+c.name, err)
		}
	}
	return nil
}

func dataOwn(ctx context.Context, s store.Store) error {
	r := newRecord()
	given := bytes.Clone(r.Data)
	create := r
	create.Data = given
	if err := s.Create(ctx, create); err != nil {
		return in("Create", err)
	}
	clear(given)
	if err := expect(ctx, s, r); err != nil {
		return in("the slice was changed after Create", err)
	}
	n := next(r)
	given = bytes.Clone(n.Data)
	save := n
	save.Data = given
	if err := s.Save(ctx, save, r.Version); err != nil {
		return in("Save", err)
	}
	clear(given)
	return in("the slice was changed after Save", expect(ctx, s, n))
}

func dataKept(ctx context.Context, s store.Store) error {
	r, err := create(ctx, s, nil)
	if err != nil {
		return err
	}
	type returned struct {
		by   string
		data []byte
		want []byte
	}
	var kept []returned
	look := func() error {
		got, err := s.Load(ctx, r.ID)
		if err != nil {
			return in("Load", err)
		}
		kept = append(kept, returned{"Load", got.Data, bytes.Clone(got.Data)})
		if l, ok := s.(store.Lister); ok {
			records, err := all(l.List(ctx, r.Subject))
			if err != nil {
				return in("List", err)
			}
			for _, got := range records {
				kept = append(kept, returned{"List", got.Data, bytes.Clone(got.Data)})
			}
		}
		return nil
	}
	check := func(after string) error {
		for _, k := range kept {
			if !bytes.Equal(k.data, k.want) {
				return fmt.Errorf("after %s, what %s had returned became %s; it was %s", after, k.by, brief(k.data), brief(k.want))
			}
		}
		return nil
	}
	if err := look(); err != nil {
		return err
	}
	// Of the same length, shorter and longer: a buffer may be used again.
	for i, length := range []int{len(r.Data), 1, len(r.Data) + 1, 2} {
		n := next(r)
		n.Data = bytes.Repeat([]byte{'0' + byte(i)}, length)
		if err := s.Save(ctx, n, r.Version); err != nil {
			return in("Save", err)
		}
		if err := check("Save"); err != nil {
			return err
		}
		if err := look(); err != nil {
			return err
		}
		r = n
	}
	if err := s.Touch(ctx, r.ID, r.Version, r.Seen, r.Expires); err != nil {
		return in("Touch", err)
	}
	if err := check("Touch"); err != nil {
		return err
	}
	if err := s.Delete(ctx, r.ID); err != nil {
		return in("Delete", err)
	}
	// What was freed may be filled by another record.
	for range 8 {
		if _, err := create(ctx, s, nil); err != nil {
			return err
		}
	}
	return check("Delete")
}
