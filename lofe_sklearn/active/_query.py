"""Which rows to ask about: diverse, most anomalous, close to the threshold, random or mixed."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import pairwise_distances_argmin
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn._any_detector import check_detector, final_step, rows_of_its_own, thawed
from lofe_sklearn._containers import check_unmasked
from lofe_sklearn._detectors import OutlierDetector
from lofe_sklearn._known_labels import Known
from lofe_sklearn._prepared_rows import count_given_rows
from lofe_sklearn._types import Detector, Floats, Ints, KnownLabels, Mask, MatrixLike, RandomState
from lofe_sklearn._validation import Number, check_argument, check_seed, did_you_mean

# The temperature of the SOEL paper's softmax over distances, here divided by the largest.
_TEMPERATURE = 0.01
# The spread of a constant output by rounding, as a share of its size.
_ROUNDING = 1e-12
Strategy: TypeAlias = Literal["diverse", "most_anomalous", "margin", "random", "mixed"]


def query(
    detector: Detector,
    X: MatrixLike,
    n_queries: int = 1,
    *,
    strategy: Strategy | Callable[..., ArrayLike] = "diverse",
    known_anomalies: Mask | None = None,
    known_normal: Mask | None = None,
    known_labels: KnownLabels | None = None,
    random_state: RandomState = None,
) -> Ints:
    """Choose the rows whose labels are worth asking for.

    Parameters
    ----------
    detector : LOE, Backbone or Pipeline that ends in one
        A fitted detector, usually fitted to X; trained blind or not, with known labels or not.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The rows to choose from.
    n_queries : int, default=1
        How many.
    strategy : {"diverse", "most_anomalous", "margin", "random", "mixed"} or callable
        - ``"diverse"``, the default: rows that cover the detector's embedding, as in SOEL [1]_.
          The first row is drawn at random. Each further row is drawn with a probability that grows
          with its distance to the nearest row that is known or chosen already.
        - ``"most_anomalous"``: the rows of the lowest scores. They are likely to be anomalies, but
          alike, and say little about the ratio.
        - ``"margin"``: the rows closest to the threshold of `predict`.
        - ``"random"``: rows at random, for an unbiased estimate of the ratio.
        - ``"mixed"``: the most anomalous and a diverse one in turn.

        A callable gets ``(detector, X, candidates, n_queries, rng)`` and returns `n_queries` of the
        candidates, which are row numbers. Of a Pipeline it gets the last step, and X as transformed
        for that step.
    known_anomalies, known_normal : array-like of bool, shape (n_samples,), optional
        Masks of the rows whose label is known, as in `fit`: they are not asked about again.
    known_labels : array-like of int, shape (n_samples,), or pair of masks, optional
        The same in one array of -1, +1 and 0, as in `fit`.
    random_state : int, RandomState instance or None, default=None
        Seeds what is drawn.

    Returns
    -------
    asked : ndarray of int, shape (n_queries,)
        Row numbers of X in the order of the choice: the first ten of twenty are those of a query
        for ten.

    Raises
    ------
    NotFittedError
        If the detector is not fitted.
    TypeError
        If the detector does not belong to this package.
    ValueError
        If there are fewer rows of unknown label than queries, or a parameter cannot be used.

    See Also
    --------
    refit : Trains with the answers.

    References
    ----------
    .. [1] A. Li, C. Qiu, M. Kloft, P. Smyth, S. Mandt, M. Rudolph (2023). Deep Anomaly Detection
       under Labeling Budget Constraints. ICML. arXiv:2302.07832.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn import LOE, DeepSVDD
    >>> from lofe_sklearn.active import query, refit
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = LOE(DeepSVDD(max_epochs=5), contamination=0.1, random_state=0).fit(X)
    >>> asked = query(detector, X, 20, random_state=0)
    >>> shown = np.isin(np.arange(len(X)), asked)
    >>> anomalies, normal = shown & (y == 1), shown & (y == 0)  # the expert's answers
    >>> detector = refit(detector, X, known_anomalies=anomalies, known_normal=normal)
    """
    last, rows = detector_and_rows(detector, X, "query")
    n_samples = count_given_rows(rows, "query")
    labels = Known(known_labels, known_anomalies, known_normal)
    known = labels.read(n_samples, "query", X, trains=False)
    candidates = np.arange(n_samples) if known is None else np.flatnonzero(known == 0)
    check_argument("query", "n_queries", n_queries, Number(Integral, low=1))
    if n_queries > len(candidates):
        raise ValueError(
            f"query: n_queries={n_queries} is more than there are rows of unknown label "
            f"({len(candidates)} of {n_samples}). Ask about fewer."
        )
    if callable(strategy):
        choose: Callable[..., Any] = strategy
    elif isinstance(strategy, str) and strategy in STRATEGIES:
        choose = STRATEGIES[strategy]
    else:
        raise ValueError(
            f"query: strategy must be one of {', '.join(map(repr, STRATEGIES))}, or a callable "
            f"(detector, X, candidates, n_queries, rng) -> rows; got {strategy!r}."
            f"{did_you_mean(strategy, STRATEGIES)}"
        )
    if callable(strategy):  # it may compute in place, or shuffle the candidates
        rows = rows_of_its_own(rows)
    rng = check_seed("query", random_state)
    asked = choose(last, rows, candidates.copy(), int(n_queries), rng)
    return _checked(asked, candidates, n_queries)


def diverse(
    detector: Any, X: Any, candidates: Ints, n_queries: int, rng: np.random.RandomState
) -> Ints:
    """Cover the embedding, by the seeding of k-means++ with a sharper choice."""
    embedding = standardised(detector.embed(X))
    known = np.setdiff1d(np.arange(len(embedding)), candidates)
    nearest = _distances_to_nearest(embedding, known)
    chosen: list[int] = []
    while len(chosen) < n_queries:
        if np.isinf(nearest).all():
            row = int(rng.choice(candidates))
        else:
            row = int(candidates[_draw(nearest[candidates], rng)])
        chosen.append(row)
        nearest = np.minimum(nearest, _distances(embedding, row))
        candidates = candidates[candidates != row]
    return np.array(chosen)


def most_anomalous(
    detector: Any, X: Any, candidates: Ints, n_queries: int, rng: np.random.RandomState
) -> Ints:
    """Take the lowest scores."""
    scores = detector.score_samples(X)[candidates]
    return candidates[np.argsort(scores, kind="stable")[:n_queries]]


def margin(
    detector: Any, X: Any, candidates: Ints, n_queries: int, rng: np.random.RandomState
) -> Ints:
    """Take the rows that are closest to the threshold, on either side."""
    distance = np.abs(detector.decision_function(X))[candidates]
    return candidates[np.argsort(distance, kind="stable")[:n_queries]]


def random(
    detector: Any, X: Any, candidates: Ints, n_queries: int, rng: np.random.RandomState
) -> Ints:
    """Draw at random, whatever the detector says."""
    return rng.permutation(candidates)[:n_queries]


def mixed(
    detector: Any, X: Any, candidates: Ints, n_queries: int, rng: np.random.RandomState
) -> Ints:
    """Take the most anomalous row and a diverse one in turn."""
    extreme = iter(most_anomalous(detector, X, candidates, len(candidates), rng).tolist())
    spread = iter(diverse(detector, X, candidates, n_queries, rng).tolist())
    chosen: list[int] = []
    while len(chosen) < n_queries:
        source = spread if len(chosen) % 2 else extreme
        chosen.append(next(row for row in source if row not in chosen))
    return np.array(chosen)


STRATEGIES: dict[str, Callable[..., Ints]] = {
    "diverse": diverse,
    "most_anomalous": most_anomalous,
    "margin": margin,
    "random": random,
    "mixed": mixed,
}


def standardised(embedding: Floats) -> Floats:
    """Give each output the mean 0 and the same spread: members' embeddings differ in both."""
    embedding = in_unit_range(embedding)
    spread = embedding.std(axis=0)
    # An output that is constant up to rounding tells nothing.
    varies = spread > _ROUNDING * np.abs(embedding).max(axis=0)
    outputs = embedding[:, varies]
    # Far from 0 the squares of outputs would round away their differences, and so the distances.
    return np.asarray((outputs - outputs.mean(axis=0)) / spread[varies])


def in_unit_range(outputs: Floats) -> Floats:
    """Divide each output by a power of two, which changes no digit, so that squares are finite."""
    _, exponents = np.frexp(np.abs(outputs).max(axis=0))
    return np.ldexp(outputs, -exponents)


def _distances_to_nearest(embedding: Floats, rows: Ints) -> Floats:
    """Return the distance of each row to the nearest of some rows; infinite if there are none."""
    if len(rows) == 0:
        return np.full(len(embedding), np.inf)
    if embedding.shape[1] == 0:  # all rows are in one place
        return np.zeros(len(embedding))
    # Products of matrices find the nearest one, in little memory if arrays are in C order. Their
    # rounding would part copies of a row, so that the distance is that of the differences.
    own = np.ascontiguousarray(embedding)
    return _distances(own, rows[pairwise_distances_argmin(own, own[rows])])


def _distances(embedding: Floats, rows: int | Ints) -> Floats:
    """Return the distance of each row to one row, or to a row of its own."""
    return np.asarray(np.sqrt(((embedding - embedding[rows]) ** 2).sum(axis=1)))


def _draw(distance: Floats, rng: np.random.RandomState) -> int:
    """Draw one by the softmax of the distances, in units of the largest, over the temperature."""
    largest = distance.max()
    if largest == 0:  # only copies of known rows are left
        return int(rng.randint(len(distance)))
    weights = np.exp((distance / largest - 1) / _TEMPERATURE)
    return int(rng.choice(len(distance), p=weights / weights.sum()))


def detector_and_rows(detector: Any, X: Any, owner: str) -> tuple[Any, Any]:
    """Return the fitted detector itself, at the end of a Pipeline, and what it gets of X.

    Raises
    ------
    TypeError, NotFittedError
        If the detector does not belong to this package, or is not fitted.
    """
    check_unmasked(X, "X", owner)
    detector = thawed(detector)
    last = thawed(final_step(detector))
    check_detector(last if isinstance(last, OutlierDetector) else detector, owner, "detector")
    check_is_fitted(last)
    if isinstance(detector, Pipeline) and len(detector.steps) > 1:
        X = detector[:-1].transform(rows_of_its_own(X))
    return last, X


def _checked(asked: Any, candidates: Ints, n_queries: int) -> Ints:
    """Check the rows that a user's strategy returns."""
    asked = np.asarray(asked)
    distinct = np.unique(asked)
    if asked.shape != (n_queries,) or len(distinct) < n_queries or asked.dtype.kind not in "iu":
        raise ValueError(
            f"query: the callable strategy must return {n_queries} different row numbers; got "
            f"{len(distinct)} different values of {asked.dtype} in an array of shape "
            f"{asked.shape}."
        )
    unasked = np.setdiff1d(distinct, candidates)
    if len(unasked):
        raise ValueError(
            f"query: the callable strategy returned row {unasked[0]}, which is not one of the "
            "candidates; it may only choose from these."
        )
    return asked.astype(np.int64)
