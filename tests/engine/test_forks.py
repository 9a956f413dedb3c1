"""Processes and threads: one forked after a fit does not wait for threads that are not there."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, engine
from lofe_sklearn._loe._row_blocks import in_blocks

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


@pytest.fixture
def blas():
    """BLAS with two threads, as a program has it that limits none."""
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    before = [each.num_threads for each in libraries]
    set_threads(libraries, [2] * len(libraries))
    if not libraries or {each.num_threads for each in libraries} != {2}:
        pytest.skip("this BLAS has no threads")
    yield libraries
    set_threads(libraries, before)


def set_threads(libraries, numbers):
    for each, n_threads in zip(libraries, numbers, strict=True):
        each.set_num_threads(n_threads)
    # From threadpoolctl 3.8 on, other threads could not set them until this one has left a block.
    with threadpool_limits(None):
        pass


def test_blas_has_its_threads_after_two_callers(blas):
    """The second to enter must not take the number of the first for that of the program."""
    first, second = engine.blas_on_one_thread(), engine.blas_on_one_thread()
    first.__enter__()
    assert {each.num_threads for each in blas} == {1}
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert {each.num_threads for each in blas} == {2}
    with engine.blas_on_one_thread():
        assert {each.num_threads for each in blas} == {1}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_blas_has_its_threads_after_an_error_in_one_of_them(blas, error):
    """The others end their blocks when the caller has put the number back."""
    X, may_end, ended = np.zeros((2**14, 2)), threading.Event(), threading.Event()

    def compute(first_row, rows):
        if first_row == 0:
            raise error
        assert may_end.wait(60)
        ended.set()
        return rows[:, 0]

    with pytest.raises(error):
        in_blocks(compute, X, n_jobs=2)
    assert {each.num_threads for each in blas} == {2}
    may_end.set()
    if ended.wait(1):  # it had begun
        time.sleep(0.5)
    assert {each.num_threads for each in blas} == {2}


def test_fits_in_threads_are_fits_alone():
    X = np.random.default_rng(0).normal(size=(100, 6))

    def scores(seed):
        return DeepSVDD(max_epochs=3, random_state=seed).fit(X).score_samples(X)

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(scores, range(8)))
    for seed, found in enumerate(together):
        np.testing.assert_array_equal(found, scores(seed))
