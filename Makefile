# `make demo` and `make test` need nothing but Python 3.11 or newer: they create .venv and install.
PYTHON ?= python3
VENV ?= .venv
# The peers' detectors want an environment of their own.
PEERS ?= .venv-peers
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# Small matrices: torch's own threads would fight over them more than they gain.
THREADS := OMP_NUM_THREADS=1

.PHONY: demo test test-all lint docs bench peers clean

demo: $(VENV)/.demo
	$(BIN)/python -m lofe_sklearn --output lofe_demo.png

test: $(VENV)/.test
	$(BIN)/python -m pytest -m "not slow and not gpu" -n 2

test-all: $(VENV)/.test
	$(BIN)/python -m pytest -m "not gpu"

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.docs
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.demo
	$(BIN)/python -m benchmarks run paper-tabular --sets thyroid arrhythmia --detectors NeuTraL --jobs 2
	$(BIN)/python -m benchmarks report benchmarks/results/paper-tabular.jsonl
	$(THREADS) $(BIN)/python -m benchmarks study step-time --again

peers: $(PEERS)/.done

clean:
	rm -rf $(VENV) $(PEERS) docs/_build docs/auto_examples docs/generated

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# One stamp for each set of extras; a changed list of dependencies installs again.
$(VENV)/.%: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e ".[$*]"
	touch $@

# torch comes first, with what it depends on, so that a CPU build can be taken from wherever there is
# one; the rest without: DeepOD asks for a torch that is too old for Python 3.11.
$(PEERS)/.done: benchmarks/peers/requirements.txt pyproject.toml constraints.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@
