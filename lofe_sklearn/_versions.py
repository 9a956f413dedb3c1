"""The version of this package in pickles, and a warning if another version reads them."""

from __future__ import annotations

from typing import Any

from sklearn.exceptions import InconsistentVersionWarning

from lofe_sklearn._validation import warn_user

_KEY = "_lofe_sklearn_version"


class OtherVersionWarning(InconsistentVersionWarning):
    """A model of another version is read. It is one of scikit-learn's warnings of this kind.

    Parameters
    ----------
    what : str
        What was read.
    made_with, now : str
        Versions, with the names of the packages.
    """

    def __init__(self, what: str, made_with: str, now: str) -> None:
        super().__init__(
            estimator_name=what,
            current_sklearn_version=now,
            original_sklearn_version=made_with,
        )

    def __str__(self) -> str:
        return (
            f"{self.estimator_name} was made with {self.original_sklearn_version} and is read with "
            f"{self.current_sklearn_version}. Scores may differ, or fail. Fit it again, or use the "
            "versions that it was made with."
        )


def current_version() -> str:
    """Return the version of this package, which is looked up late: it is above this file."""
    from importlib import import_module

    return import_module("lofe_sklearn").__version__


def warn_of_other_version(what: str, made_with: str, now: str) -> None:
    """Warn at the user's line, if two versions differ."""
    if made_with != now:
        warn_user(OtherVersionWarning(what, made_with, now))


class VersionedPickleMixin:
    """An estimator whose pickles store the version of this package; it must be the first base."""

    def __getstate__(self) -> dict[str, Any]:
        parent: Any = super()
        state = parent.__getstate__()
        return {**(state or vars(self)), _KEY: current_version()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        made_with = state.pop(_KEY, "an unknown version")
        warn_of_other_version(
            f"The pickle of {type(self).__name__}",
            f"lofe_sklearn {made_with}",
            f"lofe_sklearn {current_version()}",
        )
        parent: Any = super()
        if hasattr(parent, "__setstate__"):
            parent.__setstate__(state)
        else:
            vars(self).update(state)
