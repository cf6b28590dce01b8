package redisstore

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"

	"github.com/redis/rueidis"
)

// A script is Lua that the server runs as one step. It is called by its hash,
// and sent in full where the server does not know it: at first, and again
// after a restart, a failover or SCRIPT FLUSH. Each touches one key, the one it
// is given, so that all of them run in Cluster.
//
// Versions are compared as text, since a number of Lua has 53 bits. Times have
// fewer.
type script struct {
	text string
	hash string
	lua  *rueidis.Lua
}

func newScript(text string) script {
	sum := sha1.Sum([]byte(text)) // the name that the server gives it
	return script{text, hex.EncodeToString(sum[:]), rueidis.NewLuaScript(text)}
}

// What the scripts that write a record answer.
const (
	refused  = 0 // the ID is taken, or the version is another
	written  = 1
	unlisted = 2 // the record has to be put into the index first
	unknown  = 3 // refused, but it may be that the first attempt was not
)

// The last of ARGV is 1 where an attempt before broke, which may have written
// nevertheless: what then carries the new version is its own.

// KEYS: record. ARGV: now, ttl, version, subject, created, seen, expires,
// deadline, index end, data.
//
// A ttl that is not positive has PEXPIRE delete what was just written.
var createScript = newScript(`
local expires = redis.call('HGET', KEYS[1], 'e')
if expires then
	if tonumber(expires) > tonumber(ARGV[1]) then
		if ARGV[11] ~= '1' then return 0 end
		if redis.call('HGET', KEYS[1], 'v') == ARGV[3] then return 1 end
		return 3
	end
	redis.call('DEL', KEYS[1])
end
redis.call('HSET', KEYS[1], 'v', ARGV[3], 's', ARGV[4], 'c', ARGV[5], 'n', ARGV[6], 'e', ARGV[7], 'd', ARGV[8], 'i', ARGV[9], 'b', ARGV[10])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`)

// KEYS: record. ARGV: now, ttl, old version, version, subject, seen, expires,
// deadline, index end, whether the index knows, data.
var saveScript = newScript(`
local r = redis.call('HMGET', KEYS[1], 'v', 'e', 's', 'i')
if r[1] ~= ARGV[3] or tonumber(r[2]) <= tonumber(ARGV[1]) then
	if ARGV[12] ~= '1' then return 0 end
	if r[1] == ARGV[4] then return 1 end
	return 3
end
local known = r[4] or '0'
if ARGV[10] == '1' then
	known = ARGV[9]
elseif ARGV[5] ~= '' and (r[3] ~= ARGV[5] or tonumber(known) < tonumber(ARGV[9])) then
	return 2
end
redis.call('HSET', KEYS[1], 'v', ARGV[4], 's', ARGV[5], 'n', ARGV[6], 'e', ARGV[7], 'd', ARGV[8], 'i', known, 'b', ARGV[11])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`)

// KEYS: record. ARGV: now, ttl, version, seen, expires. It answers what the
// index needs: subject, deadline.
var touchScript = newScript(`
local r = redis.call('HMGET', KEYS[1], 'v', 'e', 's', 'd')
if r[1] ~= ARGV[3] or tonumber(r[2]) <= tonumber(ARGV[1]) then return {'', '0'} end
redis.call('HSET', KEYS[1], 'n', ARGV[4], 'e', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {r[3], r[4]}`)

// KEYS: record. It answers the subject.
var deleteScript = newScript(`
local subject = redis.call('HGET', KEYS[1], 's')
redis.call('DEL', KEYS[1])
return subject or ''`)

// KEYS: subject. ARGV: ID, end, minute, end before which entries are dead, ttl.
//
// An entry keeps the latest end that it was given, since of two writers the
// one that knows the earlier end may come last. The key lasts as long as the
// longest of its entries.
var addScript = newScript(`
local last = tonumber(ARGV[2])
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if score then last = math.max(last, math.floor(tonumber(score) / 1048576)) end
redis.call('ZADD', KEYS[1], string.format('%.0f', last * 1048576 + tonumber(ARGV[3])), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', tonumber(ARGV[4]) * 1048576))
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[5]) then
	redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
return 1`)

// KEYS: subject. ARGV: ID, score, ID, score, … An entry that was added again
// since it was read has another score, and stays.
var forgetScript = newScript(`
for i = 1, #ARGV - 1, 2 do
	local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
	if score and tonumber(score) == tonumber(ARGV[i + 1]) then
		redis.call('ZREM', KEYS[1], ARGV[i])
	end
end
return 1`)

var errUnknown = errors.New("redisstore: the connection broke, and whether the record was written is not known")

// run runs a script. Where the connection breaks it tries once more: one that
// was idle while the server was restarted breaks when it is used next.
func (s *Store) run(ctx context.Context, sc script, key string, args ...string) rueidis.RedisResult {
	return s.twice(ctx, args, func(args []string) rueidis.RedisResult {
		return sc.lua.Exec(ctx, s.client, []string{key}, args)
	})
}

// call is the command that runs a script which the server knows.
func (s *Store) call(sc script, key string, args []string) rueidis.Completed {
	return s.client.B().Evalsha().Sha1(sc.hash).Numkeys(1).Key(key).Arg(args...).Build()
}

// twice calls do, and again if the connection broke.
func (s *Store) twice(ctx context.Context, args []string, do func(args []string) rueidis.RedisResult) rueidis.RedisResult {
	result := do(append(args, "0"))
	err := result.NonRedisError()
	if err == nil || ctx.Err() != nil || s.closed.Load() ||
		errors.Is(err, rueidis.ErrClosing) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errReplicas) {
		return result
	}
	return do(append(args, "1"))
}
