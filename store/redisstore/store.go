package redisstore

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/b4468f51/session/store"
)

// Options are the choices that [New] and [Open] leave open. The zero Options
// are good.
type Options struct {
	// Prefix is what every key begins with. Stores of one prefix, on one
	// server, share their sessions. The default is "session:".
	Prefix string

	// Timeout is how long an operation may take whose context has no
	// deadline. The default is 10 seconds.
	Timeout time.Duration

	// WaitReplicas is how many replicas have to acknowledge each Create, Save
	// and Delete, and before them what goes into the index, by the command WAIT,
	// which travels beside the write. A store cannot tell a renewal from a change
	// of a value, so every Save waits; Touch does not. Where too few acknowledge
	// in WaitTimeout, the operation returns an error that wraps
	// [store.ErrUnconfirmed]: it may have happened, and come undone. So does one
	// whose connection broke. That makes it less likely that a failover undoes a
	// login or a logout, not impossible. While fewer replicas than these are
	// connected, every write is such an error. The default is 0: no waiting.
	WaitReplicas int

	// WaitTimeout is how long to wait for WaitReplicas. The default is 1
	// second.
	WaitTimeout time.Duration

	// CacheTTL turns on client-side caching, and is how old a cached record
	// may get. A load of a session that is in the cache costs no round trip;
	// the server tells the client when the record changes (RESP3 tracking).
	//
	// A session that another machine destroys, revokes or renews may still be
	// read here until that message has arrived: on a healthy connection a
	// network latency later, about a millisecond, or some tens of them where
	// the machines are busy; on one that hangs unnoticed, CacheTTL later. For
	// as long, a sign-in that began before a RevokeAll may come through here.
	// What is written by way of this Store is seen by it at once, and a Save
	// compares versions on the server whatever was read. The default is 0: no
	// caching.
	CacheTTL time.Duration
}

func (o Options) withDefaults() Options {
	o.Prefix = cmp.Or(o.Prefix, "session:")
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.WaitTimeout = cmp.Or(o.WaitTimeout, time.Second)
	return o
}

func (o Options) validate() error {
	switch {
	case o.Timeout < 0:
		return fmt.Errorf("redisstore: Timeout is negative: %v", o.Timeout)
	case o.WaitReplicas < 0:
		return fmt.Errorf("redisstore: WaitReplicas is negative: %d", o.WaitReplicas)
	case o.WaitTimeout < time.Millisecond && o.WaitTimeout != 0:
		// WAIT takes zero for ever.
		return fmt.Errorf("redisstore: WaitTimeout is %v, less than a millisecond", o.WaitTimeout)
	case o.CacheTTL < 0:
		return fmt.Errorf("redisstore: CacheTTL is negative: %v", o.CacheTTL)
	}
	return nil
}

// A Store keeps sessions in Redis. It implements [store.Store],
// [store.SubjectDeleter], [store.RecordToucher], [store.Follower], [store.Pinger],
// [store.Sharer] and [io.Closer]. Several Stores, in one process or many, may
// share a server.
type Store struct {
	client      rueidis.Client
	closeClient bool // the store made it
	opts        Options
	prefix      string
	own         *ownWrites // nil without a cache
	closed      atomic.Bool
	done        chan struct{} // closed by Close

	conf     *rueidis.ClientOption // of client; nil if the store did not make it
	follower atomic.Pointer[rueidis.Client]
}

var (
	_ store.SubjectDeleter = (*Store)(nil)
	_ store.Pinger         = (*Store)(nil)
	_ store.Sharer         = (*Store)(nil)

	_ store.RecordToucher = (*Store)(nil)
	_ store.Follower      = (*Store)(nil)
)

var errClosed = errors.New("redisstore: the store is closed")

// New returns a Store that uses a client. It does not talk to the server. The
// client stays the caller's, to be closed after the Store. Its reads must go to
// the master: no SendToReplicas, no ReplicaOnly.
func New(client rueidis.Client, opts Options) (*Store, error) {
	if client == nil {
		return nil, errors.New("redisstore: New of a nil client")
	}
	if err := opts.validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	s := &Store{client: client, opts: opts, prefix: opts.Prefix, done: make(chan struct{})}
	if opts.CacheTTL > 0 {
		s.own = newOwnWrites(opts.CacheTTL)
	}
	return s, nil
}

// The two kinds of keys, after the prefix.
const (
	recordSpace  = "id:"
	subjectSpace = "subject:"
)

func (s *Store) recordKey(id store.ID) string {
	var room [128]byte // most keys fit, so that the string is the one allocation
	key := append(append(room[:0], s.prefix...), recordSpace...)
	return string(base64.RawURLEncoding.AppendEncode(key, id[:])) // as id.String
}

func (s *Store) subjectKey(subject string) string { return s.prefix + subjectSpace + subject }

// begin begins an operation, and gives it a deadline.
func (s *Store) begin(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if s.closed.Load() {
		return ctx, nil, errClosed
	}
	if err := ctx.Err(); err != nil {
		return ctx, nil, err
	}
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}, nil
	}
	// A read is tried again for as long as its context allows.
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	return ctx, cancel, nil
}

// Load returns the record of an ID, or [store.ErrNotFound]. It is one command.
func (s *Store) Load(ctx context.Context, id store.ID) (store.Record, error) {
	ctx, cancel, err := s.begin(ctx)
	if err != nil {
		return store.Record{}, err
	}
	defer cancel()
	if s.own != nil {
		cmd := s.client.B().Get().Key(s.recordKey(id)).Cache()
		result := s.client.DoCache(ctx, cmd, s.opts.CacheTTL)
		now := time.Now()
		r, err := parseRecord(id, now, result)
		known := err == nil || errors.Is(err, store.ErrNotFound)
		if !known || s.own.fresh(id, r, now) {
			return r, err
		}
	}
	result := s.client.Do(ctx, s.client.B().Get().Key(s.recordKey(id)).Build())
	return parseRecord(id, time.Now(), result)
}

// Create adds a record, or returns [store.ErrExists]. It is one round trip, and
// another one before it for the index where the record has a subject.
func (s *Store) Create(ctx context.Context, rec store.Record) error {
	ctx, cancel, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	now := time.Now()
	end := sessionEnd(rec.Expires, rec.Deadline)
	if rec.Subject != "" {
		if err := s.index(ctx, now, rec, end); err != nil {
			return err
		}
	}
	defer s.own.wrote(rec.ID, rec, now)
	answer, err := s.runWait(ctx, createScript, s.recordKey(rec.ID),
		millis(now), lifetime(now, rec.Expires), rueidis.BinaryString(encodeRecord(rec, end))).AsInt64()
	return refusal(answer, err, store.ErrExists)
}

// Save replaces a record whose version is old, or returns [store.ErrConflict].
// It is one round trip. Where the subject is another, or the session lasts
// longer than the index knows, it takes three: the server declines, the index
// is written, and then the record.
func (s *Store) Save(ctx context.Context, rec store.Record, old uint64) error {
	ctx, cancel, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	now := time.Now()
	end := sessionEnd(rec.Expires, rec.Deadline)
	defer s.own.wrote(rec.ID, rec, now)
	key, value := s.recordKey(rec.ID), rueidis.BinaryString(encodeRecord(rec, end))
	for indexed := int64(-1); ; {
		answer, err := s.runWait(ctx, saveScript, key,
			millis(now), lifetime(now, rec.Expires),
			number(old), strconv.Itoa(subjectAt-1+len(rec.Subject)),
			strconv.FormatInt(indexed, 10), value).AsInt64()
		if err != nil || answer < unlisted {
			return refusal(answer, err, store.ErrConflict)
		}
		// An attempt that broke was declined too, or will be. It is declined
		// again where a touch came in between that moved a kept end further.
		indexed = answer - unlisted
		if err := s.index(ctx, now, rec, indexed); err != nil {
			return err
		}
	}
}

// refusal is the error of what a script answered.
func refusal(answer int64, err, says error) error {
	if err == nil && answer == refused {
		return says
	}
	return err
}

// Delete removes a record. It is one round trip, and another one after it where
// the record had a subject.
func (s *Store) Delete(ctx context.Context, id store.ID) error {
	ctx, cancel, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	defer s.own.wrote(id, store.Record{}, time.Now())
	subject, err := s.runWait(ctx, deleteScript, s.recordKey(id), waits(s.opts)).ToString()
	if err == nil && subject != "" {
		// The record is gone; List looks, and forgets an entry that stays.
		_ = s.client.Do(ctx, s.client.B().Zrem().Key(s.subjectKey(subject)).Member(id.String()).Build()).Error()
	}
	return err
}

// Shared is true: other programs can reach the server.
func (s *Store) Shared() bool { return true }

// Ping returns nil if the server answers. In Cluster that is any one of them.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	return s.client.Do(ctx, s.client.B().Ping().Build()).Error()
}

// Close ends the use of the client, and closes it if [Open] or [store.Open]
// made it. Operations fail from then on. To close again is no error.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	close(s.done)
	if s.closeClient {
		s.client.Close()
	}
	return nil
}
