# Liên Thông. `make` alone lists what can be done.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
READY := .venv/.installed
FUZZ := .venv/fuzz
unexport PYTHONDONTWRITEBYTECODE  # where it is set, every process would compile our modules and pytest all tests again
TOOK := echo "It took $$((SECONDS / 60)) min $$((SECONDS % 60)) s."

.DEFAULT_GOAL := help
.PHONY: help setup up down status demo shell test test-all test-fast check contracts contracts-clients wheel example parallel prove prove-short prove-plants prove-outages quarter bench bench-peers scale fuzz fuzz-short compose-proof chart clients connectors screens

help: ## List these targets.
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make the virtual environment .venv from hash-pinned requirements; quick when nothing changed.

up: $(READY) ## Start everything and print the addresses; Ctrl-C stops it.
	@$(BIN)/lienthong up $(ARGS)

down: $(READY) ## Stop a stack that was started with `lienthong up --detach`.
	@$(BIN)/lienthong down $(ARGS)

status: $(READY) ## Show every process, whether it is ready, and what it waits for.
	@$(BIN)/lienthong status $(ARGS)

demo: $(READY) ## Show three journeys of dossiers, live, on the running stack.
	@$(BIN)/lienthong demo $(ARGS)

shell: $(READY) ## Open a shell in which `lienthong` is a command.
	@PATH="$(CURDIR)/$(BIN):$$PATH" exec "$${SHELL:-/bin/bash}"

test: export ABOUT := About 15 minutes on two cores. make test-fast: under two.
test: ## Run every test: unit, service, contract, e2e; starts what it needs on free ports. ARGS: arguments for pytest instead.
test-all: ## The same with the long tests, and nothing left to samples: all 11,254 dossiers of the breadth, 10,000 steps of chance, 20,000 mutated messages.
test-all: export ABOUT := Longer than make test, which takes about 15 minutes on two cores.
test-all: export BREADTH := all
test-all: export LAW_STORIES := 200
test-all: export MUTATIONS := 20000
test-all: export PYTEST_ADDOPTS := $(PYTEST_ADDOPTS) -m "not clients"

# Without tests/generated and tests/chart, which have targets of their own. First those without a country, then those that share one, and those that start
# their own: these wait for processes, so three at a time.
test test-all: $(READY)
ifeq ($(strip $(ARGS)),)
	@echo "$$ABOUT"; failed=; $(BIN)/python -m pytest -n 2 --ignore tests/e2e --ignore tests/generated --ignore tests/chart || failed="all but tests/e2e"; \
	  $(BIN)/python -m pytest -n 3 tests/e2e || failed="$${failed:+$$failed, and }tests/e2e"; \
	  $(TOOK); \
	  if [ -n "$$failed" ]; then echo "Failed: $$failed. What and why stands above."; exit 1; fi
else
	@$(BIN)/python -m pytest $(ARGS)
endif

# What takes longest comes first, so that both workers end together.
test-fast: $(READY) ## Run in under two minutes what fails first: unit and contract tests, and the first test of every file of tests/service.
	@echo "Under two minutes on two cores. make test: everything, about 15."; \
	  $(BIN)/python -m pytest -n 2 --sample tests/service tests/unit tests/contract $(ARGS); status=$$?; $(TOOK); exit $$status

# Runs only tests that use the plugin's country; tests that start their own stack say nothing about this one.
parallel: ORDERS ?= 1 2 3 4 5 6 7 8 9 10
parallel: $(READY) ## Run the e2e suite in eight workers on one country, ten times in a row, each time in another order.
	@$(BIN)/lienthong exec -- bash -c 'for order in $(ORDERS); do echo "Order $$order:"; \
	  $(BIN)/python -m pytest -q -r fE -n 8 --shuffle $$order tests/e2e $(ARGS) || exit 1; done'

check: $(READY) ## Run linters, type checker, import rules, and the checks for file length and sleeps.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy shared contracts services lienthong tools
	cd examples/suite && ../../$(BIN)/mypy --strict client.py tests
	$(BIN)/lint-imports
	@$(BIN)/python -m tools.circles
	@long=$$(git ls-files -co --exclude-standard '*.py' | grep -vxE 'contracts/models.py|lienthong/client/types.py|lienthong/sync_methods.py' | xargs wc -l | awk '$$1 > 400 && $$2 != "total"'); \
	  if [ -n "$$long" ]; then echo "Over 400 lines; look for the second subject:"; echo "$$long"; exit 1; fi
	@sleeps=$$(grep -rnE '\bsleep\(|\bsleep +[0-9.$$]' tests docs examples --include='*.py' --include='*.md' --include='*.sh' 2>/dev/null); \
	  if [ -n "$$sleeps" ]; then echo "A sleep; wait for the thing itself (settle, Stack.wait_until):"; echo "$$sleeps"; exit 1; fi

contracts: $(READY) ## Regenerate models, AsyncAPI, OpenAPI and the pages made from them.
	@$(if $(ARGS),,$(BIN)/python -m tools.docs.python_types)
	@$(BIN)/python -m tools.docs.generate $(ARGS)

contracts-clients: $(READY) ## Let official generators and validators read the contracts, and use what they make; needs Node 18, Maven, JDK 17.
	@$(BIN)/python -m pytest -n 0 tests/generated $(ARGS)

wheel: $(READY) ## Build the package that people install, into dist/.
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist . >/dev/null && ls dist/*.whl

example: $(READY) ## Follow examples/suite/README.md in an environment with nothing in it, with the wheel; fetches packages.
	@$(BIN)/python -m tests.wheel.proof

clients: $(READY) ## Sign in with four stock libraries of Go, Node and Java (examples/clients); needs these tools, fetches packages.
	@$(BIN)/python -m pytest -m clients tests/e2e/test_stock_clients.py $(ARGS)

connectors: $(READY) ## Let the programs of examples/connectors (Go, Node, Java, Python) be provinces, kill them in mid-journey; needs these tools, fetches packages. ONLY=go-pull: one.
	@$(BIN)/python -m tools.connectors $(if $(ONLY),--only $(ONLY))

screens: $(READY) ## Photograph every page in a real browser into docs/screens: both languages, light and dark, desktop and phone. ARGS: such as --only vi-light.
	@$(BIN)/python -m tools.screens $(ARGS)

prove: $(READY) ## Break everything under load, with three seeds, and prove that nothing was lost, without connectors and with: about a quarter of an hour. ARGS: one run with these options, such as --help.
ifeq ($(strip $(ARGS)),)
	@for seed in 1 2 3; do $(BIN)/python -m tools.prove --seed $$seed --minutes 0.5 --html prove-$$seed.html || exit 1; \
	  $(BIN)/python -m tools.prove --seed $$seed --faults connectors --away 8 --minutes 0.5 --html prove-$$seed-connectors.html || exit 1; done
else
	@$(BIN)/python -m tools.prove $(ARGS)
endif

SHORT := late-commits,kill-portal-worker,kill-gateway-worker,poison,ask-settle,kill-broker,replay-everything,kill-connector,receiver-away,kill-worker-judging
prove-short: $(READY) ## The same in two minutes: some faults once, some of them at connectors, and one planted bug.
	@$(BIN)/python -m tools.prove --faults $(SHORT) --minutes 0.1 --away 3 $(ARGS)
	@$(BIN)/python -m tools.prove --plant position-ignored --minutes 0.1 $(ARGS)

prove-plants: $(READY) ## Plant each bug once in the processes under test, and catch it. ARGS: such as --plant lost-timer --times 20.
	@$(BIN)/python -m tools.prove --minutes 0.1 $(or $(ARGS),--plant all)

prove-outages: $(READY) ## Let each part, and a receiver of webhooks, be away for five minutes under load: about an hour.
	@$(BIN)/python -m tools.prove --faults outages --away 300 --minutes 0.1 $(ARGS)
	@$(BIN)/python -m tools.prove --faults receiver-away --away 300 --minutes 0.1 $(ARGS)

quarter: $(READY) ## Let a quarter of Ninh Bình, 111,828 dossiers, be handed in and processed in one sandbox, and prove that none is lost. Goes on after Ctrl-C. ARGS: such as --dossiers 5000.
	@$(BIN)/python -m tools.quarter $(ARGS)

bench: $(READY) ## Measure, and write docs/performance.md. ARGS: options instead, such as --quick or --help.
	@$(BIN)/python -m tools.bench $(or $(ARGS),--write docs/performance.md)

bench-peers: $(READY) ## Fetch other mocks (two of OpenID Connect, two of Stripe, WireMock), and measure them beside ours: start-up, memory, sign-ins, creates. ARGS: options instead, such as --help.
	@$(BIN)/python -m tools.peers $(or $(ARGS),--write docs/performance.md)

scale: $(READY) ## Measure what a dossier costs with up to a million stored and 3,000 sandboxes, and write docs/scale.md. ARGS: options instead, such as --stored 10000,100000.
	@$(BIN)/python -m tools.scale $(or $(ARGS),--write docs/scale.md)

fuzz: $(READY) $(FUZZ)/.installed ## Send some 30,000 generated requests to all services: no 5xx, every response as documented. ARGS: options, such as --examples 10.
	@$(BIN)/python -m tools.fuzz --python $(FUZZ)/bin/python $(ARGS)

fuzz-short: $(READY) $(FUZZ)/.installed ## The same with a few requests per operation.
	@$(BIN)/python -m tools.fuzz --python $(FUZZ)/bin/python --phases examples,fuzzing,stateful --examples 5 $(ARGS)

compose-proof: $(READY) ## Bring docker-compose.yml up, run the e2e suite against it, take it down; needs docker.
	@eval "$${COMPOSE_PROOF_PREPARE:-:}" && $(BIN)/python -m tests.compose.proof $(ARGS)

chart: $(READY) ## Render the Helm chart with several sets of values, and judge it by the schemas of Kubernetes; fetches Helm. HELM: another one.
	@$(BIN)/python -m pytest -n 0 tests/chart $(ARGS)

# The command itself is installed without dependencies and without network, pointing at this folder.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make setup PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo "python3 cannot make virtual environments: install its venv module (Debian, Ubuntu: apt-get install python3-venv)."; exit 1; }
	@cmp -s requirements.txt .venv/requirements.txt || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@cp requirements.txt .venv/requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

# Schemathesis needs other versions of our libraries, so it has an environment of its own.
$(FUZZ)/.installed: $(READY) tools/fuzz/requirements.txt
	@$(BIN)/python -m venv $(FUZZ)
	@$(FUZZ)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/fuzz/requirements.txt
	@touch $@
