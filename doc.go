// Package session keeps the sessions of net/http applications: a middleware
// finds the session of a request, or makes one, hands it to the handler in the
// request's context, and writes what changed, and the cookie, before the first
// byte of the answer leaves.
//
// # Quick start
//
//	sessions, err := session.NewManager(memstore.New(), session.Config{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer sessions.Close()
//
//	mux := http.NewServeMux()
//	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
//		s := session.FromContext(r.Context())
//		err := visits.Update(s, func(n int) (int, error) { return n + 1, nil })
//		...
//	})
//	crossOrigin := http.NewCrossOriginProtection()
//	http.ListenAndServe(":8080", alice.New(crossOrigin.Handler, sessions.Handler).Then(mux))
//
// with a typed key beside it:
//
//	var visits = session.NewKey[int]("visits")
//
// To sign somebody in call [Session.Login], to sign out [Session.Destroy].
//
// # Stores
//
// Package store holds the contract, and the packages below it the stores:
// memstore for one process, sqlstore for SQLite, PostgreSQL and MySQL,
// redisstore, a module of its own, for Redis. [Open] takes any of them
// by URL, once its package is imported. Package store/storetest checks a store
// of your own.
//
// # The life of a session
//
// A client holds a token: the session's public ID, and a secret of which the
// server keeps a hash only. What a request finds, and what it leaves, is one of
// these states:
//
//	the request came with              the handler has             and may
//	--------------------------------   -------------------------   ---------------------------------
//	no token, or one that is           a new session, IsNew;       change it: stored, cookie set.
//	malformed, unknown, expired        nothing is stored           Unchanged: no store, no cookie
//	a good token                       its session                 read it for free, or change it
//	a token replaced by a rotation     the same session, for       do the same
//	or by SetLifetime                  Config.Grace
//	a token killed by Login, Renew     a session that has ended:   Login: a new session begins.
//	or Reauthenticate less than        it reads as empty           Else ErrEnded, and no cookie
//	Config.Grace ago
//	a good token, while the store      not run: Config.            —
//	does not answer                    ErrorHandler answers 503
//
// The table shows how a request begins. While its handler runs, the session is in one of these
// phases, which says what each method does:
//
//	phase     reading  Set and others  Login         Save       Reload     Touch      Destroy
//	--------  -------  --------------  ------------  ---------  ---------  ---------  ---------
//	fresh     yes      yes             yes           yes        yes        yes        yes
//	stored    yes      yes             yes           yes        yes        yes        yes
//	viewed    yes      an error        an error      an error   yes        an error   an error
//	failed    yes      the error       the error     the error  the error  the error  yes
//	ended     empty    ErrEnded        begins anew   ErrEnded   ErrEnded   ErrEnded   ErrEnded
//	done      yes      ErrDone         ErrDone       ErrDone    ErrDone    ErrDone    ErrDone
//
// A session is fresh until something of it is stored. It is viewed in [Manager.View]. It has
// failed once the error of a commit was the answer, or once the store's answer to a write was
// lost: "the error" is the error of that commit. It has ended once its record or its token is
// gone, and is done when the handler has returned.
//
// These methods change the session. Where two of one handler contradict each other, the later one
// wins. At most one cookie is set:
//
//	Set, Update, Pop, Delete, Clear    pending until the commit, seen at once by Get
//	Login                              new token; the ID and the values stay. Where another
//	                                   subject is signed in, another session begins, empty
//	Renew                              new token, all else stays
//	Reauthenticate                     new token, and another deadline; all else stays
//	SetLifetime                        another deadline, and a new token as by a rotation
//	Destroy                            gone at once; what is set afterwards begins a new session
//	Discard                            as at the last commit
//	Save                               commit now
//
// The commit happens before the first byte of the answer, at each Save, and once more when
// the handler returns if it changed something after the first byte. If the commit fails, the
// client gets the error answer instead of the handler's.
//
// An answer of status 500 or above, and a panic, commit nothing. What Save or Destroy did
// before stays done. After such a status only a Save keeps changes.
//
// # Concurrent requests
//
// A session keeps what its handler did as operations, not as a copy of the whole. The commit
// is a compare-and-swap: it writes only if nobody has written since the load. If another
// request was first, the commit applies the operations
// again to the newer state. So changes of different keys never undo each other, and
// [Key.Update] composes. If two requests Set one key, the last commit wins. If two requests
// Pop one value, one gets it and the commit of the other fails. A session that was
// destroyed, revoked or renewed meanwhile takes no more changes: [ErrEnded].
//
// # Accounts
//
// [Session.Login] binds a session to a subject. [Manager.List] is "your devices",
// with what [Session.SetLabel] and Config.Client kept; [Manager.RevokeFor] signs
// one of them out, [Manager.RevokeOthers] all but this one, [Manager.RevokeAll]
// all. A sign-in that checked its password before a RevokeAll, and is committed
// after it, fails. [Session.SetLifetime] is "remember me", Config.MaxSessions
// limits how many sessions a subject has, and Config.AdmitAnonymous and
// AnonymousLifetime those of visitors.
//
// Package guard has the middleware that stands before what takes a sign-in, a recent
// one, or a strong one; a page that asks once more calls [Session.Reauthenticate].
// Package csrf has tokens for forms. Package flash has messages for the next page. All
// three stand on what is exported here, as a package of yours can: see [Manager.Inside],
// [Manager.Answer], [Manager.Report] and [Session.Binding].
//
// # What stands where
//
// The middleware commits when the handler below it writes the first byte or returns, and
// commits nothing if the status is 500 or above. So put everything that decides about the
// answer inside of the middleware. Put what only watches, or refuses requests by itself,
// outside of it:
//
//	what          where    how, and why
//	-----------   -------  ------------------------------------------------------------------
//	access log    outside  It sees the status of error answers, and the r.Pattern of a router.
//	recovery      either   A panic commits nothing. Outside, http.ErrAbortHandler has to pass,
//	                       which aborts an answer whose late changes could not be saved: chi's
//	                       Recoverer lets it, RecoveryHandler of gorilla/handlers does not.
//	compression   either   CompressHandler of gorilla/handlers, chi's Compress, gzhttp.
//	uploads       outside  Limit them with http.MaxBytesHandler. Inside, that does not close the
//	                       connection of a client that sends more.
//	CSRF          both     http.CrossOriginProtection outside, csrf.Require inside.
//	timeouts      inside   http.TimeoutHandler, chi's Timeout. Outside, a late commit happens and
//	                       its answer is lost: Login, Renew and Reauthenticate replace the token
//	                       at once, so the client is signed out. SetLifetime and rotation do not.
//	chi           outside  r.Use(m.Handler). With m.Handler(r) the files of uploads stay, as they
//	                       do without this package: chi gives handlers a copy of the request.
//	gorilla/mux   outside  As chi.
//	gin           inside   m.Handler(engine). An adapter for engine.Use has to replace gin's
//	                       writer too: one that does not is reported, and sets no cookie.
//	echo          inside   m.Handler(e). Not e.Use(echo.WrapMiddleware(m.Handler)): echo answers
//	                       an error of a handler after that has committed.
//	proxies       inside   httputil.ReverseProxy. Remove the cookie from what goes upstream, as
//	                       the gateway example of Handler does.
//	WebSockets    inside   See below.
//
// A stream of server-sent events or a WebSocket goes on with the session of its request.
// [Session.Watch] returns a context for it, which ends when the session does, as by a
// sign-out on another machine. Call [Session.Touch] when the stream shows that its user is
// there, and [Session.Save] after a change.
//
// With coder/websocket a handshake may set the cookie as any answer does. gorilla/websocket
// writes its answer past the ResponseWriter: a handshake that has to set a cookie is refused.
// Let a page set it before. Or leave the path out with Config.Skip, call [Manager.Start], and
// hand w.Header() to Upgrade.
//
// A handshake is a GET, which neither http.CrossOriginProtection nor csrf.Require looks at.
// Both libraries refuse other origins unless CheckOrigin or OriginPatterns say otherwise.
// With one that does not, ask csrf.SameOrigin.
//
// A program that signs users in at a provider, with OAuth or OpenID Connect, may
// need a second Manager: see docs/signin-elsewhere.md. One that serves browsers
// and apps has one Manager for the cookie and one for Config.Header, with one
// Config.App over one store: see examples/api.
//
// # Cookies
//
// The cookie is __Host-id, or __Host- and Config.App. It is Secure, HttpOnly,
// SameSite=Lax, for this host and all paths, and lasts as long as the browser
// runs. [Cookie] changes that, and NewManager refuses what browsers would. Only the
// cookie is read, never a URL, a form or another header; with Config.Header only
// that header, for clients that are no browsers.
//
// Every answer that sets the cookie carries Cache-Control: no-store, and no header
// that some caches prefer to it, such as CDN-Cache-Control. Every answer to a request
// with a token carries Vary: Cookie, and so does one whose handler used the session
// before the first byte.
//
// A request that carries the cookie twice is treated as anonymous. If the name has no
// __Host- prefix, up to three are tried, and the session is used if exactly one of them is
// valid. Login and Destroy end the session of every valid token that the request carries, so
// signing in or out ends the confusion.
//
// If another site posts a form, the browser leaves the cookie out, because of SameSite=Lax.
// What the handler of such a request sets is stored, but no session cookie is sent: it would
// replace the one that the browser holds, and sign the user out. Only a Login sends one. With
// SameSite=Strict this is true of a link on another site, too. The header Sec-Fetch-Site of
// today's browsers tells such requests.
//
// Browsers drop Secure cookies that come by http, and most of them make an
// exception for localhost. On any other host without TLS develop with
// Cookie.Insecure; the log names such hosts.
//
// Session cookies alone do not stop forged requests from other sites: put
// [http.CrossOriginProtection] before the middleware. Require of package csrf,
// after it and inside of guard.RequireSubject, asks for a token besides, which csrf.Field
// puts into forms: for browsers that tell nothing of a request's origin. Both let a
// WebSocket handshake pass, which is a GET: ask csrf.SameOrigin before an upgrade.
//
// # Time
//
// A session ends at its deadline, Config.Lifetime after it began or its subject
// signed in, and Config.IdleTimeout after its last use. Both are enforced by
// the server. Use is written down at most once per Config.TouchInterval, so a
// session may end that much earlier. Times are whole milliseconds of UTC.
//
// Every request with the session is a use of it. A page that polls would keep its
// session alive for as long as it is open: name such requests in Config.Passive.
// [Manager.Edit] and [Manager.View] do not count as use.
//
// # Testing
//
// Nothing here has a clock to set: package testing/synctest makes hours pass
// at once. Package sessiontest puts a session into a request without a
// middleware.
//
// # What is promised
//
// README.md lists the promises; each is held by tests of its name. The
// encoding of stored sessions is versioned: every later version reads what a
// released one wrote, and versions can run side by side.
package session
