"""Criteria without labels, with measurements of how well they work."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.stats import rankdata
from sklearn.utils import check_array

from lofe_sklearn._any_detector import normality
from lofe_sklearn._containers import check_plain_values, is_table_of_arrow, readable_rows
from lofe_sklearn._tensors import tensor_as_array
from lofe_sklearn._types import Floats, MatrixLike, RandomState
from lofe_sklearn._validation import Constraint, Described, Number, check_argument, check_seed


class ExcessMassScorer:
    """Excess mass: how small a part of the space holds the rows that a detector calls normal.

    A good detector's normal region holds most rows and little volume. The excess mass [1]_ at a
    level t is the greatest (share of rows) - t * (share of volume) over the regions
    ``score >= threshold``; it needs no labels. It is a scorer, ``scorer(estimator, X)``, and
    ignores ``y``. The volume is that of the box that X spans, estimated from uniform draws. The
    criterion is the mean over levels from 1, at which uniform data have no excess mass, to 1000,
    each decade having the same weight.

    Parameters
    ----------
    n_draws : int, default=10000
        Uniform draws that the volume is estimated from; at least 1000. The default puts ten draws
        into the least volume that a level can ask for.
    random_state : int, RandomState instance or None, default=0
        Seeds the draws. An integer, the default, compares all candidates on the same draws.

    Raises
    ------
    ValueError
        If a parameter is out of range, X is not numeric or a score is not finite.
    TypeError
        If the estimator has no scores that are known to be high for normal rows.

    See Also
    --------
    consensus : Compare detectors with each other; better if you have several.

    Notes
    -----
    Its value was measured on sets of ADBench (``python -m benchmarks study label-free``). For
    choosing among nine kinds of detectors, on nine sets of 6 to 10 features, it helps a little: the
    mean ROC AUC of the chosen detector is 78.0 %, of all 74.3, of the best 87.2; its mean rank
    correlation with the ROC AUC is .26. For choosing LOE's ``contamination`` it does not help: 84.9
    % for the chosen ratio, 84.6 for all, 88.2 for always 0.1; rank correlations from -.77 to .92 on
    eight sets.

    It fails if anomalies lie close together, since a tight cluster of them looks like mass. It also
    fails with many features, since no draw falls near any row and all detectors get about the same
    value. The paper draws subsets of features and trains anew on each; a scorer gets a fitted
    detector and cannot. The paper also integrates up to the level at which the excess mass is 0.9,
    which differs from detector to detector; here the range is the same for all.

    References
    ----------
    .. [1] N. Goix (2016). How to Evaluate the Quality of Unsupervised Anomaly Detection Algorithms?
       ICML Anomaly Detection Workshop. arXiv:1607.01152.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import IsolationForest
    >>> from lofe_sklearn.metrics import ExcessMassScorer
    >>> X = np.random.default_rng(0).normal(size=(500, 2))
    >>> good = IsolationForest(random_state=0).fit(X)
    >>> bad = IsolationForest(max_samples=2, n_estimators=1, random_state=0).fit(X)
    >>> scorer = ExcessMassScorer()
    >>> scorer(good, X) > scorer(bad, X)
    True
    """

    _levels: ClassVar[Floats] = np.geomspace(1, 1000, 121)
    _n_draws: ClassVar[Constraint] = Described(
        Number(Integral, low=1000), "an integer of at least 1000"
    )

    def __init__(self, *, n_draws: int = 10_000, random_state: RandomState = 0) -> None:
        self.n_draws = n_draws
        self.random_state = random_state

    @property
    def __name__(self) -> str:
        """A name: scikit-learn's displays of curves label their axis with it."""
        return "excess_mass"

    def __repr__(self) -> str:
        return f"ExcessMassScorer(n_draws={self.n_draws}, random_state={self.random_state})"

    def __call__(self, estimator: Any, X: MatrixLike, y: object = None) -> float:
        """Score a fitted detector on rows it need not have seen.

        Parameters
        ----------
        estimator : estimator
            A fitted detector with scikit-learn's sign: ``score_samples`` high for normal rows.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Numeric rows.
        y : Ignored
            Present for API consistency.

        Returns
        -------
        excess_mass : float
            In [0, 1], the higher the better.
        """
        check_argument("ExcessMassScorer", "n_draws", self.n_draws, self._n_draws)
        draws = _uniform_rows(
            X, int(self.n_draws), check_seed("ExcessMassScorer", self.random_state)
        )
        from lofe_sklearn._quiet import OF_NAMES, silenced  # it loads torch; other metrics do not

        rows = np.sort(normality(estimator, X, "ExcessMassScorer"))
        with silenced(OF_NAMES, UserWarning):  # the rows have told of missing names
            drawn = np.sort(normality(estimator, draws, "ExcessMassScorer"))
        thresholds = np.unique(rows)
        mass = 1 - np.searchsorted(rows, thresholds) / len(rows)
        volume = 1 - np.searchsorted(drawn, thresholds) / len(drawn)
        # Not below 0, which is the excess mass of the empty region.
        excess = [max(0.0, float((mass - level * volume).max())) for level in self._levels]
        return float(np.mean(excess))


excess_mass_scorer = ExcessMassScorer()


def consensus(scores: ArrayLike) -> Floats:
    """How far each of several detectors agrees with the others: its mean rank correlation.

    Good detectors find the same anomalies, and bad ones fail each in its own way. So without labels
    the detector that agrees most with the others is a fair choice. It compares candidates with each
    other, so it is not a scorer of a single one.

    Parameters
    ----------
    scores : array-like of shape (n_detectors, n_samples)
        Scores of the same rows by each of at least two detectors, all with one sign.

    Returns
    -------
    agreement : ndarray of float64, shape (n_detectors,)
        Mean of Spearman's correlation with each of the others, in [-1, 1]. Constant scores agree
        with none (0).

    Raises
    ------
    ValueError
        If there are fewer than two detectors, or a score is not finite.

    Notes
    -----
    A large study [1]_ found no label-free criterion of practical use: the detectors that they
    choose are only comparable to a good detector with random settings. The same holds here,
    measured as for `ExcessMassScorer`: the chosen one of nine kinds of detectors has a mean ROC AUC
    of 81.6 % (mean of all 74.3, always IsolationForest 81.3, best 87.2), of LOE's with eight ratios
    87.6 % (mean 84.6, always 0.1 88.2, best 92.7).

    It prefers what most candidates do, so it fails if most of them are wrong, and it tends to
    choose the middle of a grid.

    References
    ----------
    .. [1] M. Q. Ma, Y. Zhao, X. Zhang, L. Akoglu (2021). A Large-scale Study on Unsupervised
       Outlier Model Selection: Do Internal Strategies Suffice? arXiv:2104.01422.

    Examples
    --------
    >>> from lofe_sklearn.metrics import consensus
    >>> consensus([[1, 2, 3, 4], [2, 3, 4, 9], [4, 3, 2, 1]])
    array([ 0.,  0., -1.])
    """
    check_plain_values(scores, "scores", "consensus")
    try:
        by_detector = check_array(
            tensor_as_array(scores), dtype=np.float64, ensure_min_samples=2, input_name="scores"
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            "consensus: scores must be finite numbers of shape (n_detectors, n_samples), with at "
            f"least two detectors. {error}"
        ) from error
    ranks = rankdata(by_detector, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    length = np.linalg.norm(ranks, axis=1, keepdims=True)
    # Ranks are exact half-integers: the norm of a constant row is 0, and all others are at least
    # 1/2.
    ranks /= np.where(length > 0, length, 1.0)
    correlation = ranks @ ranks.T
    np.fill_diagonal(correlation, 0.0)
    return np.clip(correlation.sum(axis=1) / (len(by_detector) - 1), -1.0, 1.0)


def rows_in_a_box(X: Any) -> Any:
    """Return rows as numbers, or raise ValueError if they span no box to draw from."""
    check_plain_values(X, "X", "ExcessMassScorer")
    try:
        return check_array(
            tensor_as_array(X), accept_sparse="csr", dtype=np.float64, allow_nd=True, input_name="X"
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            "ExcessMassScorer: X must hold finite numbers, since rows are drawn from the box that "
            "X spans. If a Pipeline makes numbers of X, score its last step on the rows that it "
            f"gets, or pass y and take a scorer of labels such as 'roc_auc'. {error}"
        ) from error


def _uniform_rows(X: Any, n_draws: int, rng: np.random.RandomState) -> Any:
    """Draw uniform rows from the box that X spans, in X's own kind of frame."""
    X = readable_rows(X, "ExcessMassScorer")
    values = rows_in_a_box(X)
    low, high = values.min(axis=0), values.max(axis=0)
    if sparse.issparse(values):
        low, high = low.toarray().ravel(), high.toarray().ravel()
    # In two steps, since the width of a box can overflow where its ends do not.
    share = rng.random_sample((n_draws, *low.shape))
    draws = share * high + (1 - share) * low
    if not hasattr(X, "columns"):
        return draws
    # Detectors fitted on a frame want its column names, in pandas' or polars' way.
    if is_table_of_arrow(X):
        return type(X).from_arrays(list(draws.T), names=X.column_names)
    names = {"columns" if hasattr(X, "iloc") else "schema": list(X.columns)}
    return type(X)(draws, **names)
