"""Features that are explained together, such as the pixels of a patch."""

from __future__ import annotations

from typing import Any

import numpy as np

from lofe_sklearn._types import Ints


def read_groups(groups: Any, n_features: int, owner: str, names: Any = None) -> Ints:
    """Return the number of each feature's group, from 0 on; None is a group for each feature.

    `names` are those of the features, if they have some.

    Raises
    ------
    ValueError
        If `groups` is no array of one integer or name for each feature, or a Series that has the
        names of the features in another order as its index.
    """
    if groups is None:
        return np.arange(n_features)
    if names is not None and hasattr(groups, "iloc"):
        index, ours = [str(name) for name in groups.index], [str(name) for name in names]
        if index != ours and sorted(index) == sorted(ours):
            raise ValueError(
                f"{owner}: groups must be in the order of the features; it is a Series whose index "
                "has their names in another order. groups.reindex(X.columns) has them in theirs."
            )
    try:
        names = np.asarray(groups)
    except ValueError:  # lists of different lengths, such as those of the features of each group
        names = np.empty(len(groups), dtype=object)
        names[:] = groups
    is_object = names.dtype == object
    if is_object and all(isinstance(name, str) for name in names.flat):  # as pandas keeps names
        names = names.astype(str)
    if names.shape != (n_features,) or names.dtype.kind not in "biuUS":
        kinds = sorted({type(name).__name__ for name in names.flat}) if is_object else []
        raise ValueError(
            f"{owner}: groups must be an array of {n_features} integers or names, one for each "
            f"feature, equal for features that belong together; got shape {names.shape} of "
            f"{' and '.join(kinds) or names.dtype}."
        )
    return np.unique(names, return_inverse=True)[1].ravel().astype(np.int64)
