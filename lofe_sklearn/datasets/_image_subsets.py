"""What the image sets have in common: the choice of a part and of classes."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import numpy as np

SUBSETS = ("train", "test", "all")


def check_subset(subset: object, caller: str) -> str:
    """Return the name of a part if it is one."""
    if subset not in SUBSETS:
        raise ValueError(f"{caller}: subset must be one of {list(SUBSETS)}; got {subset!r}.")
    return str(subset)


def check_classes(classes: object, names: Sequence[str], caller: str) -> np.ndarray:
    """Numbers of the chosen classes, which may be given as numbers or names; None for all."""
    if classes is None:
        return np.arange(len(names))
    chosen = [classes] if isinstance(classes, str | numbers.Integral) else classes
    lowered = [name.lower() for name in names]
    numbers_of = []
    for one in chosen if isinstance(chosen, Sequence | np.ndarray) else [chosen]:
        if isinstance(one, str) and one.lower() in lowered:
            numbers_of.append(lowered.index(one.lower()))
        elif isinstance(one, numbers.Integral) and 0 <= int(one) < len(names):
            numbers_of.append(int(one))
        else:
            raise ValueError(
                f"{caller}: classes must be numbers from 0 to {len(names) - 1} or names out of "
                f"{list(names)}; got {one!r}."
            )
    if not numbers_of:
        raise ValueError(f"{caller}: classes must have at least one class, or be None for all.")
    return np.unique(numbers_of)
