# The developer's commands. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check --no-input --quiet
# Without compiled files every process would compile Pumpwatch anew, and the tests start hundreds. `make clean` removes them.
unexport PYTHONDONTWRITEBYTECODE
SITE := $(RUN) -m sphinx -c docs -b html -W --keep-going -n -q
DEMO_OPTIONS ?=
TEST_OPTIONS ?=
# Most tests wait, so three processes take little more of a machine than one. tests/spread.py says which go first and which run alone.
# One process, as a debugger needs: make test TEST_PROCESSES= TEST_OPTIONS="--pdb -k reservoir"
TEST_PROCESSES ?= --numprocesses 3 --dist load --maxschedchunk 1

# Empty files that say what was done to .venv, so that the second run does nothing.
CREATED := $(VENV)/.created
FOR_DEMO := $(VENV)/.installed-for-demo
FOR_DEVELOPMENT := $(VENV)/.installed-for-development

.PHONY: help demo test test-fast test-long check coverage format docs pictures bench up down lock clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(FOR_DEMO) ## The whole system on this machine with simulated pumps; Ctrl-C ends it (DEMO_OPTIONS="--pumps 50")
	@exec $(RUN) -m services.cli demo $(DEMO_OPTIONS)

test: $(FOR_DEVELOPMENT) ## Every test but the long ones, on real Mosquitto and TimescaleDB (TEST_OPTIONS="-k reservoir")
	@$(RUN) -m services.devstack.prepare
	@$(RUN) -m pytest $(TEST_PROCESSES) -m "not long" $(TEST_OPTIONS)

test-long: $(FOR_DEVELOPMENT) ## What takes minutes: thousands of made-up cases, every fault under load, hostile messages for long
	@$(RUN) -m services.devstack.prepare
	@$(RUN) -m pytest $(TEST_PROCESSES) -m long $(TEST_OPTIONS)

test-fast: $(FOR_DEVELOPMENT) ## The tests that take no more than a few seconds
	@$(RUN) -m services.devstack.prepare
	@$(RUN) -m pytest $(TEST_PROCESSES) -m "not slow and not long" $(TEST_OPTIONS)

check: $(FOR_DEVELOPMENT) ## Formatting, lint, types, import rules, published schemas, dashboards and papers, known weaknesses
	@$(RUN) -m ruff format --check --quiet . || { echo "error: run 'make format'" >&2; exit 1; }
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m mypy
	@$(VENV)/bin/lint-imports
	@$(RUN) -m schemas.publish --check
	@$(RUN) -m deploy.grafana.build --check
	@$(RUN) -m deploy.guides.build --check
	@$(RUN) -m deploy.texts.build --check
	@$(RUN) -m deploy.openapi.build --check
	@$(RUN) -m deploy.security.build --check
	@$(RUN) -m bandit --quiet --recursive --configfile pyproject.toml services schemas deploy

coverage: $(FOR_DEVELOPMENT) ## The unit tests reach every branch of the pure core
	@$(RUN) -m coverage run -m pytest -m "not long" tests/unit
	@$(RUN) -m coverage report

format: $(FOR_DEVELOPMENT) ## Format the code and sort imports
	@$(RUN) -m ruff check --quiet --fix-only .
	@$(RUN) -m ruff format --quiet .

docs: $(FOR_DEVELOPMENT) ## The documents as a site, in site/index.html; a link that leads nowhere fails
	@$(SITE) . site
	@echo "open site/index.html"

pictures: $(FOR_DEVELOPMENT) ## Make the documents' pictures anew, from a browser that looks at the running system
	@$(RUN) -m services.devstack.prepare
	@PICTURES=docs/pictures $(RUN) -m pytest tests/browser/pictures

bench: $(FOR_DEVELOPMENT) ## Measure ingest and the time from publish to page
	@$(RUN) -m services.devstack.prepare
	@$(RUN) -m bench.ingest --events 200000 --json
	@$(RUN) -m bench.latency --json

up: ## Start the production stack with Docker Compose; without .env, one for this machine only
	@test -f .env || deploy/init-secrets
	@docker compose up --build --detach --wait

down: ## Stop it; the data stays
	@docker compose down

# uv resolves for every platform at once, which pip cannot. It has an environment of its own: nothing else needs it.
LOCK := $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

lock: $(CREATED) ## Bring requirements.lock and requirements-dev.lock up to date with pyproject.toml
	@test -x $(VENV)/lock/bin/uv || { $(RUN) -m venv $(VENV)/lock; \
		$(VENV)/lock/bin/python -m pip install --disable-pip-version-check --quiet uv; }
	@$(LOCK) --extra local -o requirements.lock pyproject.toml
	@$(LOCK) --extra local --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

clean: ## Remove .venv, the demo's state and every cache in this folder
	@rm -rf $(VENV) .demo *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov site
	@find schemas services tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(CREATED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "error: Pumpwatch needs Python 3.11 or newer, and '$(PYTHON)' is not: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| $(PYTHON) -m services.devstack.servers.system_packages "a virtual environment" python3-venv
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(FOR_DEMO): requirements.lock pyproject.toml | $(CREATED)
	@echo "installing what the demo needs into $(VENV)"
	@$(PIP) install --no-deps --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(FOR_DEVELOPMENT): requirements-dev.lock pyproject.toml | $(CREATED)
	@echo "installing what development needs into $(VENV)"
	@$(PIP) install --no-deps --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(FOR_DEMO)
