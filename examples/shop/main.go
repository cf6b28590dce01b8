// Shop is a small site with accounts and a cart. It shows how the session
// library is used in a whole program:
//
//	go run ./shop
//
// Accounts and sessions are kept in shop.db. Sessions may be in any other store:
//
//	go run ./shop -store memory:
//	go run ./shop -store postgres://postgres@localhost/shop
//	go run ./shop -store redis://localhost
//
// Begin with routes.go, which has the chain of middleware; accounts.go signs
// in and out, cart.go changes a value that concurrent requests share, and
// flash.go shows a message once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/b4468f51/session"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

// run serves the shop until ctx is done, and lets what is under way finish.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("shop", flag.ContinueOnError)
	addr := flags.String("addr", "localhost:8080", "`address` to listen on")
	storeURL := flags.String("store", "sqlite:shop.db", "`URL` of the session store: memory:, sqlite:FILE, or one of postgres, mysql, redis, redis+sentinel and redis+cluster")
	userFile := flags.String("users", "shop.db", "`file` of the users' database")
	insecure := flags.Bool("insecure", false, "send cookies without Secure, for a browser that refuses those on http://localhost")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}

	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return fmt.Errorf("%w (choose another address with -addr)", err)
	}
	defer listener.Close()

	users, err := openUsers(*userFile, newHasher(strongHash))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, users.close()) }()

	sessions, err := session.Open(*storeURL, sessionConfig(*insecure))
	if err != nil {
		return err
	}
	// Deferred calls run last to first: the server is shut down by then, so
	// no request needs the sessions any more.
	defer func() { err = errors.Join(err, sessions.Close()) }()

	server := &http.Server{
		Handler:           newShop(users, sessions),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      45 * time.Second, // longer than a password waits to be hashed
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	fmt.Fprintf(out, "Open %s\n", openURL(listener.Addr(), *addr))
	return serve(ctx, server, listener)
}

func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(limited); err != nil {
		return errors.Join(fmt.Errorf("shut down: %w", err), server.Close())
	}
	return nil
}

// openURL names the address that was asked for, with the port that was got.
func openURL(got net.Addr, asked string) string {
	host, _, _ := net.SplitHostPort(asked)
	_, port, _ := net.SplitHostPort(got.String())
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
