# `make demo` and `make test` need nothing but Python 3.11 or newer: they create .venv and install.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# Small matrices: torch's own threads would fight over them more than they gain.
THREADS := OMP_NUM_THREADS=1

.PHONY: demo test test-all lint docs bench clean

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
	$(BIN)/python -m benchmarks.paper_tabular
	$(THREADS) $(BIN)/python -m benchmarks.step_time

clean:
	rm -rf $(VENV) docs/_build docs/auto_examples docs/generated

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# One stamp for each set of extras; a changed list of dependencies installs again.
$(VENV)/.%: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) -e ".[$*]"
	touch $@
