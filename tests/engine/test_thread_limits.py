"""Threads of torch and BLAS: no more than cores, and the program's numbers are put back."""

import os
import sys
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.decomposition import TruncatedSVD
from threadpoolctl import ThreadpoolController, threadpool_limits

from lofe_sklearn import LOE, AutoEncoder, NeuTraL, engine, fit_many
from lofe_sklearn._loe import _distances
from lofe_sklearn._loe._row_blocks import in_blocks
from lofe_sklearn.engine import _thread_limits
from lofe_sklearn.engine._step import Step
from lofe_sklearn.tabular import TableFeatures


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
    inside, leave = threading.Event(), threading.Event()

    def second():
        with engine.blas_on_one_thread():
            inside.set()
            assert leave.wait(60)

    with ThreadPoolExecutor(1) as pool:
        with engine.blas_on_one_thread():
            assert {each.num_threads for each in blas} == {1}
            other = pool.submit(second)
            assert inside.wait(60)
        leave.set()
        other.result()
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


def test_libraries_are_looked_up_once_and_again_after_an_import(monkeypatch):
    """A process that a server has forked scores row after row so."""
    looks = []

    class Counted(ThreadpoolController):
        def __init__(self):
            looks.append(None)
            super().__init__()

    def compute():
        with engine.one_thread(), engine.blas_on_one_thread():
            pass

    monkeypatch.setattr(_thread_limits, "ThreadpoolController", Counted)
    _thread_limits._loaded.cache_clear()
    for _ in range(3):
        compute()
    assert len(looks) == 2  # of OpenMP and of BLAS
    monkeypatch.setitem(sys.modules, "imported_since", types.ModuleType("imported_since"))
    compute()
    assert len(looks) == 4
    _thread_limits._loaded.cache_clear()


def numbers(blas):
    """Return the numbers of threads of torch and of BLAS."""
    return torch.get_num_threads(), {each.num_threads for each in blas}


@pytest.fixture
def cores(monkeypatch):
    """Return a function that sets how many cores the process may use, of how many."""

    def set_cores(usable, machine):
        monkeypatch.setattr("joblib.cpu_count", lambda: usable)
        monkeypatch.setattr(os, "cpu_count", lambda: machine)
        _thread_limits._limited_cores.cache_clear()

    yield set_cores
    _thread_limits._limited_cores.cache_clear()


def test_all_cores_may_be_used(blas, cores):
    """Numbers that the program has set above them are its own choice."""
    cores(1, 1)
    before = numbers(blas)
    with engine.plain_torch():
        assert numbers(blas) == before


class TestContainer:
    """A machine of eight cores, of which a container may use one, and two threads of each."""

    @pytest.fixture(autouse=True)
    def _container(self, blas, cores, device):
        if device.type != "cpu":
            pytest.skip("of threads of the processor")
        cores(1, 8)
        before = torch.get_num_threads()
        torch.set_num_threads(2)
        yield
        after = numbers(blas)
        torch.set_num_threads(before)
        assert after == (2, {2})

    @pytest.fixture
    def seen(self, blas, monkeypatch):
        """Return the threads that steps of training, the evidence and texts of tables found."""
        found = {}

        def watch(owner, name, kind):
            original = getattr(owner, name)

            def call(*args, **kwargs):
                found.setdefault(kind, []).append(numbers(blas))
                return original(*args, **kwargs)

            monkeypatch.setattr(owner, name, call)

        watch(Step, "__call__", "steps")
        watch(_distances, "_half_squares", "evidence")
        watch(TruncatedSVD, "fit_transform", "texts")
        return found

    def test_a_block(self, blas):
        with engine.plain_torch():
            assert numbers(blas) == (1, {1})
            with engine.plain_torch(), engine.one_thread(), engine.blas_on_one_thread():
                assert numbers(blas) == (1, {1})
            assert numbers(blas) == (1, {1})
        assert numbers(blas) == (2, {2})

    def test_an_error(self, blas):
        with pytest.raises(ValueError, match="mine"), engine.plain_torch():
            raise ValueError("mine")
        assert numbers(blas) == (2, {2})

    def test_several_threads(self, blas):
        inside, leave = threading.Event(), threading.Event()

        def compute():
            with engine.plain_torch():
                found = numbers(blas)
                inside.set()
                leave.wait(60)
            return found, torch.get_num_threads()

        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(compute)
            assert inside.wait(60)
            with engine.plain_torch():
                assert numbers(blas) == (1, {1})
            leave.set()
            assert other.result() == ((1, {1}), 2)

    def test_fits_and_scores(self, seen):
        X = np.random.default_rng(0).normal(size=(60, 6))
        NeuTraL(max_epochs=1).fit(X)
        detector = LOE(AutoEncoder(max_epochs=1), evidence="knn", contamination=0.1).fit(X)
        detector.partial_fit(X)
        fit_many([detector], X)
        assert set(map(str, seen.pop("steps"))) == {"(1, {1})"}
        assert set(map(str, seen.pop("evidence"))) == {"(1, {1})"}
        detector.score_samples(X)
        assert set(map(str, seen.pop("evidence"))) == {"(1, {1})"}

    def test_texts_of_a_table(self, seen):
        pytest.importorskip("skrub", reason="needs skrub")
        words = np.random.default_rng(0).choice(
            ["red", "large", "house", "by", "the sea"], (300, 6)
        )
        texts = [" ".join(row) for row in words]
        TableFeatures().fit(pd.DataFrame({"text": texts}))
        assert set(map(str, seen["texts"])) == {"(1, {1})"}

    def test_rows_that_are_scored_in_threads(self, blas):
        X, found = np.zeros((2**14, 2)), []

        def compute(first_row, rows):
            found.append(numbers(blas))
            return rows[:, 0]

        in_blocks(compute, X, n_jobs=2)
        assert set(map(str, found)) == {"(1, {1})"}
