"""Warnings of other libraries that are silenced, in one thread and in several."""

import threading
import warnings

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
    """The second thread waits for the first, which would else put back what the second has set."""
    before, is_inside, may_end = list(warnings.filters), threading.Event(), threading.Event()

    def first():
        with silenced("", UserWarning):
            is_inside.set()
            may_end.wait(10)

    def second():
        is_inside.wait(10)
        with silenced("", RuntimeWarning):
            pass

    threads = [threading.Thread(target=target) for target in (first, second)]
    for thread in threads:
        thread.start()
    is_inside.wait(10)
    threads[1].join(0.1)
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert warnings.filters == before
