# Liên Thông. `make` without a target lists the targets.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
READY := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help setup up down status demo test test-all check contracts wheel example parallel prove prove-short bench compose-proof

help: ## List these targets.
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Create the virtual environment .venv from requirements with hashes; fast if nothing has changed.

up: $(READY) ## Start everything and print its addresses; Ctrl-C stops it.
	@$(BIN)/lienthong up $(ARGS)

down: $(READY) ## Stop a stack that was started with `lienthong up --detach`.
	@$(BIN)/lienthong down $(ARGS)

status: $(READY) ## Show for every process whether it is ready, and what it waits for.
	@$(BIN)/lienthong status $(ARGS)

demo: $(READY) ## Run three journeys of a dossier against the running stack, with explanations.
	@$(BIN)/lienthong demo $(ARGS)

test: ## Run all tests: unit, service, contract, e2e. They start what they need on free ports. ARGS: arguments for pytest instead.
test-all: ## Run all tests without sampling: all 11,254 dossiers of the breadth test, 10,000 random steps.
test-all: export BREADTH := all
test-all: export LAW_STORIES := 200

# Two workers. First the tests without a stack, then the e2e tests, which share one stack or start their own.
test test-all: $(READY)
ifeq ($(strip $(ARGS)),)
	@failed=; $(BIN)/python -m pytest -n 2 --ignore tests/e2e || failed="all but tests/e2e"; \
	  $(BIN)/python -m pytest -n 2 tests/e2e || failed="$${failed:+$$failed, and }tests/e2e"; \
	  if [ -n "$$failed" ]; then echo "Failed: $$failed. See the reports above."; exit 1; fi
else
	@$(BIN)/python -m pytest $(ARGS)
endif

# Runs only the tests that use the stack of our pytest plugin. Tests that start their own stack would not test the shared one.
parallel: ORDERS ?= 1 2 3 4 5 6 7 8 9 10
parallel: $(READY) ## Run the e2e suite in eight workers on one stack, ten times, each time in another order.
	@$(BIN)/lienthong exec -- bash -c 'for order in $(ORDERS); do echo "Order $$order:"; \
	  $(BIN)/python -m pytest -q -r fE -n 8 --shuffle $$order tests/e2e $(ARGS) || exit 1; done'

check: $(READY) ## Run the linters, the type checker, the import rules and the project rules.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy shared contracts services lienthong tools
	cd examples/suite && ../../$(BIN)/mypy --strict client.py tests
	$(BIN)/lint-imports
	@$(BIN)/python -m tools.circles
	@long=$$(git ls-files -co --exclude-standard '*.py' | grep -vx contracts/models.py | xargs wc -l | awk '$$1 > 400 && $$2 != "total"'); \
	  if [ -n "$$long" ]; then echo "Over 400 lines; split the file by subject:"; echo "$$long"; exit 1; fi
	@sleeps=$$(grep -rnE '\bsleep\(|\bsleep +[0-9.$$]' tests docs examples --include='*.py' --include='*.md' --include='*.sh' 2>/dev/null); \
	  if [ -n "$$sleeps" ]; then echo "A sleep; wait for the condition instead (settle, Stack.wait_until):"; echo "$$sleeps"; exit 1; fi

contracts: $(READY) ## Regenerate models, AsyncAPI, OpenAPI and the generated pages.
	@$(BIN)/python -m tools.docs.generate $(ARGS)

wheel: $(READY) ## Build the wheel that users install, into dist/.
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist . >/dev/null && ls dist/*.whl

example: $(READY) ## Follow examples/suite/README.md with the wheel in an empty environment; downloads packages.
	@$(BIN)/python -m tests.wheel.proof

prove: $(READY) ## Cause faults under load, with three seeds, and prove that nothing was lost; then detect three planted bugs. ARGS: one run with these options, such as --help.
ifeq ($(strip $(ARGS)),)
	@for seed in 1 2 3; do $(BIN)/python -m tools.prove --seed $$seed --minutes 1.7 || exit 1; done
	@for bug in position-ignored numbers-after-producing sequence-cursor; do \
	  $(BIN)/python -m tools.prove --plant $$bug --minutes 0.5 || exit 1; done
else
	@$(BIN)/python -m tools.prove $(ARGS)
endif

prove-short: $(READY) ## Like `prove`, in about two minutes: every fault once, one planted bug.
	@$(BIN)/python -m tools.prove --minutes 0.5 $(ARGS)
	@$(BIN)/python -m tools.prove --plant position-ignored --minutes 0.2 $(ARGS)

bench: $(READY) ## Measure the performance and write docs/performance.md. ARGS: options instead, such as --quick or --help.
	@$(BIN)/python -m tools.bench $(or $(ARGS),--write docs/performance.md)

compose-proof: $(READY) ## Start docker-compose.yml, run the e2e suite against it, stop it; needs docker.
	@eval "$${COMPOSE_PROOF_PREPARE:-:}" && $(BIN)/python -m tests.compose.proof $(ARGS)

# The package itself is installed in editable mode, without dependencies and without network.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make setup PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo "python3 cannot create virtual environments: install its venv module (Debian, Ubuntu: apt-get install python3-venv)."; exit 1; }
	@cmp -s requirements.txt .venv/requirements.txt || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@cp requirements.txt .venv/requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@
