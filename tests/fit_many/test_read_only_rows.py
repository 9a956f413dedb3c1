"""fit_many on what joblib maps into a worker's memory, where nothing can be written."""

import warnings

import joblib
import numpy as np
import pytest
from scipy import sparse

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, fit_many
from lofe_sklearn._training import _train

N_ROWS = 80
KNOWN = np.repeat([-1, 1, 0], [3, 5, N_ROWS - 8])


def make_rows(container):
    X = np.abs(np.random.default_rng(0).normal(size=(N_ROWS, 4)))
    X[X < 0.5] = 0
    return container(X)


def detectors():
    quick = {"max_epochs": 2, "batch_size": 20}
    common = {"contamination": 0.1, "random_state": 0}
    return [
        LOE(DeepSVDD(**quick), n_estimators=2, max_features=0.5, known_weight=1.0, **common),
        LOE(DeepSVDD(**quick), label_update="epoch", **common),
        LOE(AutoEncoder(**quick, scaling="standard"), init=np.arange(N_ROWS) % 7, **common),
        AutoEncoder(**quick, random_state=0),
    ]


def fitted(X, **options):
    rows = [np.arange(N_ROWS), np.arange(5, 75), np.arange(N_ROWS), np.arange(0, N_ROWS, 2)]
    several = fit_many(
        detectors(), X, rows=rows, known_labels=KNOWN, outliers="shuffled", **options
    )
    return [detector.score_samples(X) for detector in several]


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.csr_matrix])
def test_everything_a_worker_gets_is_read_only(container, monkeypatch, tmp_path):
    X = make_rows(container)
    expected = fitted(X)

    def mapped(training, n_stacks, n_jobs):
        def run(calls):
            for function, arguments, options in calls:
                joblib.dump(arguments, tmp_path / "arguments")
                arguments = joblib.load(tmp_path / "arguments", mmap_mode="r")
                yield function(*arguments, **options)

        return lambda calls: list(run(calls))

    monkeypatch.setattr(_train, "Stacks", mapped)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch's of arrays that are not writable, for one
        found = fitted(X)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.slow
@pytest.mark.usefixtures("processes_for_little")
def test_workers_of_joblib(container, device):
    X = make_rows(container)
    with joblib.parallel_config(backend="loky", max_nbytes=1):  # as for rows of more than 1 MB
        found = fitted(X, n_jobs=2)
    for one, other in zip(found, fitted(X), strict=True):
        # With two workers there are two stacks, and sums of another shape are rounded otherwise.
        rtol = 1e-10 if device.type == "cpu" else 1e-6
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-12)
