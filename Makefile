# make help lists what there is. Nothing but Go is needed for make run.

MODULES := . store/redisstore examples internal/integration internal/bench

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
BENCHSTAT   := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

# The newest of each Go release that is supported.
TOOLCHAINS := go1.26.11 go1.27.4

GOTESTFLAGS ?=
FUZZTIME    ?= 30s
BENCH       ?= .
BENCHTIME   ?= 0.3s
COUNT       ?= 6
OUT         ?=
PROFILE     ?=
ADDR        ?= localhost:8080
RUNFLAGS    ?=

# What may be broken: the face, its companions, and the rooms, not the helpers of tests.
ROOMS       := $(addprefix ./internal/,account carrier change commit envelope life limit mark respond sid)
MUTANTS     ?= 200
SEED        ?= 1

.PHONY: help run check test toolchains deps lint mutate bench bench-scale bench-stores bench-growth performance report soak capacity ends fuzz clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## serve the example shop on http://localhost:8080 (RUNFLAGS="-store memory: -insecure")
	@echo "The first time this builds SQLite and what else the shop needs, which takes a few minutes."
	cd examples && go run ./shop -addr $(ADDR) $(RUNFLAGS)

# Alone, a module has the versions that its own go.mod asks for. In internal/integration the contract shows what they do:
# its other tests take minutes, and have just run.
test: deps ## run every test of every module with the race detector, then each module alone; artifacts/ has screenshots
	@rm -rf artifacts && mkdir artifacts
	go test -race -timeout 30m -artifacts -outputdir $(CURDIR)/artifacts $(GOTESTFLAGS) work
	@set -e; for m in $(MODULES); do \
		echo "== $$m alone"; \
		case $$m in internal/integration) run=TestStores ;; *) run=. ;; esac; \
		(cd $$m && GOWORK=off go mod tidy -diff && GOWORK=off go test -timeout 30m -run $$run $(GOTESTFLAGS) ./...); \
	done

check: ## gofmt, go vet, staticcheck and the tests of the root module alone: no servers, for every save
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; }
	GOWORK=off go vet ./...
	GOWORK=off go run $(STATICCHECK) ./...
	GOWORK=off go test ./...

toolchains: ## run the root module's tests with each Go release that is supported
	@set -e; for t in $(TOOLCHAINS); do echo "== $$t"; GOTOOLCHAIN=$$t GOWORK=off go test $(GOTESTFLAGS) ./...; done

# What the tests start beside Go: a program, and the Debian package that has it.
deps: ## install what the tests need (Debian; elsewhere: say what is missing)
	@missing=; need() { \
		for f in "$$@"; do for found in $$(command -v $$f) $$f; do test -x "$$found" && return; done; done; \
		missing="$$missing $$pkg"; }; \
	pkg=gcc; need gcc clang; \
	pkg=redis-server; need redis-server valkey-server; \
	pkg=postgresql; need /usr/lib/postgresql/*/bin/postgres; \
	pkg=mariadb-server; need mariadbd /usr/sbin/mariadbd; \
	pkg=pgbouncer; need pgbouncer /usr/sbin/pgbouncer; \
	pkg=chromium; need chromium chromium-browser google-chrome; \
	test -z "$$missing" && exit 0; \
	if command -v apt-get >/dev/null && test "$$(id -u)" = 0; then \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing libc6-dev; \
	else echo "make test: not installed, so their tests are skipped:$$missing" >&2; fi

lint: ## gofmt, go vet, staticcheck, and govulncheck where its database can be reached
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; }
	go vet work
	@sum=$$(cat go.work.sum); go doc . >/dev/null; go list ./... >/dev/null; go list -m all >/dev/null; \
		test "$$sum" = "$$(cat go.work.sum)" || { echo "go.work.sum was not complete: commit it as it is now"; exit 1; }
	@set -e; for m in $(MODULES); do \
		echo "== staticcheck $$m"; \
		(cd $$m && GOWORK=off go run $(STATICCHECK) ./...); \
	done
	@for m in $(MODULES); do \
		echo "== govulncheck $$m"; \
		out=$$(cd $$m && GOWORK=off go run $(GOVULNCHECK) ./... 2>&1); code=$$?; \
		case "$$code:$$out" in \
			0:*) ;; \
			*"fetching vulnerabilities"*|*"lookup "*|*"dial "*) echo "its database cannot be reached from here: not checked"; break ;; \
			*) echo "$$out"; exit 1 ;; \
		esac; \
	done

# Results are kept where OUT says, for make performance. What the collector costs
# depends on how much is alive, so both are measured: see internal/bench.
bench: ## measure one request in memory, beside a bare handler, a hand-written limit, scs and gorilla/sessions
	@out=$$(mktemp -d) && cd internal/bench && go test -c -o $$out/bench.test . && \
	run() { \
		for i in $$(seq $(COUNT)); do \
			$$out/bench.test -test.run '^$$' -test.bench '$(BENCH)' -test.skip Scale -test.benchtime $(BENCHTIME) | tee -a $$out/$$1.txt; \
		done; }; \
	run in-process && SESSION_BENCH_SMALL_HEAP=1 run in-process-small-heap && \
	for name in in-process in-process-small-heap; do \
		case $$name in \
			*small*) echo "== with the small heap of a program that does nothing else" ;; \
			*) echo "== with 128 MiB held live" ;; \
		esac; \
		go run $(BENCHSTAT) -col '/lib@(limit session scs gorilla bare)' $$out/$$name.txt; \
		test -z "$(OUT)" || cp $$out/$$name.txt $(abspath $(OUT))/ || exit 1; \
	done && rm -r $$out

bench-scale: ## measure a million sessions in memory, and with LARGE=1 five and ten million (10 minutes, 8 GB)
	cd internal/bench && SESSION_BENCH_LARGE=$(LARGE) go test -run '^$$' -bench Scale -benchtime 1x -timeout 60m . \
		| tee $(if $(OUT),$(abspath $(OUT))/scale.txt)

bench-stores: deps ## measure stores over the network, beside scs and a bare query (6 minutes; ROUNDS=5 MILLISECONDS=2000)
	cd internal/bench && SESSION_BENCH_OUT=$(if $(OUT),$(abspath $(OUT))) SESSION_BENCH_ROUNDS=$(ROUNDS) \
		SESSION_BENCH_MILLISECONDS=$(MILLISECONDS) SESSION_BENCH_PROFILE=$(if $(PROFILE),$(abspath $(PROFILE))) \
		go test -run '^$$' -bench Stores -benchtime 1x -timeout 30m ./network

bench-growth: deps ## measure how the cost of a request grows (15 minutes; ROUNDS=3 MILLISECONDS=1000, LIVE=10000000 sessions in memory)
	cd internal/bench && SESSION_BENCH_OUT=$(if $(OUT),$(abspath $(OUT))) SESSION_BENCH_ROUNDS=$(ROUNDS) \
		SESSION_BENCH_MILLISECONDS=$(MILLISECONDS) SESSION_BENCH_LIVE=$(LIVE) \
		go test -run '^$$' -bench Growth -benchtime 1x -timeout 60m ./network

performance: ## measure everything again, and write docs/performance.md (half an hour on a quiet machine)
	$(MAKE) bench bench-scale bench-stores bench-growth OUT=docs/performance
	$(MAKE) report

report: ## draw the plots and tables of docs/performance.md from docs/performance
	cd internal/bench && go run ./report ../../docs

soak: deps ## repeat the histories at random and the faults under a larger load, and measure what weaker settings lose
	SESSION_SOAK=1 go test -race -count=1 -v -timeout 120m -run '^(TestHistories|TestAnyCallsInAnyOrder)$$' ./internal/tests/concurrent
	@out=$$(mktemp) && cd internal/integration && \
		SESSION_SOAK=1 go test -race -count=1 -v -timeout 60m -run '^(TestFault|TestNobodyReads)' . >$$out; code=$$?; \
		grep -E 'requests|values read|^ *--- |^ *[a-z_]*\.go:|^(ok|FAIL|PASS)' $$out; rm -f $$out; exit $$code

capacity: deps ## measure each store: bytes a session, operations a second and core
	cd internal/integration && go test -run '^$$' -bench Capacity -benchtime 1x -timeout 30m .

ends: deps ## measure how long a stream takes to hear that its session was revoked on another machine (2 minutes)
	cd internal/integration && go test -run '^$$' -bench Ends -benchtime 1x -timeout 10m .

fuzz: ## run each fuzz test for FUZZTIME
	@set -e; for p in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for f in $$(grep -ho --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' $$p/*_test.go | cut -d' ' -f2); do \
			echo "== $$p $$f"; (cd $$p && go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) .); \
		done; \
	done

# Promises are held over HTTP by internal/integration; on memory that takes seconds.
mutate: ## break one line at random, MUTANTS times, and list what no test notices (SEED=1; two hours for 200)
	go run ./testdata/mutate -n $(MUTANTS) -seed $(SEED) \
		-tests "go test -count=1 -timeout 120s . ./csrf ./guard ./flash ./internal/...;go test -count=1 -timeout 300s -run /memory ./internal/integration" \
		. ./csrf ./guard ./flash $(ROOMS)

clean: ## remove what make run and make test left
	rm -rf artifacts
	rm -f examples/*.db examples/*.db-wal examples/*.db-shm
