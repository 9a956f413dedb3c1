"""A process forked after a fit computes, and does not wait for threads that are not there."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no forks")

# In a process of its own: a test that failed would wait forever, and the suite has one thread.
PARENT = """
import multiprocessing, os, threading
import numpy as np, torch
torch.set_num_threads(2)
from lofe_sklearn import LOE, AutoEncoder, DeepSVDD
from lofe_sklearn.engine import _stack

X = np.random.default_rng(0).normal(size=(600, 20))
make = lambda: LOE([DeepSVDD(max_epochs=2), AutoEncoder(max_epochs=2)], n_estimators=2,
                   random_state=0)
detector = make().fit(X)
scores = detector.score_samples(X)

def in_child():
    assert np.allclose(detector.score_samples(X), scores, rtol=0, atol=1e-7)
    assert torch.get_num_threads() == 2  # as the program has it

def refit():
    # With the models of folds, and the mixture of scikit-learn's that finds the ratio.
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
with _stack._global_rng:  # as a thread of the parent may hold it
    run(refit)
with context.Pool(2) as pool:
    of_pool = pool.map(detector.score_samples, [X] * 3)
assert all(np.allclose(part, scores, rtol=0, atol=1e-7) for part in of_pool)
"""


def test_forked_process_computes():
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive"}
    process = subprocess.run(
        [sys.executable, "-c", PARENT + CALLS],
        timeout=300,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
