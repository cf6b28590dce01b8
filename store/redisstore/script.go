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
// Versions are compared as bytes, since a number of Lua has 53 bits. Times have
// fewer. Bytes are counted from 1 by Lua, and from 0 by commands: see record.go.
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
	unknown  = 2 // refused, but it may be that the first attempt was not
	unlisted = 3 // plus an end in seconds, with which the record has to be put into the index first
)

// The last of ARGV is 1 where an attempt before broke, which may have written
// nevertheless: what then carries the new version is its own.
//
// A ttl that is not positive ends the record at once.

// sendAgain writes what changes nothing, for WAIT to have something to wait for:
// it may answer at once on a connection by which nothing was sent to the replicas.
// A server that is full allows it.
const sendAgain = `
	local left = redis.call('PTTL', KEYS[1])
	if left > 0 then redis.call('PEXPIRE', KEYS[1], left) end`

// KEYS: record. ARGV: now, ttl, record.
var createScript = newScript(`
local head = redis.call('GETRANGE', KEYS[1], 0, 40)
if head ~= '' and struct.unpack('>i8', head:sub(34)) > tonumber(ARGV[1]) then
	if ARGV[4] ~= '1' then return 0 end
	if head:sub(18, 25) ~= ARGV[3]:sub(18, 25) then return 2 end` + sendAgain + `
	return 1
end
if tonumber(ARGV[2]) > 0 then
	redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[2])
else
	redis.call('DEL', KEYS[1])
end
return 1`)

// KEYS: record. ARGV: now, ttl, old version, last byte of the subject, the end
// that the index was given for this write or -1, record.
//
// The record is asked for as far as the new subject would go, so that lengths and
// subjects compare as one. Where it was seen later than the new one says, it keeps
// its times, and the server's with them; the end of the index follows, up to maxEnd.
var saveScript = newScript(`
local old, new = redis.call('GETRANGE', KEYS[1], 0, ARGV[4]), ARGV[6]
if old:sub(18, 25) ~= ARGV[3] or struct.unpack('>i8', old:sub(34, 41)) <= tonumber(ARGV[1]) then
	if ARGV[7] ~= '1' then return 0 end
	if old:sub(18, 25) ~= new:sub(18, 25) then return 2 end` + sendAgain + `
	return 1
end
local seen, expires = struct.unpack('>i8i8', old:sub(26, 41))
local times, last = new:sub(26, 41), struct.unpack('>i8', new:sub(2, 9))
local keeps = struct.unpack('>i8', times) < seen
if keeps then
	times, last = old:sub(26, 41), math.max(last, math.min(math.ceil(expires / 1000), 8589934591))
end
local indexed, given = struct.unpack('>i8', old:sub(2, 9)), tonumber(ARGV[5])
if given >= last then
	indexed = given
elseif ARGV[4] ~= '50' and (given >= 0 or indexed < last or old:sub(50) ~= new:sub(50, ARGV[4] + 1)) then
	return 3 + last
end
local value = new:sub(1, 1) .. struct.pack('>i8', indexed) .. old:sub(10, 17) .. new:sub(18, 25) .. times .. new:sub(42)
if keeps then
	redis.call('SET', KEYS[1], value, 'KEEPTTL')
elseif tonumber(ARGV[2]) > 0 then
	redis.call('SET', KEYS[1], value, 'PX', ARGV[2])
else
	redis.call('DEL', KEYS[1])
end
return 1`)

// KEYS: record. ARGV: now, ttl, version, seen and expires, whether to answer. It
// answers what the index needs: subject, deadline.
var touchScript = newScript(`
local r = redis.call('GETRANGE', KEYS[1], 0, 50)
if r:sub(18, 25) ~= ARGV[3] or struct.unpack('>i8', r:sub(34, 41)) <= tonumber(ARGV[1]) or
	struct.unpack('>i8', r:sub(26, 33)) > struct.unpack('>i8', ARGV[4]) then return {} end
redis.call('SETRANGE', KEYS[1], 25, ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if ARGV[5] ~= '1' then return {} end
return {redis.call('GETRANGE', KEYS[1], 51, 50 + struct.unpack('>I2', r:sub(50, 51))), r:sub(42, 49)}`)

// KEYS: record. ARGV: whether WAIT follows, which is then to vouch for a removal
// before too. It answers the subject. A server that is full allows SET only after
// another write.
var deleteScript = newScript(`
local r = redis.call('GETRANGE', KEYS[1], 49, 562)
if redis.call('DEL', KEYS[1]) == 0 and ARGV[1] == '1' then
	redis.call('SET', KEYS[1], '')
	redis.call('DEL', KEYS[1])
end
if #r < 2 then return '' end
return r:sub(3, 2 + struct.unpack('>I2', r:sub(1, 2)))`)

// KEYS: record. ARGV: now, subject, whether WAIT follows. It removes the record if
// it is the subject's, and answers written if it was live, or may have been until
// an attempt before.
var deleteOfScript = newScript(`
local r = redis.call('GETRANGE', KEYS[1], 0, 562)
if r == '' and ARGV[4] == '1' then
	redis.call('DEL', KEYS[1])
	if ARGV[3] == '1' then
		redis.call('SET', KEYS[1], '')
		redis.call('DEL', KEYS[1])
	end
	return 1
end
if #r < 51 or r:sub(52, 51 + struct.unpack('>I2', r:sub(50, 51))) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
return struct.unpack('>i8', r:sub(34, 41)) > tonumber(ARGV[1]) and 1 or 0`)

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
	result, _ := s.twice(ctx, args, func(args []string) rueidis.RedisResult {
		return sc.lua.Exec(ctx, s.client, []string{key}, args)
	})
	return result
}

// call is the command that runs a script which the server knows.
func (s *Store) call(sc script, key string, args []string) rueidis.Completed {
	return s.client.B().Evalsha().Sha1(sc.hash).Numkeys(1).Key(key).Arg(args...).Build()
}

// twice calls do, and again if the connection broke, which it tells. Where that
// leaves it open whether the first call wrote, the result is errUnknown.
func (s *Store) twice(ctx context.Context, args []string, do func(args []string) rueidis.RedisResult) (result rueidis.RedisResult, again bool) {
	result = do(append(args, "0"))
	err := result.NonRedisError()
	if err == nil || ctx.Err() != nil || s.closed.Load() ||
		errors.Is(err, rueidis.ErrClosing) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errReplicas) {
		return result, false
	}
	result = do(append(args, "1"))
	if answer, err := result.ToInt64(); err == nil && answer == unknown {
		result = rueidis.NewErrorResult(errUnknown)
	}
	return result, true
}
