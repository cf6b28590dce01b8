// Package load sends requests to a server as fast as it answers them, over
// connections that stay open, and says how fast that was. It is lean, since it
// runs on the cores that the server runs on: a request is bytes made before, and
// of a response no more is read than where it ends and which cookie it sets.
package load

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A Spec says what to send.
type Spec struct {
	Addrs    []string // servers; clients are spread over them
	Path     string
	Clients  int // each with a connection and sessions of its own
	Duration time.Duration
	Requests int // of each client at most; 0 for as many as fit into Duration

	// CookieName and Tokens are the cookie of each session. In place of Tokens,
	// Template is a token and Sessions how many there are: the i-th has the ID
	// that DerivedID gives, and the secret of the template.
	CookieName string
	Tokens     []string
	Template   string
	Tag        string
	Sessions   int

	// Follow has each client use one session alone, with the token that the last
	// response has set. It is the client's Skip-th of the population.
	Follow bool
	Skip   int

	// Fresh sends no cookie: each request is a visitor's, and Tokens of the
	// Result are those that were given out.
	Fresh bool
}

// A Result is what came of it. Tokens are those that the clients had at the end.
type Result struct {
	Requests  int
	Wall      time.Duration
	P50, P99  time.Duration
	Max       time.Duration
	Tokens    []string `json:",omitempty"`
	LastReply string
}

// PerSecond is how many requests were answered in a second.
func (r Result) PerSecond() float64 { return float64(r.Requests) / r.Wall.Seconds() }

// DerivedID is the ID of the i-th session of a population.
func DerivedID(tag string, i int) [16]byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", tag, i))
	return [16]byte(sum[:])
}

// Run sends requests until the time is up. A response that is not 200 is an
// error: nothing that does not work is measured.
func Run(s Spec) (Result, error) {
	clients := make([]*client, s.Clients)
	for i := range clients {
		c, err := s.dial(i)
		if err != nil {
			return Result{}, err
		}
		defer c.conn.Close()
		clients[i] = c
	}
	begin := time.Now()
	end := begin.Add(s.Duration)
	errs := make([]error, len(clients))
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() { errs[i] = c.run(end, s.Requests) })
	}
	wg.Wait()
	wall := time.Since(begin)
	if err := errors.Join(errs...); err != nil {
		return Result{}, err
	}
	var took []time.Duration
	r := Result{Wall: wall}
	for _, c := range clients {
		took = append(took, c.took...)
		r.Tokens = append(r.Tokens, c.tokens...)
		r.LastReply = string(c.body)
	}
	if len(took) == 0 {
		return Result{}, errors.New("load: no request was answered in time")
	}
	slices.Sort(took)
	at := func(percent int) time.Duration { return took[(len(took)-1)*percent/100] }
	r.Requests, r.P50, r.P99, r.Max = len(took), at(50), at(99), took[len(took)-1]
	return r, nil
}

// A client is one connection. It takes its sessions in turn.
type client struct {
	spec   *Spec
	conn   net.Conn
	in     *bufio.Reader
	out    []byte // the request, up to the token
	body   []byte // of the last response
	tokens []string
	secret []byte // of the template
	first  int    // the sessions of the template that are this client's
	count  int
	took   []time.Duration
}

func (s *Spec) dial(i int) (*client, error) {
	addr := s.Addrs[i%len(s.Addrs)]
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	c := &client{spec: s, conn: conn, in: bufio.NewReader(conn), took: make([]time.Duration, 0, 1<<14)}
	c.out = fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n"+
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"+
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"+
		"Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n"+
		"Cookie: theme=dark; lang=en", s.Path, addr)
	if s.Template != "" {
		token, err := base64.RawURLEncoding.DecodeString(s.Template)
		if err != nil || len(token) != 48 {
			return nil, fmt.Errorf("load: %q is not a token", s.Template)
		}
		c.secret = token[16:]
		c.first, c.count = share(s.Sessions, i, s.Clients)
		if s.Follow {
			c.tokens, c.secret = []string{c.derived(s.Skip % c.count)}, nil
		}
		return c, nil
	}
	first, count := share(len(s.Tokens), i, s.Clients)
	c.tokens = slices.Clone(s.Tokens[first : first+count])
	return c, nil
}

// share is the part of n things that is the i-th of several clients' own. Where
// there are too few for all, several have the same one.
func share(n, i, clients int) (first, count int) {
	if n == 0 {
		return 0, 0
	}
	if n < clients {
		return i % n, 1
	}
	first = n * i / clients
	return first, n*(i+1)/clients - first
}

func (c *client) run(end time.Time, most int) error {
	if err := c.conn.SetDeadline(end.Add(30 * time.Second)); err != nil {
		return err
	}
	var request []byte
	for n := 0; most == 0 || n < most; n++ {
		begin := time.Now()
		if begin.After(end) {
			return nil
		}
		request = append(request[:0], c.out...)
		request = append(c.appendCookie(request, n), "\r\n\r\n"...)
		if _, err := c.conn.Write(request); err != nil {
			return err
		}
		token, err := c.response()
		if err != nil {
			return fmt.Errorf("load: %s: %w", c.spec.Path, err)
		}
		c.took = append(c.took, time.Since(begin))
		switch {
		case token == "" || c.secret != nil:
		case c.spec.Fresh || len(c.tokens) == 0:
			c.tokens = append(c.tokens, token)
		default:
			c.tokens[n%len(c.tokens)] = token
		}
	}
	return nil
}

// appendCookie adds the session's cookie. A population is not taken in order, so
// that the neighbours of a session in the store are not the ones asked for next.
func (c *client) appendCookie(b []byte, n int) []byte {
	var token string
	switch {
	case c.spec.Fresh:
		return b
	case c.secret != nil:
		token = c.derived(n * 7919 % c.count)
	case len(c.tokens) > 0 && c.spec.CookieName != "":
		token = c.tokens[n%len(c.tokens)]
	default:
		return b
	}
	b = append(append(b, "; "...), c.spec.CookieName...)
	return append(append(b, '='), token...)
}

// derived is the token of the client's n-th session.
func (c *client) derived(n int) string {
	id := DerivedID(c.spec.Tag, c.first+n)
	return base64.RawURLEncoding.EncodeToString(append(id[:], c.secret...))
}

// response reads a response, and returns the token that it sets, if any.
func (c *client) response() (token string, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	status := string(bytes.TrimSpace(line))
	length := -1
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return "", err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return "", err
			}
		case "Set-Cookie":
			cookie, _, _ := bytes.Cut(value, []byte(";"))
			if name, value, _ := bytes.Cut(cookie, []byte("=")); string(name) == c.spec.CookieName {
				token = string(value)
			}
		}
	}
	if length < 0 {
		return "", errors.New("a response without a length: " + status)
	}
	c.body = slices.Grow(c.body[:0], length)[:length]
	if _, err := io.ReadFull(c.in, c.body); err != nil {
		return "", err
	}
	if status != "HTTP/1.1 200 OK" {
		return "", fmt.Errorf("%s: %s", status, c.body)
	}
	return token, nil
}
