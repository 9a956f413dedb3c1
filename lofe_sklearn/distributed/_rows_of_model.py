"""The columns of a frame that a model was fitted to, in its order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sklearn.pipeline import Pipeline

from lofe_sklearn.distributed._frames import as_array, column_names, select


def names_fitted_to(model: Any) -> list[str] | None:
    """Return the names of the columns that a frame must have; None if no such names are known.

    They are known of the first step, or of a later one if the steps before it hand rows on as they
    are.
    """
    first = next(_steps(model))
    names = getattr(first, "feature_names_in_", None)
    return None if names is None else list(names)


def rows_for(model: Any, frame: Any, keep: Sequence[str]) -> Any:
    """Return the rows of a frame as the model takes them.

    Parameters
    ----------
    model : fitted estimator
    frame : DataFrame, Table or dict of arrays
    keep : sequence of str
        Columns that are features only if the model was fitted to columns of these names.

    Returns
    -------
    rows : DataFrame, Table or ndarray
        A frame if the model was fitted to named columns, or if it starts with a step that knows
        neither the names nor the number of its columns.
    """
    names = names_fitted_to(model)
    if names is not None:
        return select(frame, names, as_table=True)
    others = [name for name in column_names(frame) if str(name) not in keep]
    if hasattr(next(_steps(model)), "n_features_in_"):
        return as_array(frame, others)
    return select(frame, _ordered(model, column_names(frame), others), as_table=True)


def _ordered(model: Any, given: Sequence[str], others: Sequence[str]) -> list[str]:
    """Order columns for a model whose first steps remember none."""
    later = (getattr(step, "feature_names_in_", None) for step in _steps(model))
    names = next((list(names) for names in later if names is not None), [])
    if names and set(names) <= set(given):
        return names
    # The steps before make the columns that are missing, and which ones they need is not known.
    known = [name for name in names if name in given]
    return known + [name for name in others if name not in known]


def _steps(model: Any) -> Iterator[Any]:
    """Yield the steps of Pipelines and searches within each other, the detector last."""
    if isinstance(model, Pipeline):
        for _, step in model.steps:
            if step not in (None, "passthrough"):
                yield from _steps(step)
    elif hasattr(model, "best_estimator_"):
        yield from _steps(model.best_estimator_)
    else:
        yield model
