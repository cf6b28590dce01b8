// Package redisstore keeps sessions in Redis 6.2 or later, or Valkey: one
// server, behind Sentinel, or Cluster. Its client is github.com/redis/rueidis,
// which sends the commands of concurrent requests together.
//
// # URLs
//
// With this package imported, store.Open and session.Open take
//
//	redis://user:password@host:6379/0
//	rediss://user:password@host:6379/0                   with TLS
//	redis+sentinel://user:password@host:26379,host2:26379/mymaster/0
//	redis+cluster://user:password@host:7000,host2:7001
//
// User, password, ports and the number of the database may be left out. Hosts
// of Sentinel and Cluster are those to begin with; others are found. What is
// special in a user or password is percent-encoded. Parameters:
//
//	prefix=session:        what keys begin with (Options.Prefix)
//	timeout=10s            Options.Timeout
//	wait_replicas=1        Options.WaitReplicas
//	wait_timeout=1s        Options.WaitTimeout
//	cache=10s              client-side caching (Options.CacheTTL)
//	tls=on                 TLS for Sentinel (sentinels too) and Cluster
//	ca=/etc/redis/ca.pem   certificates to trust in place of the system's
//	sentinel_user, sentinel_password   for the sentinels themselves
//
// [ParseURL] and [Open] are the two steps, for what a URL cannot say. [New]
// takes a client that the application has.
//
// # Keys, and what an operation costs
//
// A record is a string, prefix + "id:" + its ID. The index of a subject is a
// sorted set, prefix + "subject:" + the subject. A prefix with a hash tag puts
// all of them into one slot of a cluster; none is needed.
//
//	Load     1 command; none where it is in the cache
//	Save     1 round trip: a script, called by its hash, compares and swaps;
//	         3 where the subject or the deadline is a new one
//	Touch    1 round trip; 2 commands at once where there is a subject; no data
//	Create   1 round trip, and 1 for the index where there is a subject
//	Delete   1 round trip, and 1 for the index where there is a subject
//	LoadAll  1 round trip
//	List     1 round trip for each 1024 entries of the index, whose IDs it keeps
//	         in memory, and 1 for each 128 records
//	DeleteSubject   as List, and 1 more for each 128 records; with WaitReplicas 2
//	         for each record
//
// The index is written before the record, and a touch writes it again, so that
// List misses no live session as long as the server keeps what it acknowledged.
// It may hold entries of sessions that are gone: they are forgotten by Delete,
// by a List that comes some minutes after, or at their deadline.
//
// An ACL needs these commands, on the keys with the prefix: get, getrange, set,
// setrange, del, pexpire, pttl, zadd, zrange, zrem, zscore, zremrangebyscore, eval,
// evalsha; beside them hello, ping, select for a database other
// than 0, wait for WaitReplicas, client|tracking, client|caching, multi and
// exec for a cache and for Follow, role behind Sentinel, asking, cluster|slots and
// cluster|shards for Cluster. The sentinels' user needs hello, ping, subscribe, unsubscribe on all
// channels, sentinel|sentinels and sentinel|get-master-addr-by-name, and
// client|tracking for a cache.
//
// # Time
//
// The server deletes what has expired, to the millisecond. It is told how long
// to keep a record, and not until when, so that its clock need not agree with
// anybody's. On top of that, a record whose Expires has come by the clock of
// the process that asks is not returned.
//
// # What may be lost
//
// What the server acknowledged and then loses is out of this package's hands:
// a logout that is lost comes undone, and a login that is lost has to be done
// again. With appendfsync everysec a crash of the machine takes up to a second
// or two of writes, with appendfsync always none, and without an append-only
// file everything since the last snapshot. A failover takes what the new
// master had not received: replication is asynchronous. Options.WaitReplicas
// makes that rarer, and does not rule it out. No version of a record is used
// twice, so that a Save never takes another record for the one it knows.
//
// maxmemory-policy has to be noeviction, the default. Others sign users out
// when memory runs short, volatile-ttl and allkeys-lru among them, or drop an
// index, whose sessions then are not listed until they are touched. With
// noeviction a server that is full refuses Create, Save and Touch with an
// error, and keeps what it has; Load and Delete go on.
//
// Reads go to the master, and are tried again, while their context allows it,
// where a connection breaks. Writes are tried once more, and recognise what the
// first attempt wrote; one that fails even so may have happened.
package redisstore
