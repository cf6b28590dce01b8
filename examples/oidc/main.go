// Oidc signs users in at an OpenID provider, which is another site: what it
// sends the browser back with is a request from there, and brings only the
// cookies that SameSite lets through. The program shows what to keep where:
//
//	go run ./oidc            # the site's own cookie is SameSite=Lax, the default
//	go run ./oidc -strict    # it is Strict
//
// A small provider is served beside it, on 127.0.0.1, which for browsers is
// another site than localhost.
//
// Begin with site.go, which has the managers and the routes; flow.go has what is
// kept of a sign-in under way, redirect.go the common case, arrival.go that of a
// provider which answers with a form, or of a Strict cookie. See also
// docs/signin-elsewhere.md.
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
	"time"

	"github.com/b4468f51/session/examples/oidc/provider"
	"github.com/b4468f51/session/store/memstore"
)

const clientID = "example"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "oidc:", err)
		os.Exit(1)
	}
}

// run serves the site and the provider until ctx is done.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("oidc", flag.ContinueOnError)
	port := flags.String("port", "8080", "`port` of the site on localhost")
	providerPort := flags.String("provider-port", "8081", "`port` of the provider on 127.0.0.1")
	strict := flags.Bool("strict", false, "keep the site's session in a cookie with SameSite=Strict")
	if err := flags.Parse(args); err != nil {
		return err
	}

	siteListener, err := net.Listen("tcp", "localhost:"+*port)
	if err != nil {
		return err
	}
	defer siteListener.Close()
	providerListener, err := net.Listen("tcp", "127.0.0.1:"+*providerPort)
	if err != nil {
		return err
	}
	defer providerListener.Close()

	_, siteAt, _ := net.SplitHostPort(siteListener.Addr().String())
	siteURL, issuer := "http://localhost:"+siteAt, "http://"+providerListener.Addr().String()
	s, err := newSite(memstore.New(), siteURL, client{issuer: issuer, id: clientID}, *strict)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	fmt.Fprintf(out, "Open %s\n", siteURL)
	return serve(ctx, map[net.Listener]http.Handler{
		siteListener:     s.routes(),
		providerListener: provider.New(issuer, clientID, s.redirectURIs()...),
	})
}

// serve serves handlers until ctx is done or one of them fails.
func serve(ctx context.Context, handlers map[net.Listener]http.Handler) error {
	failed := make(chan error, len(handlers))
	var servers []*http.Server
	for listener, h := range handlers {
		server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
		servers = append(servers, server)
		go func() { failed <- server.Serve(listener) }()
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(limited))
	}
	return err
}
