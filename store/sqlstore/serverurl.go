package sqlstore

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A serverURL is what a URL such as postgres://user:pw@host/db?table=sessions
// says. What is not the store's is the driver's to understand.
type serverURL struct {
	scheme    string
	user      string // percent-encoded, as all of these
	password  string
	hosts     string // host:port, or several with commas between them
	path      string // with its slash, or empty
	opts      Options
	driverRaw []string // name=value, for the driver
}

// errEncoding does not quote what it is about: it may be part of a password.
var errEncoding = errors.New("sqlstore: the URL cannot be read:" +
	" a special character in the user's name, the password or a parameter has to be percent-encoded")

// parseServerURL reads a URL. What a password that is not encoded would turn
// into is refused here, where it is known not to be repeated.
func parseServerURL(rawURL string) (serverURL, error) {
	var u serverURL
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok {
		return u, errors.New("sqlstore: the URL has no // after its scheme")
	}
	u.scheme = scheme
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, slash := strings.Cut(rest, "/")
	if slash {
		u.path = "/" + path
	}
	user, hosts, found := cutLast(authority, "@")
	if !found {
		user, hosts = "", authority
	}
	u.hosts = hosts
	u.user, u.password, _ = strings.Cut(user, ":")
	for _, part := range []string{u.user, u.password, u.path} {
		if _, err := url.PathUnescape(part); err != nil || strings.ContainsAny(part, "@#:") {
			return u, errEncoding
		}
	}
	for host := range strings.SplitSeq(hosts, ",") {
		if !validHost(host) {
			return u, errEncoding
		}
	}
	return u, u.setQuery(query)
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// validHost tells whether s is host, host:port, or an IPv6 address in brackets.
func validHost(s string) bool {
	if after, ok := strings.CutPrefix(s, "["); ok {
		_, port, found := strings.Cut(after, "]")
		return found && (port == "" || validPort(port))
	}
	host, _, _ := strings.Cut(s, ":")
	return !strings.ContainsAny(host, "#%&=[] ") && (host == s || validPort(s[len(host):]))
}

func validPort(s string) bool {
	digits, found := strings.CutPrefix(s, ":")
	_, err := strconv.ParseUint(digits, 10, 16)
	return found && err == nil
}

// setQuery takes the store's parameters, and keeps the driver's.
func (u *serverURL) setQuery(query string) error {
	given := map[string]bool{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, escaped, _ := strings.Cut(pair, "=")
		value, err := url.QueryUnescape(escaped)
		if err != nil || strings.Trim(name, nameBytes) != "" || strings.ContainsAny(pair, "#;") {
			return errEncoding
		}
		if given[name] {
			return fmt.Errorf("sqlstore: parameter %s is given twice", name)
		}
		given[name] = true
		switch name {
		case "table":
			if err := checkTable(value); err != nil {
				return err
			}
			u.opts.Table = value
			if schema, table, found := strings.Cut(value, "."); found {
				if schema == "" || table == "" || strings.Contains(table, ".") {
					return fmt.Errorf("sqlstore: parameter table is %q, want a table, or a schema, a dot and a table", value)
				}
				u.opts.Schema, u.opts.Table = schema, table
			}
		case "pooler":
			if value != "true" && value != "false" {
				return fmt.Errorf("sqlstore: parameter pooler is %q, want true or false", value)
			}
			u.opts.Unprepared = value == "true"
		default:
			u.driverRaw = append(u.driverRaw, pair)
		}
	}
	return nil
}

// nameBytes are what the names of parameters are made of.
const nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

// setDefault adds a parameter for the driver, unless the URL has it.
func (u *serverURL) setDefault(name, value string) {
	if !slices.ContainsFunc(u.driverRaw, func(pair string) bool { return strings.HasPrefix(pair, name+"=") }) {
		u.driverRaw = append(u.driverRaw, name+"="+value)
	}
}

// query is the driver's part of the query, with its question mark.
func (u serverURL) query() string {
	if len(u.driverRaw) == 0 {
		return ""
	}
	return "?" + strings.Join(u.driverRaw, "&")
}

// secrets are the texts that no error may print.
func (u serverURL) secrets() []string {
	found := []string{u.password}
	for _, pair := range u.driverRaw {
		if name, value, _ := strings.Cut(pair, "="); strings.Contains(strings.ToLower(name), "password") {
			found = append(found, value)
		}
	}
	for _, s := range slices.Clone(found) {
		path, _ := url.PathUnescape(s)
		query, _ := url.QueryUnescape(s)
		found = append(found, path, query)
	}
	found = slices.DeleteFunc(found, func(s string) bool { return s == "" })
	// The longest first, so that no rest of it is left.
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(found)
}

// redact returns err without the URL's password. Drivers quote what they
// cannot parse.
func (u serverURL) redact(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, secret := range u.secrets() {
		text = strings.ReplaceAll(text, secret, "xxxxx")
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text) // what it wraps would tell
}
