"""Warnings of other libraries that are silenced, in one thread and in several."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from lofe_sklearn._quiet import silenced


def test_what_matches_is_silent_and_nothing_else():
    with pytest.warns(UserWarning) as caught:  # noqa: PT030, PT031
        with silenced("one", UserWarning), silenced("two", UserWarning):
            for text in ("one thing", "two things", "three", "not one"):
                warnings.warn(text, UserWarning, stacklevel=1)
        warnings.warn("one later", UserWarning, stacklevel=1)
    assert [str(w.message) for w in caught] == ["three", "not one", "one later"]


def test_threads_put_the_filters_back():
    """The first thread leaves while the second is inside, and has found what the first has set."""
    before, first_left = list(warnings.filters), threading.Event()
    first_is_inside, second_is_inside = threading.Event(), threading.Event()

    def first():
        with silenced("", UserWarning):
            first_is_inside.set()
            assert second_is_inside.wait(10)
        first_left.set()

    def second():
        assert first_is_inside.wait(10)
        with silenced("", RuntimeWarning):
            second_is_inside.set()
            assert first_left.wait(10)
            assert warnings.filters != before

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(first), pool.submit(second)]:
            done.result()
    assert warnings.filters == before
