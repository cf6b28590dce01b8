package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/b4468f51/session/store"
)

// LoadAll returns the live records of these IDs. It is one round trip, in Cluster one to each
// server, at once. A record that is damaged is left out.
func (s *Store) LoadAll(ctx context.Context, ids []store.ID) ([]store.Record, error) {
	ctx, cancel, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	results := s.getAll(ctx, ids)
	now := time.Now()
	records := make([]store.Record, 0, len(ids))
	for i, result := range results {
		r, err := parseRecord(ids[i], now, result)
		switch {
		case err == nil:
			records = append(records, r)
		case result.Error() != nil && !rueidis.IsRedisNil(result.Error()):
			return nil, err
		}
	}
	return records, nil
}

// getAll gets the records from the follower's client, so that their next change is told.
func (s *Store) getAll(ctx context.Context, ids []store.ID) []rueidis.RedisResult {
	if follower := s.follower.Load(); follower != nil {
		cmds := make([]rueidis.CacheableTTL, len(ids))
		for i, id := range ids {
			cmds[i] = rueidis.CT((*follower).B().Get().Key(s.recordKey(id)).Cache(), followTTL)
		}
		return (*follower).DoMultiCache(ctx, cmds...)
	}
	cmds := make(rueidis.Commands, len(ids))
	for i, id := range ids {
		cmds[i] = s.client.B().Get().Key(s.recordKey(id)).Build()
	}
	return s.client.DoMulti(ctx, cmds...)
}

// followTTL is how long the client may keep what it has, which it does not: see noCache.
const followTTL = time.Minute

// noCache keeps nothing: what it had would be older, for a moment, than what this process has
// written itself. The server tracks all the same what was loaded.
type noCache struct{}

func (noCache) Flight(string, string, time.Duration, time.Time) (rueidis.RedisMessage, rueidis.CacheEntry) {
	return rueidis.RedisMessage{}, nil
}

func (noCache) Update(string, string, rueidis.RedisMessage) int64 { return 0 }
func (noCache) Cancel(string, string, error)                      {}
func (noCache) Delete([]rueidis.RedisMessage)                     {}
func (noCache) Close(error)                                       {}

// Follow tells when records change that LoadAll has returned. It has the server track them for a
// client of its own, as client-side caching does (RESP3, Redis 6 or later): writers pay nothing for
// it. A Store made by [New] cannot follow, because it does not know how to make another client.
func (s *Store) Follow(ctx context.Context, changed func(store.ID)) error {
	if s.conf == nil {
		return fmt.Errorf("redisstore: a Store of New cannot follow, Open's can: %w", errors.ErrUnsupported)
	}
	conf := *s.conf
	conf.DisableCache = false
	conf.NewCacheStoreFn = func(rueidis.CacheStoreOption) rueidis.CacheStore { return noCache{} }
	conf.OnInvalidations = func(keys []rueidis.RedisMessage) {
		if keys == nil { // a connection was lost, and with it what it followed
			changed(store.ID{})
		}
		for _, key := range keys {
			if id, ok := s.idOf(key); ok {
				changed(id)
			}
		}
	}
	client, err := rueidis.NewClient(conf)
	if errors.Is(err, rueidis.ErrNoCache) {
		return fmt.Errorf("redisstore: the server cannot tell of changes: %w, %w", err, errors.ErrUnsupported)
	}
	if err != nil {
		return fmt.Errorf("redisstore: connect to follow: %w", err)
	}
	defer client.Close()
	s.follower.Store(&client)
	defer s.follower.CompareAndSwap(&client, nil)
	changed(store.ID{})
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return errClosed
	}
}

// idOf returns the ID of a record's key.
func (s *Store) idOf(key rueidis.RedisMessage) (store.ID, bool) {
	name, err := key.ToString()
	text, ours := strings.CutPrefix(name, s.prefix+recordSpace)
	if err != nil || !ours {
		return store.ID{}, false
	}
	id, err := store.ParseID(text)
	return id, err == nil
}
