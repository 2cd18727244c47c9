# Parley's commands. `make run` and `make test` need Python 3.11 or newer, git and make.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test test-services test-live e2e chaos check fmt rehearse bench lock

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
WORKERS ?= auto
ARGS ?=
# The lock names everything: resolving again could pick a newer release that has no hash here.
PIP_INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps

help:  ## Show what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp  ## Start Parley on http://127.0.0.1:8000 (needs nothing but Python, git, make)
	@if [ -f .env ]; then while IFS='=' read -r name value; do \
	  [ -n "$${!name:-}" ] || export "$$name=$$value"; done < <(grep -E '^[A-Z_]+=' .env); fi; \
	exec $(PY) manage.py up $(ARGS)

test: $(VENV)/dev.stamp  ## Run the tests, on a database of their own
	$(PY) -m pytest -n $(WORKERS) --dist loadgroup --ignore tests/e2e -m "not live and not chaos" $(ARGS)

test-services: $(VENV)/dev.stamp  ## Run the tests marked services on DATABASE_URL, REDIS_URL, CELERY_BROKER_URL
	@for name in DATABASE_URL REDIS_URL CELERY_BROKER_URL; do \
	  if [ -z "$${!name:-}" ]; then echo "$$name is not set; see .env.example." >&2; exit 2; fi; done
	PARLEY_TEST_RACE_S=$${PARLEY_TEST_RACE_S:-15} $(PY) -m pytest --ignore tests/e2e -m services $(ARGS)

test-live: $(VENV)/dev.stamp  ## Run the tests with other projects' programs, all on loopback
	env -u DATABASE_URL -u REDIS_URL -u CELERY_BROKER_URL \
	  $(PY) -m pytest --ignore tests/e2e -m live $(ARGS)

e2e: $(VENV)/dev.stamp  ## Run the tests in a browser (needs chromium)
	$(PY) -m pytest tests/e2e $(ARGS)

CHAOS_RUNS ?= 20
CHAOS_MINUTES ?= 60
chaos: $(VENV)/dev.stamp  ## Kill workers at every fault point, and race many (CHAOS_RUNS, CHAOS_MINUTES)
	env -u DATABASE_URL -u REDIS_URL -u CELERY_BROKER_URL \
	  PARLEY_CHAOS_RUNS=$(CHAOS_RUNS) PARLEY_CHAOS_MINUTES=$(CHAOS_MINUTES) \
	  $(PY) -m pytest -p no:randomly tests/chaos $(ARGS)

check: $(VENV)/dev.stamp  ## Check style, types, layers, templates, migrations, house rules
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check --quiet .
	$(VENV)/bin/lint-imports --no-logo
	$(VENV)/bin/djlint --lint --quiet templates
	$(PY) -m pytest -q -p no:randomly tests/test_house.py
	$(VENV)/bin/mypy

fmt: $(VENV)/dev.stamp  ## Format the code and repair what ruff can
	$(VENV)/bin/ruff check --fix --quiet . || true
	$(VENV)/bin/ruff format .

rehearse: $(VENV)/run.stamp  ## Play the main job: from a sentence to a merged commit, without a key
	$(PY) manage.py rehearse $(ARGS)

bench: $(VENV)/run.stamp  ## Measure actions, fan-out, pages, wake-ups and turns beside the raw SQL floor
	$(PY) manage.py bench $(ARGS)

lock: $(VENV)/dev.stamp  ## Resolve the dependencies anew into the two lock files
	$(VENV)/bin/uv pip compile --no-emit-index-url --no-emit-find-links --generate-hashes \
	  --python-version 3.11 --universal pyproject.toml -o requirements.lock
	$(VENV)/bin/uv pip compile --no-emit-index-url --no-emit-find-links --generate-hashes \
	  --python-version 3.11 --universal -c requirements.lock pyproject.toml --group dev \
	  -o requirements-dev.lock

$(VENV)/made.stamp:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). Install Python 3.11 or newer." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Parley needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make run PYTHON=python3.12" >&2; exit 1; }
	@command -v git >/dev/null || { echo "There is no git. Install it, for example: apt-get install git" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python cannot make virtual environments. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run.stamp: requirements.lock | $(VENV)/made.stamp
	@echo "Installing what Parley needs ..."
	@$(PIP_INSTALL) -r requirements.lock
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock | $(VENV)/run.stamp
	@echo "Installing the developers' tools ..."
	@$(PIP_INSTALL) -r requirements-dev.lock
	@touch $@
