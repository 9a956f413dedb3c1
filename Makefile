# `make demo` and `make test` need nothing but Python 3.11 or newer: they create .venv and install.
PYTHON ?= python3
VENV ?= .venv
# The peers' detectors want an environment of their own.
PEERS ?= .venv-peers
# So do the oldest versions that pyproject.toml promises.
OLDEST ?= .venv-oldest
# And the wheel, as somebody who has no checkout installs it.
WHEEL ?= .venv-wheel
BIN := $(VENV)/bin
# Without --no-compile pip compiles all of torch, of which most is never imported: half of its time.
# Python then compiles what it imports, and must be free to keep that, or each process does so again.
export PYTHONDONTWRITEBYTECODE :=
INSTALL := -m pip install --no-compile --quiet --disable-pip-version-check
PIP := $(BIN)/python $(INSTALL) -c constraints.txt
# Small matrices: threads of torch and of BLAS would fight over them more than they gain.
THREADS := OMP_NUM_THREADS=1
# What needs no extra but "progress": training, detectors, searches, metrics, scikit-learn's checks.
# One test of each kind is enough: what old versions lack is an interface, and not a digit. So of
# the engine it is stacks, batches and noise, and of the rest no digits, no errors of ours that no
# other package has a part in, and one backbone where all go through the same code.
CORE := $(addprefix tests/,engine/test_stack.py engine/test_batches.py engine/test_noise.py \
	test_common.py test_loe.py test_search.py loe/test_classical.py metrics/test_scorers.py)

# The wheel, as somebody who has no checkout has it: fit, save, score from a folder without the
# source. Other packages are those of the tests; a path in a .pth file adds them, and not what
# their own .pth files add, which is the checkout.
SITE := -c "import sysconfig; print(sysconfig.get_path('purelib'))"
test-wheel: $(VENV)/.test
	rm -rf build/wheel $(WHEEL) && mkdir -p build/wheel/elsewhere && $(PYTHON) -m venv $(WHEEL)
	$(WHEEL)/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w build/wheel .
	$(WHEEL)/bin/python $(INSTALL) --no-deps build/wheel/*.whl
	$(BIN)/python $(SITE) > "$$($(WHEEL)/bin/python $(SITE))/packages_of_the_tests.pth"
	cd build/wheel/elsewhere && $(THREADS) "$(CURDIR)/$(WHEEL)/bin/python" "$(CURDIR)/tests/wheel.py"

.PHONY: demo test test-all test-engines test-oldest test-wheel lint docs linkcheck screenshots bench peers clean

demo: $(VENV)/.demo
	$(BIN)/python -m lofe_sklearn demo --output lofe_demo.png

test: $(VENV)/.test
	$(THREADS) $(BIN)/python -m pytest -m "not slow and not gpu and not engines" -n 2 --dist worksteal --durations=25

test-all: $(VENV)/.test
	$(THREADS) $(BIN)/python -m pytest -m "not gpu and not engines"

# Dask, Ray and Spark on this machine; Spark needs Java.
test-engines: $(VENV)/.test,dask,ray,spark
	$(THREADS) $(BIN)/python -m pytest -m "not gpu" --durations=10 tests/several_machines \
		tests/fit_many/test_fit_many_jobs.py

test-oldest: $(OLDEST)/.done
	$(THREADS) $(OLDEST)/bin/python -m pytest -m "not slow and not gpu and not engines" -n 2 --durations=10 $(CORE) \
		-k "not MHRot and not check_backbone and not loe_that_finds and not awkward_data \
		and not something_is_marked and not bad_ and not failing and not list_of_grids \
		and not callable_refit and not transformers_in_the_grid and not no_refit \
		and not (test_common and (DTE or GOAD or ICL or TCCM or AutoEncoder or RealNVP or NeuTraL))"

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/typing/mypy.ini
	$(BIN)/codespell *.md docs lofe_sklearn tests benchmarks
	$(BIN)/python docs/scripts/check_words.py

docs: $(VENV)/.docs
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html
	$(BIN)/python docs/scripts/check_links.py
	$(BIN)/python docs/scripts/check_search.py

# Links out of the site, which needs a network; those within are checked by make docs.
linkcheck: $(VENV)/.docs
	$(BIN)/sphinx-build -b linkcheck docs docs/_build/linkcheck

# Pictures of all pages, to be looked at; needs Chromium.
screenshots: docs
	$(BIN)/python docs/scripts/screenshots.py

bench: $(VENV)/.demo
	$(BIN)/python -m benchmarks run paper-tabular --sets thyroid arrhythmia --detectors NeuTraL --jobs 2
	$(BIN)/python -m benchmarks report benchmarks/results/paper-tabular.jsonl
	$(THREADS) $(BIN)/python -m benchmarks study step-time --again

peers: $(PEERS)/.done

clean:
	rm -rf $(VENV) $(PEERS) $(OLDEST) $(WHEEL) build docs/_build docs/auto_examples docs/reference/generated

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
	$(PEERS)/bin/python $(INSTALL) -c constraints.txt torch
	$(PEERS)/bin/python $(INSTALL) --no-deps -r $<
	$(PEERS)/bin/python $(INSTALL) --no-deps -e .
	touch $@

# Builds of torch this old come with CUDA on Linux, and pip brings its libraries too (3 GB): without
# them torch cannot be imported. An index that has a CPU build saves that.
$(OLDEST)/.done: pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python $(INSTALL) \
		-c constraints-oldest.txt -e ".[progress]" pytest pytest-xdist hypothesis pandas polars
	touch $@
