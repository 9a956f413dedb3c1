"""Whatever is called: a result with finite scores, or an error that names what is wrong.

`pytest -m slow tests/fuzz` makes ten thousand calls, the fast suite a hundred of each kind. The
calls are the same in each run.
"""

import copy
import warnings

import numpy as np
import pytest
import torch
from calls import calls
from functions import FUNCTIONS, function_calls
from hypothesis import HealthCheck, Phase, given, settings
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from lofe_sklearn import ICL, LOE, AutoEncoder, TrainingDivergedError

OURS_OR_SCIKIT_LEARNS = (ValueError, TypeError, NotFittedError, TrainingDivergedError)


def world():
    """What a call must leave as it was."""
    return (
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
        list(warnings.filters),
    )


@pytest.fixture(scope="module", autouse=True)
def _everything_is_imported():
    """Train stacks: the first ones import libraries that add filters of warnings."""
    X = np.random.default_rng(0).normal(size=(20, 3))
    for backbone in (AutoEncoder(max_epochs=1), ICL(max_epochs=1)):
        LOE(backbone, contamination=0.1, n_estimators=2).fit(X)
    for function, arguments in FUNCTIONS.items():
        function(**arguments)


def try_out(call):
    parameters = copy.deepcopy(call.detector.get_params())
    scores = error = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = world()
        try:
            scores = call.run()
        except OURS_OR_SCIKIT_LEARNS as caught:
            error = caught
        assert world() == before
    if scores is not None:
        assert np.isfinite(scores).all()
    if error is not None:
        assert str(error).strip(), f"{type(error).__name__} without a message"
        if call.odd is not None and not call.fit_params:
            assert call.odd in str(error) or is_about_rows(error), f"{call.odd}: {error}"
    assert call.detector.get_params().keys() == parameters.keys()
    assert repr(clone(call.detector)) == repr(call.detector)


def try_out_a_function(call):
    error = result = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = world()
        try:
            result = call.run()
        except OURS_OR_SCIKIT_LEARNS as caught:
            error = caught
        assert world() == before
    if isinstance(result, (float, np.ndarray)) and np.asarray(result).dtype.kind == "f":
        assert np.isfinite(result).all(), call
    if error is not None:
        assert call.odd is not None, f"{call.function.__name__}: {error}"
        # scikit-learn's own checks of rows and labels do not name these.
        of_scikit_learn = call.odd in {"X", "y", "y_true", "outliers", "groups"}
        named = of_scikit_learn or call.odd in str(error) or is_about_rows(error)
        assert named, f"{call.function.__name__}({call.odd}={call.arguments[call.odd]!r}): {error}"


def is_about_rows(error):
    """Whether it says what the rows or the training lack for what is asked."""
    return any(word in str(error) for word in ("row", "sample", "feature", "fold", "diverged"))


COMMON = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
    "phases": (Phase.generate,),
}


@settings(max_examples=100, **COMMON)
@given(calls())
def test_a_hundred_calls(call):
    try_out(call)


@settings(max_examples=100, **COMMON)
@given(function_calls())
def test_a_hundred_calls_of_functions(call):
    try_out_a_function(call)


@pytest.mark.slow
@settings(max_examples=2_000, **COMMON)
@given(function_calls())
def test_two_thousand_calls_of_functions(call):
    try_out_a_function(call)


@pytest.mark.slow
@settings(max_examples=10_000, **COMMON)
@given(calls())
def test_ten_thousand_calls(call):
    try_out(call)
