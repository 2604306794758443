# Each target sets up .venv by itself when requirements.lock or pyproject.toml is newer than it.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PEERS := .venv-peers/.ready
PACKAGES := datasets engine strategies reports hustings
SCRIPTS := conftest.py $(wildcard benchmarks examples)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: install demo test fuzz lint bench docs clean help

install: $(READY)  ## set up .venv (PYTHON=python3.12 chooses the interpreter)

demo: $(READY)  ## see it work
	$(BIN)/python examples/demo.py

test: $(READY)  ## run the tests (ARGS="-k sessions" chooses some)
	$(BIN)/pytest $(ARGS)

fuzz: $(READY)  ## try damaged files and random command lines (MINUTES=10)
	$(BIN)/python -m tests.fuzz $(or $(MINUTES),10)

lint: $(READY)  ## check style, types and the direction of imports
	$(BIN)/ruff check $(PACKAGES) tests $(SCRIPTS)
	$(BIN)/ruff format --check $(PACKAGES) tests $(SCRIPTS)
	$(BIN)/mypy --strict $(PACKAGES) tests examples/in_python.py
	$(BIN)/lint-imports --no-logo

bench: $(READY) $(PEERS)  ## run the benchmarks against peers and write RESULTS.md (ARGS="W1 W3" runs some)
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(READY)  ## write the reference of the Python API to build/docs
	$(BIN)/pdoc --no-search -o build/docs hustings.api hustings.views

clean:  ## remove .venv and all caches; runs and bars stay
	rm -rf .venv .venv-peers build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	{ echo "hustings needs Python 3.11, 3.12 or 3.13; say which: make PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv: a minute the first time."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(PEERS): benchmarks/peers.lock
	@echo "Setting up .venv-peers for the benchmarks: two minutes the first time."
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --quiet --require-hashes -r benchmarks/peers.lock
	@touch $@
