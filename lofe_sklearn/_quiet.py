"""Silence warnings of another library while it computes, in any number of threads."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager

from lofe_sklearn.engine import OfAllThreads

# What scikit-learn and this package say of rows with names and a fit without them, or the reverse.
OF_NAMES = "X (does not have valid|has) feature names"


class _Filters(OfAllThreads):
    """Filters of warnings that several threads add."""

    def _begin(self) -> None:
        self._found = warnings.catch_warnings()
        self._found.__enter__()

    def _enter(self, message: str, category: type[Warning]) -> None:
        warnings.filterwarnings("ignore", message, category)

    def _end(self) -> None:
        self._found.__exit__(None, None, None)


_filters = _Filters()


def silenced(message: str, category: type[Warning]) -> AbstractContextManager[None]:
    """Ignore warnings of a category whose text matches the regular expression `message`.

    They are only ignored, never made errors, since those of other threads may be among them.
    """
    return _filters(message, category)
