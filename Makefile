# `make demo` shows the product, `make test` proves it; `make help` lists the rest.
# Wanted beforehand: Rust 1.95, Node 20.19 or newer with npm, a C compiler and make.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CARGO ?= cargo
NPM ?= npm
comma := ,
WEB := services/web
BROWSER := tests/browser
WEB_SOURCES := $(shell find $(WEB)/src $(WEB)/public $(WEB)/widget -type f 2>/dev/null) $(wildcard $(WEB)/*.html $(WEB)/*.ts $(WEB)/*.json)

.PHONY: help build demo test test-crash test-esdb bench bench-log bench-start bench-media ui peers fmt lint clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ui ## Build the pages and the program (release): target/release/rapport
	$(CARGO) build --release --locked -p rapport

demo: build ## Build, then run a hub with simulated customers and agents; Ctrl-C ends it
	target/release/rapport demo $(ARGS)

test: ## Everything that is checked before a merge; installs missing peers
	@scripts/test

test-crash: ui ## Kill the hub 100 times under load and look for anything lost (N=500 for another number)
	@scripts/install-peers sipp
	$(CARGO) build --workspace --all-targets --locked
	KILLS=$(or $(N),$(KILLS),100) $(CARGO) test --workspace --locked --test kills -- --nocapture

test-esdb: ## The log's contract against a real EventStoreDB/KurrentDB: ADDRESS=esdb://user:password@host:2113?tls=true (CA=file.pem)
	@[ -n "$(ADDRESS)" ] || { echo "make test-esdb needs a server: ADDRESS='esdb://admin:changeit@127.0.0.1:2113?tls=false' make test-esdb"; \
	  echo "CA=file.pem names certificates to trust. The server must take appends of 2 MB (MaxAppendSize); streams get names of their own."; exit 2; }
	RAPPORT_TEST_ESDB='$(ADDRESS)' $(if $(CA),RAPPORT_TEST_ESDB_CA='$(CA)') \
	  $(CARGO) test -p rapport-event-log --features eventstore --locked --test real_cluster

bench: ui ## Measure against the budgets of docs/PERFORMANCE.md (JSON=1: one object a line)
	@scripts/bench

bench-log: ## Measure the log alone: load, delivery, reopening 1 M and 10 M events, beside PostgreSQL and UmaDB (EVENTS=n,n)
	@ONLY=log EVENTS=$(or $(EVENTS),1000000$(comma)10000000) scripts/bench

bench-start: ui ## Measure how soon a hub with 1 M and 10 M events serves, and what it keeps in memory (EVENTS=n,n)
	@ONLY=start EVENTS=$(or $(EVENTS),1000000$(comma)10000000) scripts/bench

bench-media: ui ## Measure the media relay beside a bare one
	@ONLY=media scripts/bench

ui: $(WEB)/dist/index.html ## Build the pages only

$(WEB)/node_modules/.package-lock.json: $(WEB)/package-lock.json
	cd $(WEB) && $(NPM) ci
	@touch $@

$(WEB)/dist/index.html: $(WEB)/node_modules/.package-lock.json $(WEB_SOURCES)
	cd $(WEB) && $(NPM) run build
	@touch $@

$(BROWSER)/node_modules/.package-lock.json: $(BROWSER)/package-lock.json
	cd $(BROWSER) && $(NPM) ci
	@touch $@

peers: $(BROWSER)/node_modules/.package-lock.json ## Install what the end-to-end tests talk to
	@scripts/install-peers

fmt: ## Format the Rust sources
	$(CARGO) fmt --all

lint: ui ## Format check, clippy and the type check of the pages
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	cd $(WEB) && $(NPM) run check

clean: ## Remove everything that was built
	$(CARGO) clean
	rm -rf $(WEB)/dist $(WEB)/node_modules $(BROWSER)/node_modules
