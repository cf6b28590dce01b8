package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/rueidis"

	"github.com/b4468f51/session/store"
)

var errReplicas = errors.New("written, but too few replicas have acknowledged it")

// runWait runs a script and waits until enough replicas have what it wrote.
// What it cannot vouch for is a store.ErrUnconfirmed: the master may show it,
// and be none any more. That includes what the server refuses after an attempt
// that broke, and may have written.
func (s *Store) runWait(ctx context.Context, sc script, key string, args ...string) rueidis.RedisResult {
	if s.opts.WaitReplicas == 0 {
		return s.run(ctx, sc, key, args...)
	}
	result, again := s.twice(ctx, args, func(args []string) rueidis.RedisResult {
		return s.wait(ctx, sc, key, args)
	})
	err := result.NonRedisError()
	if again {
		err = result.Error()
	}
	if err != nil {
		return rueidis.NewErrorResult(fmt.Errorf("%w: %w", store.ErrUnconfirmed, err))
	}
	return result
}

// wait is waitOn the server that has the key. The client follows the redirections
// of a cluster, whose keys move, only for commands that are one.
func (s *Store) wait(ctx context.Context, sc script, key string, args []string) rueidis.RedisResult {
	result := s.waitOn(ctx, s.client, false, sc, key, args)
	e, ok := rueidis.IsRedisErr(result.Error())
	if !ok {
		return result
	}
	addr, asks := e.IsAsk()
	if !asks {
		addr, _ = e.IsMoved()
	}
	if node := s.client.Nodes()[addr]; node != nil {
		return s.waitOn(ctx, node, asks, sc, key, args)
	}
	return result
}

// waitOn runs a script, and WAIT after it. A server answers WAIT for all that it
// had written when the command before came by the same connection, which is
// taken from a pool for that. Both travel together, and ASKING before them to a
// server that is about to get the key.
func (s *Store) waitOn(ctx context.Context, client rueidis.Client, asking bool, sc script, key string, args []string) rueidis.RedisResult {
	var result rueidis.RedisResult
	err := client.Dedicated(func(c rueidis.DedicatedClient) error {
		wait := func(cmd rueidis.Completed) rueidis.RedisResult {
			cmds := []rueidis.Completed{cmd, c.B().Wait().Numreplicas(int64(s.opts.WaitReplicas)).
				Timeout(s.opts.WaitTimeout.Milliseconds()).Build()}
			if asking {
				cmds = slices.Insert(cmds, 0, c.B().Asking().Build())
			}
			results := c.DoMulti(ctx, cmds...)
			result = results[len(results)-2]
			return results[len(results)-1]
		}
		acknowledged := wait(c.B().Evalsha().Sha1(sc.hash).Numkeys(1).Key(key).Arg(args...).Build())
		if e, ok := rueidis.IsRedisErr(result.Error()); ok && e.IsNoScript() {
			acknowledged = wait(c.B().Eval().Script(sc.text).Numkeys(1).Key(key).Arg(args...).Build())
		}
		if result.Error() != nil {
			return nil
		}
		if answer, not := result.ToInt64(); not == nil && answer != written {
			return nil // there is nothing to acknowledge
		}
		n, err := acknowledged.AsInt64()
		if _, refused := rueidis.IsRedisErr(err); refused { // like a master that has become a replica meanwhile
			return fmt.Errorf("%w: %w", errReplicas, err)
		}
		if err == nil && n < int64(s.opts.WaitReplicas) {
			err = fmt.Errorf("%w: %d of %d within %v", errReplicas, n, s.opts.WaitReplicas, s.opts.WaitTimeout)
		}
		return err
	})
	if err != nil && result.Error() == nil {
		return rueidis.NewErrorResult(err)
	}
	return result
}
