package redisstore

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parameters are what may stand behind the question mark of a URL.
var parameters = map[string]func(u *redisURL, value string) error{
	"prefix": func(u *redisURL, value string) error {
		if value == "" {
			return errors.New("is empty")
		}
		u.opts.Prefix = value
		return nil
	},
	"timeout":      func(u *redisURL, value string) error { return setDuration(&u.opts.Timeout, value) },
	"wait_timeout": func(u *redisURL, value string) error { return setDuration(&u.opts.WaitTimeout, value) },
	"cache":        func(u *redisURL, value string) error { return setDuration(&u.opts.CacheTTL, value) },
	"wait_replicas": func(u *redisURL, value string) error {
		n, err := strconv.ParseUint(value, 10, 8)
		if err != nil {
			return fmt.Errorf("is %q, want the number of replicas", value)
		}
		u.opts.WaitReplicas = int(n)
		return nil
	},
	"tls": func(u *redisURL, value string) error {
		if value != "on" {
			return fmt.Errorf("is %q, want on", value)
		}
		if u.scheme == "redis" {
			return errors.New("is for redis+sentinel and redis+cluster; one server with TLS is rediss://")
		}
		u.tls = true
		return nil
	},
	"ca": func(u *redisURL, value string) error {
		var err error
		u.roots, err = readRoots(value)
		return err
	},
	"sentinel_user": func(u *redisURL, value string) error {
		u.conf.Sentinel.Username = value
		return u.onlySentinel()
	},
	"sentinel_password": func(u *redisURL, value string) error {
		u.conf.Sentinel.Password = value
		return u.onlySentinel()
	},
}

func (u *redisURL) onlySentinel() error {
	if u.scheme != "redis+sentinel" {
		return errors.New("is for redis+sentinel")
	}
	return nil
}

func setDuration(d *time.Duration, value string) error {
	var err error
	if *d, err = time.ParseDuration(value); err != nil || *d < time.Millisecond {
		return fmt.Errorf("is %q, want a duration of a millisecond or more with its unit, as in 10s", value)
	}
	return nil
}

// parameterNames are for the errors of who mistyped one.
var parameterNames = slices.Sorted(maps.Keys(parameters))

// setQuery reads the parameters. One that is unknown is an error, not ignored.
func (u *redisURL) setQuery(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return errors.New("the parameters are no list of name=value, with & between them, percent-encoded")
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		set := parameters[name]
		if set == nil {
			return fmt.Errorf("unknown parameter %q (there are %s)", name, strings.Join(parameterNames, ", "))
		}
		if n := len(query[name]); n > 1 {
			return fmt.Errorf("parameter %s is given %d times", name, n)
		}
		if err := set(u, query.Get(name)); err != nil {
			return fmt.Errorf("parameter %s %w", name, err)
		}
	}
	if u.roots != nil && !u.tls {
		return errors.New("parameter ca needs TLS: rediss://, or tls=on")
	}
	return nil
}
