package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/rueidis"
)

var errReplicas = errors.New("too few replicas have acknowledged it")

// wait runs a script, and WAIT after it. A server answers WAIT for what came by
// the same connection, which is taken from a pool for that. Both travel
// together.
func (s *Store) wait(ctx context.Context, sc script, key string, args []string) rueidis.RedisResult {
	var result rueidis.RedisResult
	err := s.client.Dedicated(func(c rueidis.DedicatedClient) error {
		wait := func(cmd rueidis.Completed) (int64, error) {
			results := c.DoMulti(ctx, cmd, c.B().Wait().Numreplicas(int64(s.opts.WaitReplicas)).
				Timeout(s.opts.WaitTimeout.Milliseconds()).Build())
			result = results[0]
			if result.Error() != nil {
				return 0, result.Error()
			}
			return results[1].AsInt64()
		}
		n, err := wait(c.B().Evalsha().Sha1(sc.hash).Numkeys(1).Key(key).Arg(args...).Build())
		if e, ok := rueidis.IsRedisErr(err); ok && e.IsNoScript() {
			n, err = wait(c.B().Eval().Script(sc.text).Numkeys(1).Key(key).Arg(args...).Build())
		}
		if answer, not := result.ToInt64(); not == nil && answer != written {
			return err // there is nothing to acknowledge
		}
		if err == nil && n < int64(s.opts.WaitReplicas) {
			err = fmt.Errorf("redisstore: written, but %w: %d of %d within %v",
				errReplicas, n, s.opts.WaitReplicas, s.opts.WaitTimeout)
		}
		return err
	})
	if err != nil && result.Error() == nil {
		return rueidis.NewErrorResult(err)
	}
	return result
}
