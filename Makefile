.DEFAULT_GOAL := help
.PHONY: help test short chaos bench mutants screenshots lint fmt run postgres

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## Check everything, on SQLite and a throw-away PostgreSQL; what CI runs
	@.ci/test

short: ## Tests on SQLite only, without the race detector
	CHECKOUT_TEST_POSTGRES= go test -short ./...

chaos: ## Kill, cut, fill and race for up to 10 minutes; make test does a short form of it
	@.ci/test chaos

bench: ## Benchmarks, on SQLite and a throw-away PostgreSQL
	@.ci/test bench

mutants: ## Put ten known mistakes into copies of the code and show that the tests notice each
	@.ci/test mutants

screenshots: ## Pictures of every state of the page, into the folder screenshots
	@.ci/test screenshots

lint: ## More linters than the test runs, if golangci-lint is installed
	@command -v golangci-lint >/dev/null || { \
		echo "golangci-lint is missing: go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0"; exit 1; }
	golangci-lint run

fmt: ## Format the Go files
	find . -name node_modules -prune -o -name '*.go' -exec gofmt -w {} +

run: ## Start the example shop
	go run ./examples/shop

postgres: ## Start a throw-away PostgreSQL, print its DSN, stop it on Ctrl-C
	@.ci/test postgres
