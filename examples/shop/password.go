package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
)

// A hashCost is what a guess at a password costs, argon2id's parameters.
type hashCost struct {
	memory uint32 // KiB
	passes uint32
}

// strongHash is what OWASP's cheat sheet on password storage asks for.
var strongHash = hashCost{memory: 19 << 10, passes: 2}

const (
	saltLen = 16
	hashLen = 32
)

// A hasher hashes passwords, a few at a time: without a limit, a burst of
// sign-ins would take all of the memory. Who is signed in does not wait behind
// those who are not, however many they are.
type hasher struct {
	cost    hashCost
	dummy   string // the hash of a password that nobody has
	guests  *queue // clients by their address
	members *queue // users by their ID
}

func newHasher(cost hashCost) *hasher {
	h := &hasher{
		cost:    cost,
		guests:  newQueue(max(1, runtime.GOMAXPROCS(0)-1), 64, 4),
		members: newQueue(1, 64, 2),
	}
	h.dummy = h.encode([]byte(rand.Text()), []byte(rand.Text())[:saltLen])
	return h
}

// hash returns the hash of a password, with its salt and its cost, in the turn
// of a client. Errors are those of queue.enter.
func (h *hasher) hash(ctx context.Context, q *queue, client, password string) (string, error) {
	leave, err := q.enter(ctx, client)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, saltLen)
	rand.Read(salt)
	return h.encode([]byte(password), salt), nil
}

func (h *hasher) encode(password, salt []byte) string {
	sum := argon2.IDKey(password, salt, h.cost.passes, h.cost.memory, 1, hashLen)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, h.cost.memory, h.cost.passes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum))
}

// verify tells whether a hash is that of a password, in the turn of a client.
// The cost is the hash's own, so that it may be raised later without locking
// anybody out.
func (h *hasher) verify(ctx context.Context, q *queue, client, password, hash string) (bool, error) {
	cost, salt, want, err := decodeHash(hash)
	if err != nil {
		return false, err
	}
	leave, err := q.enter(ctx, client)
	if err != nil {
		return false, err
	}
	defer leave()
	got := argon2.IDKey([]byte(password), salt, cost.passes, cost.memory, 1, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

func decodeHash(hash string) (cost hashCost, salt, sum []byte, err error) {
	parts := strings.Split(hash, "$") // "", argon2id, v=, m=,t=,p=, salt, sum
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return cost, nil, nil, errors.New("password hash: unknown format")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &cost.memory, &cost.passes); err != nil {
		return cost, nil, nil, fmt.Errorf("password hash: %w", err)
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return cost, nil, nil, fmt.Errorf("password hash: %w", err)
	}
	if sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
		return cost, nil, nil, fmt.Errorf("password hash: %w", err)
	}
	return cost, salt, sum, nil
}
