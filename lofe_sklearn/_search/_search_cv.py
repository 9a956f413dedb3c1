"""LOESearchCV: GridSearchCV for the detectors of this package, at the price of few fits."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MetaEstimatorMixin, OutlierMixin, clone
from sklearn.utils import Tags, get_tags

from lofe_sklearn._all_or_nothing import all_or_nothing
from lofe_sklearn._progress import job, part
from lofe_sklearn._search._best import BestEstimatorMixin
from lofe_sklearn._search._candidates import Settings, check_is_trainable, fit_candidates, prepare
from lofe_sklearn._search._evaluate import Data, evaluate
from lofe_sklearn._search._grid import ERROR_SCORE, REFIT, list_candidates
from lofe_sklearn._search._routing import RoutingMixin
from lofe_sklearn._search._rows_and_folds import read_folds, read_rows
from lofe_sklearn._search._scoring import (
    check_refit,
    check_scorable,
    looks_at_labels,
    resolve_scoring,
    warn_of_foreign_scorers,
)
from lofe_sklearn._types import Ints, MatrixLike, RandomState
from lofe_sklearn._validation import (
    N_JOBS,
    RANDOM_STATE,
    Constraint,
    Number,
    OneOf,
    check_parameters,
    warn_user,
)
from lofe_sklearn.sources._find_source import in_memory

# The attributes that a search sets.
_FOUND = (
    "best_estimator_",
    "best_index_",
    "best_params_",
    "best_score_",
    "cv_results_",
    "multimetric_",
    "n_splits_",
    "refit_time_",
    "scorer_",
)


class LOESearchCV(RoutingMixin, MetaEstimatorMixin, OutlierMixin, BestEstimatorMixin):
    """Search parameters by cross-validation, with candidates and folds trained side by side.

    It has the interface of `sklearn.model_selection.GridSearchCV` and, on the same folds, its
    results. GridSearchCV trains each candidate on each fold by itself. Here they train side by side
    in one network with a leading model axis; for small networks that takes little longer than
    training a few of them. After `fit` the search is the best detector, trained on all rows.

    Parameters
    ----------
    estimator : LOE, Backbone or Pipeline
        The detector, or a Pipeline whose last step it is. It is cloned, never changed. Transformers
        of a Pipeline are fitted once for each fold and each distinct set of their own parameters.
    param_grid : dict or list of dicts
        Values to try, by the parameter's name, as for GridSearchCV; with an integer `n_iter` also
        distributions, as for `sklearn.model_selection.RandomizedSearchCV`.
    n_iter : int, default=None
        Candidates to draw from `param_grid` at random. None, the default, tries all combinations.
    scoring : str, callable, list, tuple, dict or None, default=None
        A name of `lofe_sklearn.metrics.get_scorer_names`, a callable ``(estimator, X, y)`` that
        returns a number or a dict of numbers, a list of names, or a dict of either. Names are those
        of this package, which read labels by `lofe_sklearn.metrics.is_anomaly`; scikit-learn's
        ``"roc_auc"`` would rank candidates the wrong way round if anomalies are labelled 1. None
        is ``"roc_auc"`` if `fit` gets labels, and ``"excess_mass"`` with a warning if not.
    cv : int, splitter, iterable or None, default=None
        As `lofe_sklearn.model_selection.check_cv` takes it: an integer stands for shuffled folds
        that, given labels, all hold their share of the anomalies. None stands for 5.
    refit : bool, str or callable, default=True
        Whether to train the best candidate on all rows. Of several scorers it names the one to
        choose by. A callable gets ``cv_results_`` and returns the index of the best candidate.
    n_jobs : int, default=None
        Stacks to train at a time. None stands for 1, since a stack makes good use of one core. A
        training of less than ten seconds starts no processes: that takes as long.
    error_score : number or "raise", default=np.nan
        Score of a candidate on a fold for which its training failed; a FitFailedWarning says why.
        ``"raise"`` ends the search with the first error instead.
    return_train_score : bool, default=False
        Whether to score the training rows too. It costs time and chooses nothing.
    random_state : int, RandomState instance or None, default=None
        Seeds the drawing of candidates; without an `n_iter` it is not used. Training is seeded by
        the estimator's own.
    max_memory : float, default=None
        Bytes that the models of one stack may take. None: half of what is free on the device.
    verbose : int, default=0
        1 shows one progress bar over the whole search, with the time left, once it takes more than
        two seconds (extra ``lofe-sklearn[progress]``). The estimator's `verbose` is ignored.

    Attributes
    ----------
    cv_results_ : dict of ndarrays
        With GridSearchCV's keys. Candidates train together, so ``mean_fit_time`` is a candidate's
        share of the time, by the rows it passed through its network.
    best_estimator_ : estimator
        The best candidate, fitted to all rows. Only with `refit`.
    best_params_ : dict
        Its parameters. Of several scorers only with `refit`, as the next two.
    best_score_ : float
        Its mean score over the folds. Not if `refit` is a callable.
    best_index_ : int
        Its place in `cv_results_`.
    scorer_ : callable or dict of callables
        The scorers used.
    multimetric_ : bool
        Whether there are several scores.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds that training the best candidate on all rows took. Only with `refit`.
    n_features_in_ : int
        Number of features seen in `fit`. Only with `refit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has string column names. Only with `refit`.
    offset_ : float
        Threshold of the best detector on its `score_samples`. Only with `refit`.

    See Also
    --------
    lofe_sklearn.metrics.get_scorer : The scorers by name.
    lofe_sklearn.model_selection.OutlierStratifiedKFold : Folds with their share of anomalies.

    Notes
    -----
    Numbers differ from GridSearchCV's by rounding only: models of a stack equal models trained one
    by one up to rounding. Labels are handed to the scorers and splitters (and to supervised
    transformers of a Pipeline), never to a detector.

    Be careful without labels: measurements show that excess mass does not help to choose
    `contamination`; see `lofe_sklearn.metrics.ExcessMassScorer`. A few labels are better.

    Examples
    --------
    >>> from lofe_sklearn import LOE, DeepSVDD, LOESearchCV
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)  # 1 for anomalies
    >>> detector = LOE(DeepSVDD(max_epochs=4), random_state=0)
    >>> grid = {"contamination": [0.025, 0.1], "method": ["soft", "hard"]}
    >>> search = LOESearchCV(detector, grid, cv=3).fit(X, y)
    >>> search.cv_results_["mean_test_score"].shape
    (4,)
    >>> search.predict(X[:3]).shape
    (3,)
    """

    _constraints: ClassVar[Mapping[str, Constraint]] = {
        "n_iter": Number(Integral, low=1, optional=True),
        "n_jobs": N_JOBS,
        "max_memory": Number(low=0, exclude_low=True, optional=True),
        "refit": REFIT,
        "error_score": ERROR_SCORE,
        "return_train_score": OneOf((True, False)),
        "random_state": RANDOM_STATE,
        "verbose": Number(Integral, low=0),
    }

    def __init__(
        self,
        estimator: Any,
        param_grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        n_iter: int | None = None,
        scoring: Any = None,
        cv: Any = None,
        refit: bool | str | Callable[[dict[str, Any]], int] = True,
        n_jobs: int | None = None,
        error_score: float | Literal["raise"] = np.nan,
        return_train_score: bool = False,
        random_state: RandomState = None,
        max_memory: float | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.param_grid = param_grid
        self.n_iter = n_iter
        self.scoring = scoring
        self.cv = cv
        self.refit = refit
        self.n_jobs = n_jobs
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.random_state = random_state
        self.max_memory = max_memory
        self.verbose = verbose

    def fit(self, X: MatrixLike, y: ArrayLike | None = None, **params: Any) -> Self:
        """Train and score all candidates on all folds, then the best one on all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,), default=None
            Labels for the scorers and the splitter. Detectors are not shown them.
        **params : dict
            ``known_anomalies``, ``known_normal``, ``known_labels`` and ``outliers`` for the
            detector (``loe__known_anomalies`` in a Pipeline), ``groups`` for the splitter, and what
            the steps of a Pipeline take. Parameters with a value for each row are split with the
            rows, `outliers` excepted. With metadata routing enabled: all that is requested, also by
            the scorers.

        Returns
        -------
        self : LOESearchCV
            The fitted search.

        Raises
        ------
        ValueError
            If a parameter, the labels or the folds cannot be used, if the grid is empty, or if all
            fits failed. Nothing is changed then.
        TypeError
            If `estimator` is neither a detector of this package nor a Pipeline that ends in one.
        TrainingDivergedError
            If the last training, that on all rows, diverges. The results of the search are kept.
        """
        check_parameters(self, self._constraints)
        refit_error: BaseException | None = None
        with job("LOESearchCV", show=self.verbose > 0), all_or_nothing(self) as fitted:
            X, y, fit_params = fitted._search(in_memory(X, "LOESearchCV"), y, params)
            if self.refit:
                try:
                    fitted._refit_best(X, y, fit_params)
                except BaseException as error:  # noqa: BLE001
                    refit_error = error  # what the search has found is kept
        if refit_error is not None:
            raise refit_error
        return self

    def _refit_best(self, X: Any, y: Any, fit_params: dict[str, Any]) -> None:
        """Train the best candidate on all rows."""
        labels = () if y is None else (y,)
        start = time.perf_counter()
        best = clone(self.estimator).set_params(**clone(self.best_params_, safe=False))
        with part(1.0, "refit"):
            self.best_estimator_ = best.fit(X, *labels, **fit_params)
        self.refit_time_ = time.perf_counter() - start

    def _search(self, X: Any, y: Any, params: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
        """Set all attributes but those of the refit; returns what the refit takes."""
        check_is_trainable(self.estimator)
        scoring = resolve_scoring(self.scoring, has_labels=y is not None)
        check_refit(self.refit, scoring)
        if self.scoring is None and y is None:
            warn_user(
                "LOESearchCV: without y, candidates are compared by their excess mass, which is a "
                "weak guide, and no guide to contamination. Pass labels as y, or set "
                "scoring='excess_mass' to silence this warning."
            )
        X, y = read_rows(X, y, self.estimator)
        fit_params, split_params, score_params = self._route(params, scoring)
        candidates = list_candidates(self.param_grid, self.n_iter, self.random_state)
        templates = prepare(self.estimator, candidates)
        splits = read_folds(self.cv, X, y, split_params, by_labels=looks_at_labels(scoring))
        if not (candidates and splits):
            raise ValueError(
                f"LOESearchCV: nothing to fit, with {len(candidates)} candidates and "
                f"{len(splits)} folds. param_grid and cv must yield at least one each."
            )
        check_scorable(scoring, self.estimator, X, y, splits, self.refit)
        warn_of_foreign_scorers(scoring, y)

        n_fits = len(candidates) * len(splits)
        searching = n_fits / (n_fits + 1.0) if self.refit else 1.0  # the last fit is one more
        with part(0.9 * searching):
            fitted = fit_candidates(
                templates,
                candidates,
                [train for train, _ in splits],
                X,
                y,
                fit_params,
                Settings(
                    n_jobs=self.n_jobs,
                    max_memory=self.max_memory,
                    keep_errors=self.error_score != "raise",
                ),
            )
        with part(0.1 * searching) as progress:
            outcome = evaluate(
                fitted,
                candidates,
                splits,
                Data(X, y, X.shape[0], score_params),
                scoring=scoring,
                refit=self.refit,
                error_score=self.error_score,
                return_train_score=self.return_train_score,
                on_fit=progress.counter(n_fits, "scoring"),
            )
        # Results of an earlier call must not be mixed with those of this one.
        for name in _FOUND:
            self.__dict__.pop(name, None)
        self.cv_results_ = outcome.cv_results
        self.multimetric_ = outcome.multimetric
        self.n_splits_ = len(splits)
        self.scorer_ = scoring
        for name, value in outcome.best.items():
            setattr(self, name, value)
        return X, y, fit_params

    def fit_predict(self, X: MatrixLike, y: ArrayLike | None = None, **params: Any) -> Ints:
        """Fit, then tell outliers from inliers among the same rows.

        Parameters
        ----------
        X, y, **params
            As in `fit`.

        Returns
        -------
        is_inlier : ndarray of int, shape (n_samples,)
            -1 for outliers, +1 for inliers.
        """
        return self.fit(X, y, **params).predict(X)

    def __sklearn_tags__(self) -> Tags:
        tags, own = super().__sklearn_tags__(), deepcopy(get_tags(self.estimator))
        tags.input_tags, tags.classifier_tags = own.input_tags, own.classifier_tags
        return tags
