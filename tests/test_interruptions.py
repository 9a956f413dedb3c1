"""Ctrl-C at any moment of a fit: what was fitted before stays, and the next fit is as any other."""

import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD, LOESearchCV, NeuTraL, fit_many
from lofe_sklearn._quiet import silenced
from lofe_sklearn.engine import ForkSafeLock, plain_torch
from lofe_sklearn.engine._thread_limits import torch_on_one_thread

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX signals")

X = np.random.default_rng(0).normal(size=(400, 5))
Y = np.repeat([0, 1], [380, 20])
BACKBONE = AutoEncoder(max_epochs=40, batch_size=32, random_state=0)


def interrupted(call, after):
    """Whether SIGINT, sent after some seconds, ended the call by KeyboardInterrupt."""

    def interrupt(number, frame):
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, after)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    return False


def seconds_of(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def moments(call, n):
    """Moments spread over the time that a call takes."""
    return np.linspace(0.02, 0.95, n) * seconds_of(call)


DETECTORS = {
    "backbone": lambda: NeuTraL(max_epochs=6, n_transforms=3, random_state=0),
    "LOE": lambda: LOE(BACKBONE, contamination=0.1, n_estimators=3, random_state=0),
    "LOE, ratio not known": lambda: LOE(
        DeepSVDD(max_epochs=20), n_estimators=2, init=None, random_state=0
    ),
    "search": lambda: LOESearchCV(
        LOE(BACKBONE, init=None, random_state=0), {"contamination": [0.05, 0.1]}, cv=2
    ),
}


def fit(detector):
    return detector.fit(X, Y)


@pytest.mark.slow
@pytest.mark.parametrize("name", DETECTORS)
def test_a_fit(name):
    detector = DETECTORS[name]()
    expected = fit(DETECTORS[name]()).score_samples(X)
    n_interrupted = 0
    for after in moments(lambda: fit(DETECTORS[name]()), 12):
        fresh = DETECTORS[name]()
        if interrupted(lambda fresh=fresh: fit(fresh), after):
            n_interrupted += 1
            # A search keeps its results when only the last training is interrupted.
            if not hasattr(fresh, "cv_results_"):
                with pytest.raises(NotFittedError):
                    fresh.score_samples(X)
        np.testing.assert_array_equal(fit(fresh).score_samples(X), expected)
    assert n_interrupted
    fit(detector)
    if name != "search":
        interrupted(lambda: fit(detector), moments(lambda: fit(DETECTORS[name]()), 3)[1])
        np.testing.assert_array_equal(detector.score_samples(X), expected)


def test_ctrl_c_as_a_lock_is_let_go():
    # Python looks for signals as it enters a function. No function of the package runs between the
    # work under a lock and its release, in which a signal would leave the lock held for good.
    lock, calls = ForkSafeLock(), []

    def interrupt(frame, event, argument):
        if event == "call":
            calls.append(frame.f_code.co_name)
            raise KeyboardInterrupt

    previous = sys.getprofile()
    try:
        with lock.held:
            sys.setprofile(interrupt)
    finally:
        sys.setprofile(previous)
    assert calls == []
    assert lock.held.acquire(timeout=1)


def settings():
    return torch.get_num_threads(), torch.get_default_dtype(), list(warnings.filters)


def interrupted_at_function(call, number):
    """Raise KeyboardInterrupt as a function of the package or of contextlib begins; count them."""
    n_begun = 0

    def interrupt(frame, event, argument):
        nonlocal n_begun
        where = frame.f_code.co_filename
        if event == "call" and ("lofe_sklearn" in where or "contextlib" in where):
            n_begun += 1
            if n_begun == number:
                raise KeyboardInterrupt

    previous = sys.getprofile()
    sys.setprofile(interrupt)
    try:
        call()
    except KeyboardInterrupt:
        pass
    finally:
        sys.setprofile(previous)
    return n_begun


def in_context(make):
    with make():
        pass


# A signal is looked at as a function begins, that of an `__exit__` too, which then does nothing.
@pytest.mark.parametrize(
    "make",
    [torch_on_one_thread, plain_torch, lambda: silenced("anything", UserWarning)],
    ids=["threads", "default type", "filters"],
)
def test_ctrl_c_as_a_setting_is_put_back(make, device):
    if device.type != "cpu":
        pytest.skip("of threads of the processor")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.set_default_dtype(torch.float64)
    try:
        own = settings()
        n_functions = interrupted_at_function(lambda: in_context(make), 0)
        assert n_functions > 3
        for number in range(1, n_functions + 1):
            interrupted_at_function(lambda: in_context(make), number)
            assert settings() == own, number
            with make():
                assert settings() != own, number
            assert settings() == own, number
    finally:
        torch.set_num_threads(before)
        torch.set_default_dtype(torch.float32)


@pytest.mark.slow
@pytest.mark.usefixtures("processes_for_little")
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_fit_many(n_jobs):
    def call():
        detectors = [DETECTORS["LOE"](), DETECTORS["backbone"]()]
        return fit_many(detectors, X, n_jobs=n_jobs)

    expected = [detector.score_samples(X) for detector in call()]
    assert sum(interrupted(call, after) for after in moments(call, 6))
    for detector, scores in zip(call(), expected, strict=True):
        np.testing.assert_array_equal(detector.score_samples(X), scores)


@pytest.mark.slow
def test_a_killed_process_leaves_no_worker_behind():
    script = (
        "import numpy as np\n"
        "from lofe_sklearn import LOE, NeuTraL, AutoEncoder, fit_many\n"
        "X = np.random.default_rng(0).normal(size=(2000, 20))\n"
        "print('ready', flush=True)\n"
        "fit_many([LOE(NeuTraL()), AutoEncoder(max_epochs=3000)], X, n_jobs=2)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(8)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
    process.stdout.close()
