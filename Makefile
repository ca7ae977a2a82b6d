# Needs Python 3.11 or newer and make; everything else goes into .venv below this folder.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-cache-dir --quiet
export XDG_CACHE_HOME := $(CURDIR)/.venv/.cache

.PHONY: help setup demo test test-postgres lint bench docs lock audit sbom clean

help: ## List the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/.made:
	@sh scripts/venv.sh "$(PYTHON)"
	@touch $@

.venv/.runtime: .venv/.made requirements.lock pyproject.toml
	@echo "installing CreditGate into .venv …"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/.made requirements-dev.lock pyproject.toml
	@echo "installing CreditGate and its test tools into .venv …"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

setup: .venv/.dev ## Create .venv and install everything for development

demo: .venv/.runtime ## The whole job on sandboxes, with a summary
	@$(BIN)/creditgate demo

lint: .venv/.dev ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint ## Every check and every test
	sh scripts/test.sh

test-postgres: .venv/.dev ## Every test on PostgreSQL in place of SQLite
	TESTS_ON=postgres sh scripts/test.sh

bench: .venv/.dev ## The measured claims; each prints JSON with a ratio
	@for script in benchmarks/bench_*.py; do $(BIN)/python -m benchmarks.$$(basename $$script .py) || exit 1; done

docs: .venv/.dev ## Write the references of commands and facts
	$(BIN)/python docs/make_commands.py
	$(BIN)/python docs/make_facts.py

lock: .venv/.dev ## Lock the newest versions that fit pyproject.toml
	sh scripts/lock.sh

audit: .venv/.dev ## Look the locked dependencies up in the advisories
	@$(BIN)/python scripts/audit.py

sbom: .venv/.dev ## Write sbom.json, the bill of materials of the image
	@$(BIN)/python scripts/sbom.py sbom.json

clean: ## Remove .venv and all caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
