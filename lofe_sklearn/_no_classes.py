"""Why detectors have no `classes_`: an error for tools that are made for classifiers."""

from __future__ import annotations

from typing import Any, NoReturn


class NoClasses:
    """The attribute ``classes_`` that a detector does not have; one that a user sets is taken."""

    def __get__(self, detector: Any, owner: type) -> NoReturn:
        raise AttributeError(missing_classes(owner.__name__))


def missing_classes(name: str) -> str:
    """Return the message for the detector of the class `name`."""
    return (
        f"{name!r} object has no attribute 'classes_': it is an outlier detector, and no "
        "classifier. So meta-estimators for classifiers cannot use it. cross_val_predict can, if "
        "it gets no y; pass cv=list(cv.split(X, y)) for folds that depend on y."
    )
