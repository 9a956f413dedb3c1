"""fit_shard where something is wrong in one process: all of them say which, and none waits."""

import os
import time

import numpy as np
import pandas as pd
import pytest
from processes import in_processes
from scipy import sparse
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.distributed import fit_shard, process_group
from lofe_sklearn.exceptions import ProcessGroupError, TrainingDivergedError

X = np.random.default_rng(0).normal(size=(60, 4))
SMALL = DeepSVDD(max_epochs=2, random_state=0)


@pytest.fixture(autouse=True, scope="module")
def _everything_is_imported():
    """What a first fit imports, each process would import for itself."""
    SMALL.fit(X)


def errors_of(detector, rows, **options):
    """Errors of both processes, where the second has other rows."""
    return in_processes(lambda ranks: fit_shard(detector, [X, rows][ranks.rank], **options))


def test_a_process_without_rows():
    for error in errors_of(SMALL, X[:0]):
        assert isinstance(error, ValueError)
        assert "process 1 of 2 has 0" in str(error)


def test_rows_that_cannot_be_used():
    rows = X.copy()
    rows[7, 2] = np.nan
    other, own = errors_of(SMALL, rows)
    assert isinstance(own, ValueError)
    assert "column 2 (row 7)" in str(own)
    assert isinstance(other, ProcessGroupError)
    assert "process 1 of 2 failed: ValueError: DeepSVDD: " in str(other)
    assert "column 2 (row 7)" in str(other)


def test_a_value_too_large_for_the_network():
    rows = X.copy()
    rows[7, 2] = 1e30
    other, own = errors_of(SMALL.set_params(scaling=None), rows)
    SMALL.set_params(scaling="auto")
    assert "too large to compute with" in str(own)
    assert "row 7, column 2" in str(own)
    assert "process 1 of 2 failed" in str(other)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (X[:, :3], "the number of features must be the same in all processes; process 0 has 4"),
        (pd.DataFrame(X, columns=list("abcd")), "the names of the features must be the same"),
    ],
)
def test_other_features(rows, what):
    for error in errors_of(SMALL, rows):
        assert isinstance(error, ProcessGroupError)
        assert what in str(error)


def test_other_detectors():
    def work(ranks):
        return fit_shard(DeepSVDD(max_epochs=2 + ranks.rank, random_state=0), X)

    for error in in_processes(work):
        assert isinstance(error, ProcessGroupError)
        assert "max_epochs" in str(error)


def test_other_outliers():
    for error in in_processes(lambda ranks: fit_shard(SMALL, X, outliers=X[ranks.rank :] + 5)):
        assert isinstance(error, ProcessGroupError)
        assert "outliers must be the same" in str(error)


def test_a_divergence_is_that_of_all():
    for error in errors_of(DeepSVDD(lr=1e30, max_epochs=3, random_state=0), X):
        assert isinstance(error, TrainingDivergedError)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"max_samples": 0.5}, "max_samples"),
        ({"max_features": 2}, "max_features"),
        ({"held_out_folds": 3}, "held_out_folds"),
        ({"keep": "partial"}, "keep"),
        ({"init": np.arange(60.0)}, "init"),
    ],
)
def test_what_is_refused(parameters, name):
    with process_group(), pytest.raises(ValueError, match=f"fit_shard: {name} must be"):
        fit_shard(LOE(SMALL, contamination=0.1, **parameters), X)


def test_kinds_that_are_refused():
    with process_group():
        with pytest.raises(ValueError, match="X must be dense"):
            fit_shard(SMALL, sparse.csr_matrix(X))
        for detector in (make_pipeline(SMALL), IsolationForest(), DeepSVDD):
            with pytest.raises(TypeError, match="fit_shard: detector must be an instance of LOE"):
                fit_shard(detector, X)


def test_without_a_group():
    with pytest.raises(ProcessGroupError, match="joined no group"):
        fit_shard(SMALL, X)


def test_groups_that_cannot_be_joined(monkeypatch):
    with process_group(), pytest.raises(RuntimeError, match="has joined a group"), process_group():
        pass
    with (
        pytest.raises(ValueError, match="timeout must be a number of seconds"),
        process_group(timeout=0),
    ):
        pass
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(RuntimeError, match="but not WORLD_SIZE"), process_group():
        pass


def test_a_process_that_ends(monkeypatch):
    """The others are told at once, long before the timeout."""
    monkeypatch.setattr("lofe_sklearn.engine._ranks._PATIENCE", 0.5)

    def work(ranks):
        if ranks.rank == 1:
            os._exit(1)
        return fit_shard(SMALL, X)

    alone, ended = in_processes(work, timeout=120)
    assert ended is None
    assert isinstance(alone, ProcessGroupError)
    assert "no answer from process 1 of 2" in str(alone)


def test_a_process_that_hangs(monkeypatch):
    monkeypatch.setattr("lofe_sklearn.engine._ranks._PATIENCE", 0.5)

    def work(ranks):
        if ranks.rank == 1:
            time.sleep(4)
            os._exit(1)
        return fit_shard(SMALL, X)

    alone, _ = in_processes(work, timeout=1.5)
    assert isinstance(alone, ProcessGroupError)
    assert "no answer from process 1 of 2" in str(alone)
