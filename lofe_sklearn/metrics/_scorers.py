"""Scorers for `cross_val_score`, `GridSearchCV` and their like: ``(estimator, X, y) -> float``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lofe_sklearn._any_detector import normality
from lofe_sklearn._types import MatrixLike, Scorer
from lofe_sklearn._validation import did_you_mean
from lofe_sklearn.metrics._label_free import ExcessMassScorer, excess_mass_scorer
from lofe_sklearn.metrics._scores import (
    average_precision,
    f1_at_true_ratio,
    precision_at_n,
    roc_auc,
)


class OutlierScorer:
    """Make a scorer of a metric of labels and scores.

    Called as ``scorer(estimator, X, y)``, which is what `scoring` of `cross_val_score`,
    `GridSearchCV` and their like takes, alone or in a dict of several. `y` is read as `is_anomaly`
    reads it, so that the same scorer serves all encodings.

    Parameters
    ----------
    metric : callable ``(y_true, scores, **kwargs) -> float``
        `roc_auc` or another of this module, or your own; `scores` are high for normal rows.
    **kwargs
        Handed on to the metric.

    Raises
    ------
    TypeError
        If `metric` is no function. When called, if the estimator has no scores that are known to be
        high for normal rows: it needs ``score_samples``, or ``decision_function`` and
        `sklearn.base.OutlierMixin`. PyOD's detectors, and `PyODDetector`, score the other way
        round: pass ``-scores`` to the metrics.
    ValueError
        When called, if a metric of scikit-learn would read labels {0, 1} the other way round, if
        there are no labels, or if the metric cannot be computed from them, as for a
        fold of one class. `cross_val_score` turns the error into NaN and a warning; set
        ``error_score="raise"``, and use folds of `OutlierStratifiedKFold`.

    See Also
    --------
    get_scorer : The scorers by name.
    ExcessMassScorer : A scorer that needs no labels.

    Notes
    -----
    The scorer named ``"roc_auc"`` in scikit-learn expects that rows of the greater label score
    high. That is right for {-1, +1}. For {0, 1} with 1 for anomalies it silently ranks candidates
    from worst to best.

    Examples
    --------
    >>> from sklearn.model_selection import cross_val_score
    >>> from lofe_sklearn import LOE, DeepSVDD
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> from lofe_sklearn.metrics import OutlierScorer, precision_at_n
    >>> from lofe_sklearn.model_selection import OutlierStratifiedKFold
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = LOE(DeepSVDD(max_epochs=5), contamination=0.025, random_state=0)
    >>> scorer = OutlierScorer(precision_at_n, n=10)
    >>> folds = OutlierStratifiedKFold(3, random_state=0)
    >>> cross_val_score(detector, X, y, scoring=scorer, cv=folds).shape
    (3,)
    """

    def __init__(self, metric: Callable[..., float], **kwargs: Any) -> None:
        if not callable(metric) or isinstance(metric, (type, OutlierScorer, ExcessMassScorer)):
            raise TypeError(
                "OutlierScorer: metric must be a function (y_true, scores) -> float, such as "
                f"roc_auc; got {metric!r}. Scorers by name are those of get_scorer."
            )
        self.metric = metric
        self.kwargs = kwargs

    @property
    def __name__(self) -> str:
        """The metric's name: scikit-learn's displays of curves label their axis with it."""
        return getattr(self.metric, "__name__", repr(self.metric))

    def __repr__(self) -> str:
        arguments = [self.__name__, *(f"{k}={v!r}" for k, v in self.kwargs.items())]
        return f"OutlierScorer({', '.join(arguments)})"

    def __call__(self, estimator: Any, X: MatrixLike, y: ArrayLike | None = None) -> float:
        """Score a fitted detector on labelled rows.

        Parameters
        ----------
        estimator : estimator
            A fitted detector with scikit-learn's sign: ``score_samples`` high for normal rows.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to score.
        y : array-like of shape (n_samples,)
            Their true labels, as `is_anomaly` reads them.

        Returns
        -------
        score : float
            The higher, the better.
        """
        if y is None:
            raise ValueError(
                f"{self!r} needs labels: pass y to fit or cross_val_score. Without any, a label-"
                "free scorer such as excess_mass_scorer is left; read what it is worth."
            )
        # They take the greater label for the one that scores high.
        metric = self.metric
        while isinstance(metric, partial):
            metric = metric.func
        of_sklearn = str(getattr(metric, "__module__", "")).startswith("sklearn.")
        if of_sklearn and set(np.unique(np.asarray(y)).tolist()) <= {0, 1}:
            raise ValueError(
                f"{self!r} would take the anomalies, 1 in y, for the rows that score high. Take "
                "roc_auc, average_precision or another metric of lofe_sklearn.metrics, or pass y "
                "with -1 for anomalies and +1 for others."
            )
        scores = normality(estimator, X, repr(self))
        found = self.metric(y, scores, **self.kwargs)
        try:
            return float(found)
        except (TypeError, ValueError, OverflowError) as error:
            raise TypeError(
                f"{self!r}: metric must return a number; got {type(found).__name__} ({error})."
            ) from error


roc_auc_scorer = OutlierScorer(roc_auc)
average_precision_scorer = OutlierScorer(average_precision)
f1_at_true_ratio_scorer = OutlierScorer(f1_at_true_ratio)
precision_at_n_scorer = OutlierScorer(precision_at_n)

_SCORERS: dict[str, Scorer] = {
    "average_precision": average_precision_scorer,
    "excess_mass": excess_mass_scorer,
    "f1_at_true_ratio": f1_at_true_ratio_scorer,
    "precision_at_n": precision_at_n_scorer,
    "roc_auc": roc_auc_scorer,
}


def get_scorer_names() -> list[str]:
    """Names that `get_scorer` knows.

    Returns
    -------
    names : list of str
        In alphabetical order.

    Examples
    --------
    >>> from lofe_sklearn.metrics import get_scorer_names
    >>> get_scorer_names()
    ['average_precision', 'excess_mass', 'f1_at_true_ratio', 'precision_at_n', 'roc_auc']
    """
    return sorted(_SCORERS)


def get_scorer(scoring: str | Scorer) -> Scorer:
    """Return the scorer of a name, with anomalies as the positive class.

    Parameters
    ----------
    scoring : str or callable
        A name of `get_scorer_names`, or a scorer ``(estimator, X, y) -> float``, which is returned
        as it is.

    Returns
    -------
    scorer : callable ``(estimator, X, y) -> float``
        The higher the value, the better.

    Raises
    ------
    ValueError
        If the name is not known, or `scoring` is neither a name nor a scorer.

    Examples
    --------
    >>> from lofe_sklearn.metrics import get_scorer
    >>> get_scorer("roc_auc")
    OutlierScorer(roc_auc)
    """
    if any(isinstance(s, OutlierScorer) and s.metric is scoring for s in _SCORERS.values()):
        name = getattr(scoring, "__name__", scoring)
        raise ValueError(
            f"scoring={name} is a metric (y_true, scores), not a scorer; use {name}_scorer or "
            f"{name!r}."
        )
    if callable(scoring) and not isinstance(scoring, type):
        return scoring
    if isinstance(scoring, str) and scoring in _SCORERS:
        return _SCORERS[scoring]
    raise ValueError(
        f"scoring must be one of {', '.join(map(repr, get_scorer_names()))}, or a callable "
        f"(estimator, X, y) -> float; got {scoring!r}."
        f"{did_you_mean(scoring, _SCORERS)}"
    )
