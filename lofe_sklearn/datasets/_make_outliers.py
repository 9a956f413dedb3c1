"""Synthetic outliers around data, for outlier exposure without real outliers."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Literal

import numpy as np
from scipy import sparse

from lofe_sklearn._types import MatrixLike, RandomState
from lofe_sklearn._validation import MOST, Described, Number, OneOf, check_argument, check_seed
from lofe_sklearn.datasets._finite_rows import deviations, finite_rows

KINDS = OneOf(("uniform", "shuffled", "gaussian"))
SCALE = Described(Number(low=0, exclude_low=True), "a finite number above 0")
N_SAMPLES = Described(Number(Integral, low=1, most=MOST), "an integer of at least 1")


def make_outliers(
    X: MatrixLike,
    n_samples: int | None = None,
    *,
    kind: Literal["uniform", "shuffled", "gaussian"] = "uniform",
    scale: float = 1.0,
    random_state: RandomState = None,
) -> Any:
    """Make synthetic outliers from the training rows, without labels.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_rows, n_features)
        The rows to make them from. Anomalies among them do little harm: only the ranges, the
        values or the standard deviations of the features are used.
    n_samples : int, optional
        How many. Default: as many as X has rows.
    kind : {"uniform", "shuffled", "gaussian"}, default="uniform"
        - ``"uniform"``: evenly distributed in the box of the features' ranges. In many dimensions
          nearly all of the box is far from the data, which makes them easy to tell apart.
        - ``"shuffled"``: each feature's values are drawn from its column independently, so that
          only the dependence between features is lost [1]_. They are the hardest to tell apart, and
          the only ones that keep sparse rows sparse; they are useless if features do not depend on
          each other.
        - ``"gaussian"``: rows of X with Gaussian noise of each feature's standard deviation.
    scale : float, default=1.0
        The box's width in ranges, about its middle, or the noise in standard deviations.
        ``"shuffled"`` ignores it.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws.

    Returns
    -------
    outliers : {ndarray, CSR matrix} of shape (n_samples, n_features)
        In double precision.

    Raises
    ------
    ValueError
        If a parameter is out of range, a value of X is not finite, or X is sparse and `kind` is
        not ``"shuffled"``.

    See Also
    --------
    contaminate : Mixes real outliers into rows.

    References
    ----------
    .. [1] T. Shi, S. Horvath (2006). Unsupervised Learning With Random Forest Predictors. Journal
       of Computational and Graphical Statistics 15(1).

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn.datasets import make_outliers
    >>> X = np.random.default_rng(0).normal(size=(200, 1)) * [1.0, 1.0]  # two equal features
    >>> outliers = make_outliers(X, kind="shuffled", random_state=0)
    >>> bool(np.isin(outliers, X).all()), bool((outliers[:, 0] == outliers[:, 1]).mean() < 0.1)
    (True, True)
    """
    owner = "make_outliers"
    check_argument(owner, "kind", kind, KINDS)
    check_argument(owner, "scale", scale, SCALE)
    rows = finite_rows(X, "X", owner, accept_sparse="csr")
    if n_samples is None:
        n_samples = rows.shape[0]
    check_argument(owner, "n_samples", n_samples, N_SAMPLES)
    rng = check_seed(owner, random_state)
    if sparse.issparse(rows):
        if kind != "shuffled":
            raise ValueError(
                f"make_outliers: kind={kind!r} would make dense rows of a sparse X. Use "
                "kind='shuffled', or pass X.toarray() if it is small enough."
            )
        return _shuffled_sparse(rows, n_samples, rng)
    shape = n_samples, rows.shape[1]
    if kind == "uniform":
        low, high = rows.min(axis=0) / 2, rows.max(axis=0) / 2  # no sum of them overflows
        return low + high + scale * (high - low) * (2 * rng.random_sample(shape) - 1)
    if kind == "shuffled":
        return np.take_along_axis(rows, rng.randint(rows.shape[0], size=shape), axis=0)
    drawn = rows[rng.randint(rows.shape[0], size=n_samples)]
    return drawn + scale * deviations(rows) * rng.standard_normal(shape)


def _shuffled_sparse(rows: sparse.csr_matrix, n_samples: int, rng: np.random.RandomState) -> Any:
    """Draw each column's values independently, one column at a time; only non-zeros are kept."""
    columns = rows.tocsc()
    shuffled = []
    for j in range(rows.shape[1]):
        of_column = columns[:, [j]].tocsr()
        shuffled.append(of_column[rng.randint(rows.shape[0], size=n_samples)])
    return sparse.hstack(shuffled, format="csr")
