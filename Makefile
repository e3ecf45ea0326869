# Landfall. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

step := tools/step
need := tools/need

# One way to compile everything but the race tests, so that the build cache serves builds, tests, the
# linter and the tools alike. The version comes from VERSION, not from the go command's own look at
# git.
export CGO_ENABLED := 0
export GOFLAGS := -trimpath -buildvcs=false

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

web := services/reporter/internal/web
web_sources := $(shell find $(web) \( -name node_modules -o -name dist \) -prune -o -type f ! -name '*.go' -print)
plugin := dashboards/plugin
plugin_sources := $(shell find $(plugin)/src dashboards/json -type f) $(addprefix $(plugin)/,README.md package.json tsconfig.json vite.config.ts)
plugin_folder := build/plugin/landfall-residency-datasource
# The machines that the plugin's backend is built for: this one, unless more are named, such as
# PLUGIN_PLATFORMS='linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64'.
PLUGIN_PLATFORMS ?= $(shell go env GOOS)/$(shell go env GOARCH)
go_modules := . $(plugin)

# The node of the Kafka tests: beside one that `make kafka` started, and fresh each time.
KAFKA_TEST_PORT ?= 19192
kafka_test := KAFKA_PORT=$(KAFKA_TEST_PORT) KAFKA_DIR=build/kafka
# What runs on the embedded broker, and again on real Kafka.
kafka_packages := ./internal/bus ./internal/testkit/kafkatest
# What only the long form of the chaos test is told, beside its DURATION.
SEED ?= 1
BROKER ?= kafka
# The tests' time limit, above the slowest of them.
TEST_TIMEOUT ?= 15m
# How large the benchmarks are.
SHARE ?= 1
RATE ?= 50000

##@ Use

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z][a-z0-9-]*:.*## / {printf "  %-16s %s\n", $$1, $$2}' Makefile

.PHONY: demo
demo: build data ## Play twelve weeks of traffic through everything and show the answer, until Ctrl-C
	@exec bin/landfall demo

.PHONY: demo-check
demo-check: build data ## The same without a person: compare every cell with the truth, print JSON
	@bin/landfall demo --check

.PHONY: build
build: $(web)/dist/index.html ## Build bin/landfall
	@$(need) go
	@$(step) 'build bin/landfall $(VERSION)' \
	  go build -ldflags '-s -w -X main.version=$(VERSION)' -o bin/landfall ./cmd/landfall

.PHONY: web
web: $(web)/dist/index.html ## Build the page, if its sources have changed

.PHONY: data
data: build ## Fetch the data sets and the ClickHouse engine (240 MB), if they are missing
	@$(need) npm
	@$(step) 'data sets' bin/landfall data update engine city asn oui

.PHONY: plugin
plugin: $(plugin)/dist/module.js ## Build the Grafana plugin into build/plugin, its backend for PLUGIN_PLATFORMS
	@$(need) go
	@mkdir -p build/plugin
	@rm -rf $(plugin_folder)
	@cp -r $(plugin)/dist $(plugin_folder)
	@for platform in $(PLUGIN_PLATFORMS); do \
	  os=$${platform%/*} arch=$${platform#*/} end=; \
	  if [ $$os = windows ]; then end=.exe; fi; \
	  GOOS=$$os GOARCH=$$arch $(step) "build the Grafana plugin for $$platform" go -C $(plugin) build -ldflags '-s -w' \
	    -o $(CURDIR)/$(plugin_folder)/gpx_landfall_residency_$${os}_$$arch$$end ./pkg; \
	done

grafana_zip := build/landfall-grafana-$(VERSION).zip

.PHONY: grafana-package
grafana-package: ## Pack the plugin for Linux (amd64, arm64), provisioning and dashboards into a zip
	@$(MAKE) plugin PLUGIN_PLATFORMS='linux/amd64 linux/arm64'
	@$(step) 'pack $(grafana_zip)' go -C $(plugin) run ./pack -plugin $(CURDIR)/$(plugin_folder) -grafana $(CURDIR)/dashboards -o $(CURDIR)/$(grafana_zip)
	@$(step) 'look into the zip' env LANDFALL_GRAFANA_PACKAGE=$(CURDIR)/$(grafana_zip) go -C $(plugin) test -count=1 -run TestPackage ./pack
	@echo 'Unpack $(grafana_zip); its README.md says what goes where.'

##@ Test

# The parts that take long are prepared two at a time; after that, one after the other, so that
# times and failures can be read.
.PHONY: test
test: ## Set up what is needed and run everything
	@$(need) go node npm java mvn gcc softflowd? chromium?
	@$(MAKE) -j2 test-setup
	@$(MAKE) lint
	@$(MAKE) generate-check
	@$(MAKE) test-race
	@$(MAKE) test-plugin
	@$(MAKE) test-web
	@$(MAKE) test-plugin-web
	@$(MAKE) test-plugin-browser
	@$(MAKE) test-kafka
	@$(MAKE) test-e2e
	@$(MAKE) test-chaos
	@echo '==> all tests passed'

.PHONY: test-setup
test-setup: data kafka-libs browser-libs bin/tools/golangci-lint bin/tools/buf

.PHONY: test-go
test-go: build ## Go tests of both modules, without the race detector
	@$(step) 'go test' go test -timeout $(TEST_TIMEOUT) ./...
	@$(MAKE) test-plugin

.PHONY: test-race
test-race: ## Go tests with the race detector
	@$(need) go gcc
	@$(step) 'go test -race' env CGO_ENABLED=1 go test -race -timeout $(TEST_TIMEOUT) $$(go list ./... | grep -v -e /tests/e2e -e /tests/chaos)

# Without the race detector: the SDK takes minutes to compile for it, and the code has no goroutine.
.PHONY: test-plugin
test-plugin: ## Go tests of the Grafana plugin's module
	@$(need) go
	@$(step) 'go test dashboards/plugin' go -C dashboards/plugin test -timeout $(TEST_TIMEOUT) $$(go -C $(plugin) list ./... | grep -v /tests/browser)

# A minute and a half on two cores.
.PHONY: test-plugin-browser
test-plugin-browser: plugin grafana-page browser-libs data ## The plugin's editors and answers in a real browser, on the real binary
	@$(step) 'go test dashboards/plugin/tests/browser' go -C $(plugin) test -count=1 -timeout $(TEST_TIMEOUT) ./tests/browser

.PHONY: grafana-page
grafana-page: $(plugin)/node_modules/.package-lock.json
	@$(step) "build the browser test's page" node $(plugin)/tests/browser/page/build.mjs

.PHONY: grafana-pictures
grafana-pictures: plugin grafana-page browser-libs data ## Take the pictures of docs/images/grafana-*.png anew
	@go -C $(plugin) test -count=1 ./tests/browser -pictures $(CURDIR)/docs/images

# The binary is the real one, built without the race detector.
.PHONY: test-e2e
test-e2e: build data browser-libs kafka-libs ## The binary as a user runs it: exporters, kills, Kafka, the page in a browser
	@$(kafka_test) tests/kafka/run $(step) 'go test tests/e2e' \
	  env LANDFALL_BINARY=$(CURDIR)/bin/landfall go test -count=1 -timeout $(TEST_TIMEOUT) ./tests/e2e/...

.PHONY: test-kafka
test-kafka: kafka-libs ## On real Apache Kafka what else runs on the embedded broker
	@$(need) go java
	@$(kafka_test) tests/kafka/run $(step) 'go test on Apache Kafka' \
	  go test -count=1 -timeout $(TEST_TIMEOUT) $(kafka_packages)

.PHONY: test-web
test-web: $(web)/dist/index.html ## Types, style and unit tests of the page
	@$(step) 'check the page' npm --prefix $(web) run --silent check
	@$(step) 'test the page' npm --prefix $(web) run --silent test

.PHONY: test-plugin-web
test-plugin-web: $(plugin)/dist/module.js ## Types, style and unit tests of the Grafana plugin's front end
	@$(step) "check the plugin's front end" npm --prefix $(plugin) run --silent check
	@$(step) "test the plugin's front end" npm --prefix $(plugin) run --silent test

.PHONY: test-chaos
test-chaos: build data kafka-libs ## The short form of chaos: kills, freezes and cuts on both brokers, every table to the byte
	@$(need) go java
	@$(step) 'go test tests/chaos' \
	  env LANDFALL_BINARY=$(CURDIR)/bin/landfall go test -count=1 -timeout $(TEST_TIMEOUT) ./tests/chaos/...

# The JSON line goes to stdout, what happens to stderr.
.PHONY: chaos
chaos: ## Break everything for DURATION=10m by SEED=1 on BROKER=kafka (or embedded), print JSON
	@$(need) go java
	@$(MAKE) build data kafka-libs >&2
	@go build -o build/chaos ./tests/chaos/soak
	@build/chaos -duration $(or $(DURATION),10m) -seed $(SEED) -broker $(BROKER)

.PHONY: kafka
kafka: ## Start real Apache Kafka at 127.0.0.1:19092
	@$(need) java mvn
	@tests/kafka/start.sh

.PHONY: kafka-stop
kafka-stop: ## Stop it
	@tests/kafka/stop.sh

.PHONY: bench
bench: ## Benchmarks of the hot paths, with allocations
	@go test -run '^$$' -bench . -benchmem ./internal/... ./services/...

.PHONY: bench-insert
bench-insert: data ## Flows into ClickHouse with all rollups: flows/s, CPU of client and engine
	@go test -run '^$$' -bench 'Insert$$' -benchtime 3x -timeout 30m ./internal/clickhouse/flows | tests/bench/json

.PHONY: accuracy
accuracy: data ## Hold the city table against the providers' LISTS (files), put the table into docs/evidence.md
	@go run ./tests/accuracy -write docs/evidence.md $(LISTS)

.PHONY: bench-scale
bench-scale: data ## Rollups of SHARE × a billion flows: sizes, and how long questions take (20 GB of disk, 30 minutes)
	@go run ./tests/bench/scale -share $(SHARE) $(if $(DIR),-dir $(DIR))

.PHONY: bench-grafana
bench-grafana: plugin data ## Open the overview dashboard on the tables that `make bench-scale DIR=…` left
	@go run ./dashboards/plugin/tests/bench -dir $(or $(DIR),$(error DIR is missing: make bench-scale DIR=… fills one)) \
	  -plugin build/plugin/landfall-residency-datasource/gpx_landfall_residency_$$(go env GOOS)_$$(go env GOARCH)

.PHONY: bench-latency
bench-latency: build data ## From datagram to answer at RATE flows a second for DURATION, through bin/landfall
	@go run ./tests/bench/latency -rate $(RATE) -duration $(or $(DURATION),60s)

##@ Work on it

.PHONY: lint
lint: bin/tools/golangci-lint bin/tools/buf $(web)/dist/index.html ## golangci-lint over both modules, buf lint, shell syntax
	@for module in $(go_modules); do \
	  (cd $$module && $(CURDIR)/$(step) "golangci-lint $$module" $(CURDIR)/bin/tools/golangci-lint run --config $(CURDIR)/.golangci.yml ./...); \
	done
	@$(step) 'buf lint' bin/tools/buf lint schemas/proto
	@for script in .ci/run tools/step tools/need tools/generate tests/kafka/*.sh tests/kafka/run; do bash -n $$script; done

.PHONY: fmt
fmt: bin/tools/golangci-lint ## Format the Go code, the page and the plugin's front end
	@for module in $(go_modules); do (cd $$module && $(CURDIR)/bin/tools/golangci-lint fmt --config $(CURDIR)/.golangci.yml ./...); done
	@bin/tools/buf format -w schemas/proto
	@npm --prefix $(web) run --silent format
	@npm --prefix $(plugin) run --silent format

.PHONY: generate
generate: bin/tools/buf build ## Write the generated Go code and docs/configuration.md
	@$(step) 'generate' tools/generate .

.PHONY: generate-check
generate-check: bin/tools/buf build ## Fail if a generated file is not what would be generated
	@$(step) 'compare what is generated' tools/generate --check

.PHONY: tidy
tidy: ## go mod tidy in every module
	@for module in $(go_modules) tools tools/lint; do $(step) "go mod tidy $$module" env GOWORK=off go -C $$module mod tidy; done
	@go work sync

.PHONY: clean
clean: ## Remove what was built; the fetched data stay
	@rm -rf bin build $(web)/dist/[!.]* $(web)/node_modules tests/browser/node_modules $(plugin)/dist $(plugin)/node_modules

# --- Files

$(web)/node_modules/.package-lock.json: $(web)/package-lock.json
	@$(need) node npm
	@$(step) "the page's libraries" npm --prefix $(web) ci --no-progress
	@touch $@

$(web)/dist/index.html: $(web)/node_modules/.package-lock.json $(web_sources)
	@$(step) 'build the page' npm --prefix $(web) run --silent build
	@touch $@

$(plugin)/node_modules/.package-lock.json: $(plugin)/package-lock.json
	@$(need) node npm
	@$(step) "the plugin's libraries" npm --prefix $(plugin) ci --no-progress
	@touch $@

$(plugin)/dist/module.js: $(plugin)/node_modules/.package-lock.json $(plugin_sources)
	@$(step) "build the plugin's front end" npm --prefix $(plugin) run --silent build
	@touch $@

.PHONY: browser-libs
browser-libs: tests/browser/node_modules/.package-lock.json
tests/browser/node_modules/.package-lock.json: tests/browser/package-lock.json
	@$(need) node npm
	@$(step) "the browser test's libraries" npm --prefix tests/browser ci --no-progress
	@touch $@

.PHONY: kafka-libs
kafka-libs: data/kafka/libs/.from-pom
data/kafka/libs/.from-pom: tests/kafka/pom.xml
	@$(need) mvn
	@$(step) 'Apache Kafka' tests/kafka/fetch.sh

# The build tools have their own modules, outside go.work, so that their versions bind nobody else.
bin/tools/buf: tools/go.mod tools/go.sum
	@$(need) go
	@$(step) 'build buf and the protobuf plugins' env GOWORK=off go -C tools build -o ../bin/tools/ tool
	@touch $@

bin/tools/golangci-lint: tools/lint/go.mod tools/lint/go.sum
	@$(need) go
	@$(step) 'build golangci-lint (two minutes)' env GOWORK=off go -C tools/lint build -o ../../bin/tools/ tool
	@touch $@
