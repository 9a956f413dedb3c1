"""Reasons for any fitted detector, by the columns of the Pipeline's input."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn._any_detector import check_detector, innermost_detector, normality, thawed
from lofe_sklearn._containers import check_unmasked, readable_rows, tidy_csr
from lofe_sklearn._detectors import OutlierDetector
from lofe_sklearn._quiet import OF_NAMES, silenced
from lofe_sklearn._reasons import (
    Explanation,
    PlainRows,
    explanation_of,
    occlude,
    read_groups,
    typical_values,
)
from lofe_sklearn._types import Floats
from lofe_sklearn.inspection._columns import column_names, row_like, with_columns_of
from lofe_sklearn.inspection._frame_rows import FrameRows
from lofe_sklearn.inspection._rows_as_read import RowsAsRead
from lofe_sklearn.inspection._typical_row import typical_row
from lofe_sklearn.sources._find_source import in_memory

_OWNER = "explain"
_NEEDS_BACKGROUND = (
    "explain: the typical values of the columns of X are not known. The detector knows typical "
    "values only after the steps before it, and {why}. Pass background=X_train, the training rows "
    "or some hundred of them."
)


def explain(
    fitted: Any, X: Any, *, background: Any = None, groups: ArrayLike | None = None
) -> Explanation:
    """Say how much each column contributes to the anomaly of each row, through a Pipeline too.

    Columns of the *input* are given their typical values, and the whole Pipeline scores the result.
    So contributions belong to the columns that the user knows, whatever the steps turn them into:
    one-hot columns, parts of dates, embeddings of texts, principal components.

    Parameters
    ----------
    fitted : detector
        `LOE`, a backbone, a Pipeline that ends in one of them, or a search with a
        ``best_estimator_`` that is one of these; fitted.
    X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
        The rows to explain, as `fitted` takes them. Each takes two scores for every column whose
        value is not typical, so pass the few that matter.
    background : like X, of shape (n_background, n_features), optional
        Rows that define the typical values: the training rows, or some of them. Typical is the
        median of numbers and dates, the most frequent value of texts, categories and booleans, and
        a missing value if most are missing. Default: the medians of the training rows, which a
        detector keeps. For a Pipeline they come from the attribute ``typical_row_`` of the first
        step, a table of one row, or else from undoing the steps, if that is possible.
    groups : array-like of int or str, shape (n_features,), optional
        Columns with equal entries are replaced together, which takes fewer scores. They share their
        contribution evenly. Default: each column by itself; pixels of `MHRot` in patches.

    Returns
    -------
    explanation : Explanation
        Contributions in units of the score, with values and typical values.

    Raises
    ------
    TypeError
        If `fitted` is no detector of this package, or X is no table.
    ValueError
        If X, `background` or `groups` cannot be used, or if `background` is needed.
    NotFittedError
        If `fitted` is not fitted.

    See Also
    --------
    Explanation : What the contributions mean, and what they add up to.
    lofe_sklearn.LOE.explain : The same of a detector alone.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import OneHotEncoder, StandardScaler
    >>> from lofe_sklearn import LOE, DeepSVDD
    >>> from lofe_sklearn.inspection import explain
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"amount": rng.normal(20, 2, 200)})
    >>> table["unit"] = rng.choice(["g", "kg"], 200)
    >>> table.loc[0, "amount"] = 90.0
    >>> to_numbers = make_column_transformer(
    ...     (StandardScaler(), ["amount"]), (OneHotEncoder(), ["unit"])
    ... )
    >>> detector = make_pipeline(to_numbers, LOE(DeepSVDD(), contamination=0.05, random_state=0))
    >>> detector = detector.fit(table)
    >>> [[reason]] = explain(detector, table[:1], background=table).top(1)
    >>> reason.feature, reason.value
    ('amount', 90.0)
    """
    fitted = thawed(fitted)
    if hasattr(fitted, "best_estimator_"):
        return explain(fitted.best_estimator_, X, background=background, groups=groups)
    if isinstance(fitted, OutlierDetector):
        return fitted.explain(X, background=background, groups=groups)
    last = innermost_detector(fitted)
    advice = (
        "Its heatmap(X) shows where pictures are anomalous." if hasattr(last, "heatmap") else ""
    )
    check_detector(last, _OWNER, "fitted", advice=advice)
    check_is_fitted(fitted)
    first = _first_step(fitted)
    if hasattr(first, "_table_for_reasons"):
        return _explain_table(fitted, first, X, background, groups)
    X = _table(X, "X")
    normality(fitted, X, _OWNER)  # The steps raise their own errors for what they cannot take.
    # What they warn of names that are missing, they have said by now.
    with silenced(OF_NAMES, UserWarning):
        return _explain_columns(fitted, X, background, groups)


def _explain_columns(fitted: Any, X: Any, background: Any, groups: ArrayLike | None) -> Explanation:
    """Explain rows that a Pipeline has scored before."""
    names = column_names(X)
    part_of = read_groups(groups, X.shape[1], _OWNER, names)
    background = _known_background(fitted, X) if background is None else background
    background = _background_like(X, background)
    if names is None and X.dtype.kind != "O":
        table: Any = PlainRows(X, typical_values(background), part_of)
    else:
        table = FrameRows(X, typical_row(background), part_of, _OWNER)
    found = occlude(lambda rows: normality(fitted, rows, _OWNER), table, _OWNER)
    return explanation_of(found, table, names, X.index if hasattr(X, "iloc") else None)


def _explain_table(
    fitted: Any, first: Any, X: Any, background: Any, groups: ArrayLike | None
) -> Explanation:
    """Explain rows of a table that the first step reads, from whatever library it comes."""
    X = in_memory(X, _OWNER)
    if background is not None:
        background = in_memory(background, _OWNER, "background")
    index = X.index if hasattr(X, "iloc") else None
    X = first._table_for_reasons(X, _OWNER, "X")
    normality(fitted, X, _OWNER)
    rows = RowsAsRead(first, X, background, groups, _OWNER)
    rest = _without(first, fitted)
    found = occlude(lambda features: normality(rest, features, _OWNER), rows, _OWNER)
    return explanation_of(found, rows, rows.names, index)


def _without(first: Any, pipeline: Pipeline) -> Pipeline:
    """Return a Pipeline that takes what its first step has made of the rows."""
    (name, step), *others = pipeline.steps
    while step in ("passthrough", None):
        (name, step), *others = others
    return Pipeline([(name, "passthrough" if step is first else _without(first, step)), *others])


def _table(data: Any, name: str) -> Any:
    """Return rows in a container that has columns.

    Raises
    ------
    ValueError
        If they have none, or if there is no row.
    """
    data = in_memory(data, _OWNER, name)  # few rows of a source are read
    check_unmasked(data, name, _OWNER)
    data = readable_rows(data, _OWNER, name)
    if sparse.issparse(data):
        data = tidy_csr(data.tocsr())
    elif not (hasattr(data, "columns") or hasattr(data, "column_names")):
        data = np.asarray(data)
        data = data.astype(object) if data.dtype.kind in "USmM" else data
    shape = tuple(data.shape)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(
            f"{_OWNER}: {name} must be a table with at least one row and one column; got shape "
            f"{shape}. A single row is X[:1]; images are explained by MHRot(...).explain, and "
            "PatchDetector.heatmap shows where a defect is."
        )
    return data


def _background_like(X: Any, background: Any) -> Any:
    """Return the background with the columns of X, in their order.

    Raises
    ------
    ValueError
        If it has other columns, or is of another kind than X.
    """
    background = _table(background, "background")
    kinds = [_kind(X), _kind(background)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"{_OWNER}: background must be of the same kind as X; got {kinds[1]}, and X is "
            f"{kinds[0]}. Pass both as the detector was trained."
        )
    ours, others = column_names(X), column_names(background)
    if ours is None or others is None:
        if X.shape[1] != background.shape[1]:
            raise ValueError(
                f"{_OWNER}: background must have {X.shape[1]} columns as X has; got "
                f"{background.shape[1]}."
            )
        return background
    missing = [name for name in ours if name not in others]
    if missing:
        raise ValueError(f"{_OWNER}: background lacks the column {missing[0]!r} of X.")
    return background if ours == others else with_columns_of(background, ours)


def _kind(table: Any) -> str:
    library = type(table).__module__.partition(".")[0]
    return "an array" if column_names(table) is None else f"a table of {library}"


def _known_background(pipeline: Pipeline, X: Any) -> Any:
    """Return the first step's typical row, or the detector's one with the steps undone."""
    kept = getattr(_first_step(pipeline), "typical_row_", None)
    return row_like(X, _typical_before(pipeline, X)) if kept is None else kept


def _first_step(pipeline: Any) -> Any:
    """Return the first step that is not "passthrough", of Pipelines in a Pipeline too."""
    while isinstance(pipeline, Pipeline):
        steps = (step for _, step in pipeline.steps if step not in ("passthrough", None))
        pipeline = next(steps, None)
    return pipeline


def _typical_before(estimator: Any, X: Any) -> Floats:
    """Return values that a Pipeline's steps turn into the detector's typical values.

    Raises
    ------
    ValueError
        If that cannot be found.
    """
    if hasattr(estimator, "best_estimator_"):
        return _typical_before(estimator.best_estimator_, X)
    if not isinstance(estimator, Pipeline):
        return estimator._typical(None)
    after = _typical_before(estimator.steps[-1][1], X)
    steps = estimator[:-1]
    if len(steps) == 0:
        return after
    if not hasattr(steps, "inverse_transform"):
        raise ValueError(_NEEDS_BACKGROUND.format(why="one of these has no inverse_transform"))
    try:
        # Copies, since a step may compute in place.
        before = _dense_row(steps.inverse_transform(after.reshape(1, -1).copy()))
        again = _dense_row(steps.transform(row_like(X, before.copy())))
    except (ValueError, TypeError) as error:
        raise ValueError(
            _NEEDS_BACKGROUND.format(why=f"these fail: {str(error).rstrip('.')}")
        ) from error
    # Some steps have an inverse that does not undo them, such as a function without one.
    if again.shape != after.shape or not np.allclose(again, after, rtol=1e-6, atol=1e-6):
        raise ValueError(_NEEDS_BACKGROUND.format(why="these cannot be undone"))
    return before


def _dense_row(rows: Any) -> Floats:
    return np.asarray(rows.toarray() if sparse.issparse(rows) else rows, dtype=np.float64)[0]
