"""Shared fixtures: the device option, the folder of real data, small contaminated sets."""

import gc
import inspect
import json
import os
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import numpy as np
import pytest
import torch
from sklearn.covariance import _robust_covariance
from sklearn.ensemble import IsolationForest
from threadpoolctl import threadpool_limits

from lofe_sklearn import LOE, DeepSVDD, backbones, engine, get_config
from lofe_sklearn._loe._classical import Forest

# Small layers and matrices gain nothing from threads, and xdist's workers would fight over them.
torch.set_num_threads(1)
threadpool_limits(1)
# Models are compared to more digits than a GPU's convolutions have by default.
torch.backends.cudnn.allow_tf32 = False


# A change fails by what it does, and not by an example that was drawn today. Others are looked for
# by --hypothesis-profile random.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.register_profile("random", deadline=None)
hypothesis.settings.load_profile("steady")


# Scripts that mypy reads, see test_typing.py.
collect_ignore = ["typing"]


def pytest_addoption(parser):
    parser.addoption(
        "--device", default="cpu", help="device that all estimators run on: cpu, cuda, cuda:1, mps"
    )


def pytest_collection_modifyitems(items):
    """Skip what needs a GPU on a machine without one."""
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="torch finds no CUDA device"))


def pytest_collection_finish():
    """Keep the garbage collector from going through what stays: that takes 10 % of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(autouse=True)
def _run_on_the_asked_device(request, monkeypatch):
    """Let ``device="auto"``, every estimator's default, mean the device of ``--device``."""
    asked, resolve = request.config.getoption("--device"), engine.resolve_device

    def resolve_asked(name, *owner):
        nothing_said = name == "auto" and get_config()["device"] == "auto"
        return resolve(asked if nothing_said else name, *owner)

    monkeypatch.setattr(engine, "resolve_device", resolve_asked)


@pytest.fixture(autouse=True)
def _few_trees(request, monkeypatch):
    """Let LOE's own forests grow few trees, and its robust covariance start from few subsets.

    As a user has them they would take most of the time of LOE's tests. Those marked ``all_trees``
    have what a user has; so have other processes, and the pages.
    """
    if request.node.get_closest_marker("all_trees"):
        return
    monkeypatch.setattr(Forest, "n_trees", 6)
    select = _robust_covariance.select_candidates

    def select_among_few(X, n_support, n_trials, **options):
        # A number of random subsets, or the candidates that came of them.
        few = n_trials if isinstance(n_trials, tuple) else min(n_trials, 4)
        return select(X, n_support, few, **options)

    monkeypatch.setattr(_robust_covariance, "select_candidates", select_among_few)


@pytest.fixture(scope="session", autouse=True)
def _no_indentation():
    """Let skops write JSON without indentation, by json's C code: that halves the time of `save`.

    What is in a file stays the same, since `save` packs skops' JSON anew.
    """
    try:
        from skops.io import _persist
    except ImportError:
        yield
        return

    def dumps(value, *, indent=None, **options):
        return json.dumps(value, **options)

    with pytest.MonkeyPatch.context() as patch:
        if hasattr(_persist, "json"):
            patch.setattr(_persist, "json", SimpleNamespace(**{**vars(json), "dumps": dumps}))
        yield


@pytest.fixture
def device(request):
    return torch.device(request.config.getoption("--device"))


@pytest.fixture(scope="session")
def data_folder():
    """Folder of real data sets, from LOFE_DATA or beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("LOFE_DATA", beside))
    if not (folder / "tabular").is_dir():
        pytest.skip(f"real data not found in {folder}; set LOFE_DATA to the folder that has it")
    return folder


# Every public backbone: a new one gets all common tests by being exported.
BACKBONES = [
    cls
    for cls in (getattr(backbones, name) for name in backbones.__all__)
    if inspect.isclass(cls) and issubclass(cls, backbones.Backbone) and not inspect.isabstract(cls)
]
# What is too large by default to be trained hundreds of times.
SMALL = {
    backbones.MHRot: {"depth": 10, "width": 1, "n_views": 1, "batch_size": 128},
    backbones.GOAD: {"n_transforms": 8},
}


# The default forest of 100 trees takes longer than to train a small LOE. Where its labels are not
# what is tested, few trees will do.
FEW_TREES = IsolationForest(n_estimators=5, random_state=0)


def in_units_of_normal_rows(training, values, ratio):
    """Bring members' values to the scale on which LOE averages them, by its formula.

    Each member has its training rows' values in `training`. Its unit is the standard deviation of
    those below its share of anomalies, times one number for all members: the mean over members of
    how much larger that of all rows is.
    """
    whole = np.array([own.std() for own in training])
    normal = np.array(
        [np.sort(own)[: len(own) - round(ratio * len(own))].std() for own in training]
    )
    centers = np.array([own.mean() for own in training])
    unit = normal * np.mean(whole / normal)
    return (np.array(values) - centers[:, None]) / unit[:, None]


def small(cls):
    """Return the class, with the arguments of a small network where its own is large."""
    if cls not in SMALL:
        return cls
    constructor = partial(cls, **SMALL[cls])
    constructor.__name__ = cls.__name__
    return constructor


class ComparedName(str):
    """A name that counts how often such names are compared."""

    __hash__ = str.__hash__
    n_compared = 0

    def __eq__(self, other):
        ComparedName.n_compared += 1
        return str.__eq__(self, other)

    def __str__(self):
        return self


def slow_but(fast, variants):
    """Return the variants of a test for ``parametrize``, marked slow but for those in `fast`.

    What differs in kind stays fast; the others go the same way with other values. A variant that
    is a tuple has the values of several arguments.
    """
    variants = list(variants)
    assert all(one in variants for one in fast), "what should be fast is no variant"
    return [
        pytest.param(
            *(one if isinstance(one, tuple) else (one,)),
            marks=[pytest.mark.slow] * (one not in fast),
        )
        for one in variants
    ]


@pytest.fixture
def processes_for_little(monkeypatch):
    """Let joblib start processes for small trainings too, as it does for large ones."""
    from lofe_sklearn._training import _stack_jobs

    monkeypatch.setattr(_stack_jobs, "LEAST_SECONDS", 0.0)


# They take nearly as long as all others. The fast suite has scikit-learn's checks of them.
LONGEST = (backbones.MHRot, backbones.ICL)
EACH_BACKBONE = slow_but([cls for cls in BACKBONES if cls not in LONGEST], BACKBONES)
# Where all backbones go through the same code of their base class, these show it as well as all: a
# distance from a centre, one that draws noise, and one whose scores may be negative.
TELLING = (backbones.DeepSVDD, backbones.DTE, backbones.RealNVP)


def with_few(fixture, *others):
    """Let the fast suite run a test of `detector` or `backbone_class` with few of the backbones."""
    variants = slow_but([*TELLING, *others], [*BACKBONES, *others])
    return pytest.mark.parametrize(fixture, variants, ids=lambda cls: cls.__name__, indirect=True)


few_backbones = with_few("backbone_class")
few_detectors = with_few("detector", LOE)


@pytest.fixture(params=EACH_BACKBONE, ids=lambda cls: cls.__name__)
def backbone_class(request):
    return small(request.param)


@pytest.fixture(params=[*EACH_BACKBONE, LOE], ids=lambda cls: cls.__name__)
def detector(request):
    """Every public detector, with little to train."""
    if request.param is LOE:
        return LOE(
            DeepSVDD(max_epochs=4),
            contamination=0.1,
            n_estimators=2,
            init=FEW_TREES,
            random_state=0,
        )
    return small(request.param)(max_epochs=2, random_state=0)


@pytest.fixture
def contaminated():
    """Two-cluster normals and 10 % far anomalies: X, and y with 1 for anomalies."""
    rng = np.random.default_rng(0)
    normal = np.concatenate([rng.normal(0, 1, (90, 5)), rng.normal(4, 1, (90, 5))])
    X = np.concatenate([normal, rng.uniform(-12, 12, (20, 5))])
    y = np.repeat([0, 1], [180, 20])
    order = rng.permutation(len(X))
    return X[order], y[order]


# What is raised where there is not enough memory, by Python and by torch on a CPU.
OF_MEMORY = [
    MemoryError("Unable to allocate 8 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
]


def raises(error):
    """Return a function that raises an error, whatever it is given."""

    def fail(*_, **__):
        raise error

    return fail
