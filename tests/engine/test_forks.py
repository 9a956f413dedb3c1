"""Processes and threads: one forked after a fit does not wait for threads that are not there."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD

# In a process of its own: a test that failed would wait forever, and the suite has one thread.
PARENT = """
import multiprocessing, os, threading
import numpy as np, torch
torch.set_num_threads(2)
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD
from lofe_sklearn.engine import _seeded

X = np.random.default_rng(0).normal(size=(600, 20))
make = lambda: LOE([DeepSVDD(max_epochs=2), AutoEncoder(max_epochs=2)], n_estimators=2,
                   random_state=0)
detector = make().fit(X)
scores = detector.score_samples(X)

def in_child():
    assert np.allclose(detector.score_samples(X), scores, rtol=0, atol=1e-7)
    assert torch.get_num_threads() == 2  # as the program has it

def refit():
    # With the models of folds, and the scikit-learn mixture that finds the ratio.
    assert make().fit(X).labels_.shape == (600,)

def from_a_thread():
    failed = []
    def work():
        try:
            in_child()
        except BaseException as error:
            failed.append(error)
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert not failed, failed
    assert torch.get_num_threads() == 2

context = multiprocessing.get_context("fork")
def run(function):
    process = context.Process(target=function)
    process.start()
    process.join()
    assert process.exitcode == 0, function

"""


CALLS = """
run(in_child)
run(refit)
run(from_a_thread)
with _seeded._global_rng.held:  # as a thread of the parent may hold it
    run(refit)
with context.Pool(2) as pool:
    of_pool = pool.map(detector.score_samples, [X] * 3)
assert all(np.allclose(part, scores, rtol=0, atol=1e-7) for part in of_pool)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")
@pytest.mark.slow
def test_forked_process_computes():
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "2",
        "OMP_WAIT_POLICY": "passive",
        "CUDA_VISIBLE_DEVICES": "",  # a process that uses a GPU cannot be forked
    }
    process = subprocess.run(
        [sys.executable, "-c", PARENT + CALLS],
        timeout=300,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr


# As a web server would have it, and joblib.
@pytest.mark.slow
def test_threads_and_new_processes_score_alike():
    X = np.random.default_rng(0).normal(size=(300, 6))
    detector = LOE([DeepSVDD(max_epochs=2), AutoEncoder(max_epochs=2)], random_state=0).fit(X)
    expected = detector.anomaly_proba(X)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(detector.anomaly_proba, [X] * 8):
            np.testing.assert_array_equal(found, expected)
    score = joblib.delayed(detector.anomaly_proba)
    for found in joblib.Parallel(n_jobs=2, backend="loky")(score(X) for _ in range(2)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7)


def test_fits_in_threads_are_fits_alone():
    X = np.random.default_rng(0).normal(size=(100, 6))

    def scores(seed):
        return DeepSVDD(max_epochs=3, random_state=seed).fit(X).score_samples(X)

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(scores, range(8)))
    for seed, found in enumerate(together):
        np.testing.assert_array_equal(found, scores(seed))
