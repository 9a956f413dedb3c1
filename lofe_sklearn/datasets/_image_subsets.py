"""What the image sets have in common: the choice of a part and of classes."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Literal, TypeAlias

import numpy as np

from lofe_sklearn._types import Ints
from lofe_sklearn._validation import Number, OneOf, check_argument
from lofe_sklearn.datasets._files import FetchOptions

Subset: TypeAlias = Literal["train", "test", "all"]
Classes: TypeAlias = int | str | Sequence[int | str] | Ints
SUBSETS = OneOf(("train", "test", "all"))


class ImageOptions(FetchOptions, total=False):
    """The parameters that the functions for image sets share."""

    subset: Subset
    classes: Classes | None


def check_subset(subset: Subset, caller: str) -> None:
    """Raise ValueError unless `subset` names a part."""
    check_argument(caller, "subset", subset, SUBSETS)


def check_classes(classes: Any, names: Sequence[str], caller: str) -> Ints:
    """Numbers of the chosen classes, which may be given as numbers or names; None for all."""
    if classes is None:
        return np.arange(len(names))
    chosen = [classes] if isinstance(classes, str | Integral) else classes
    number = Number(Integral, low=0, high=len(names) - 1)
    lowered = [name.lower() for name in names]
    numbers_of = []
    for one in chosen if isinstance(chosen, Sequence | np.ndarray) else [chosen]:
        if isinstance(one, str) and one.lower() in lowered:
            numbers_of.append(lowered.index(one.lower()))
        elif number.accepts(one):
            numbers_of.append(int(one))
        else:
            raise ValueError(
                f"{caller}: classes must be numbers from 0 to {len(names) - 1} or names out of "
                f"{list(names)}; got {one!r}."
            )
    if not numbers_of:
        raise ValueError(f"{caller}: classes must have at least one class, or be None for all.")
    return np.unique(numbers_of)
