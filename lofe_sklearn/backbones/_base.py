"""The scikit-learn surface every detector shares.

A backbone is two things: a torch module whose ``forward(x)`` returns the two losses of each row,
``(loss_n, loss_a)``, and an estimator here that stores its hyperparameters and builds that module.
A fitted backbone on its own was trained blind, as if its rows were all normal; `lofe_sklearn.LOE`
trains the same backbone with a latent-label rule.
"""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from lofe_sklearn import engine
from lofe_sklearn._known_labels import (
    check_known_labels,
    ratio_with_known,
    warn_of_a_low_ratio,
)
from lofe_sklearn._validation import (
    CONTAMINATION,
    Constraint,
    Number,
    OneOf,
    all_or_nothing,
    check_parameters,
)
from lofe_sklearn.backbones._outliers import check_outliers
from lofe_sklearn.backbones._scaling import SCALINGS, resolve_scaling
from lofe_sklearn.backbones._training import Task, draw_seeds, train_tasks


class OutlierDetector(OutlierMixin, BaseEstimator):
    """What backbones and `LOE` share: rows in, scores out, high for normal, and a threshold."""

    # Rows of another type become the first of these.
    input_dtypes: ClassVar[Sequence[type]] = [np.float64, np.float32]
    min_features: ClassVar[int] = 1

    @abstractmethod
    def score_samples(self, X):
        """Score of each row: the higher, the more normal."""

    def decision_function(self, X):
        """Signed distance of each row's score to the threshold: negative for outliers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to score.

        Returns
        -------
        decision : ndarray of float64, shape (n_samples,)
            ``score_samples(X) - offset_``.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """Tell outliers from inliers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to judge.

        Returns
        -------
        is_inlier : ndarray of int, shape (n_samples,)
            -1 for outliers, +1 for inliers.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    @abstractmethod
    def _start_fit(self, X, known_labels, outliers=None, memo=None):
        """Validate everything; return rows, known labels, and what is to be trained on them.

        Parameters
        ----------
        X, known_labels, outliers
            As `fit` gets them.
        memo : dict, optional
            What other fits on the same rows have found, which need not be found again.

        Returns
        -------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        known : ndarray of int8, shape (n_samples,), or None
        tasks : list of Task
        """

    @abstractmethod
    def _end_fit(self, X, known, tasks, losses):
        """Set the fitted attributes, given both losses of each task's own rows."""

    def _check_training_rows(self, X):
        return validate_data(
            self,
            X,
            ensure_min_samples=2,
            ensure_min_features=self.min_features,
            dtype=self.input_dtypes,
            **_ROWS,
        )

    def _check_rows(self, X):
        check_is_fitted(self)
        return validate_data(self, X, reset=False, dtype=self.input_dtypes, **_ROWS)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


# In C order, so that sums over rows are the same whatever container the rows came in.
_ROWS = {"accept_sparse": "csr", "order": "C"}


class Backbone(OutlierDetector, ABC):
    """Base class of the backbones.

    A subclass stores its own hyperparameters in ``__init__``, passes the shared ones on as
    ``**shared``, declares what its own may be in ``own_constraints``, and builds its module in
    ``build_module``.
    """

    own_constraints: ClassVar[Mapping[str, Constraint]] = {}

    # What ``max_epochs=None`` stands for, where a subclass allows it: as many epochs as make so
    # many steps, but no fewer and no more than these.
    default_steps: ClassVar[int] = 800
    default_epoch_range: ClassVar[tuple[int, int]] = (5, 800)

    # What ``LOE(init="auto")`` stands for: first labels by another detector, or None for a blind
    # warm-up.
    default_init: ClassVar[str | None] = "iforest"

    _shared_constraints: ClassVar[Mapping[str, Constraint]] = {
        "scaling": OneOf(SCALINGS),
        "max_epochs": Number(Integral, low=1),
        "batch_size": Number(Integral, low=2),
        "lr": Number(low=0, exclude_low=True),
        "weight_decay": Number(low=0),
        "gradient_clip_value": Number(low=0, exclude_low=True, optional=True),
        "n_iter_no_change": Number(Integral, low=1, optional=True),
        "tol": Number(low=0),
        "contamination": CONTAMINATION,
        "verbose": Number(Integral, low=0),
    }

    def __init__(
        self,
        *,
        scaling=None,
        max_epochs=100,
        batch_size=128,
        lr=1e-3,
        weight_decay=1e-5,
        gradient_clip_value=None,
        n_iter_no_change=None,
        tol=1e-4,
        contamination=0.1,
        device="auto",
        random_state=None,
        verbose=0,
        **unknown,
    ):
        if unknown:
            raise TypeError(
                f"{type(self).__name__}() got an unexpected keyword argument "
                f"{next(iter(unknown))!r}; it takes {', '.join(self._get_param_names())}."
            )
        self.scaling = scaling
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.gradient_clip_value = gradient_clip_value
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.contamination = contamination
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def __init_subclass__(cls, **kwargs):
        """Show the shared parameters in the place of a subclass's ``**shared``.

        scikit-learn reads an estimator's parameters off the signature of its ``__init__``.
        """
        super().__init_subclass__(**kwargs)
        if "__init__" not in vars(cls):
            return
        own = inspect.signature(cls.__init__)
        named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
        if len(named) < len(own.parameters):
            inherited = inspect.signature(super(cls, cls).__init__).parameters.values()
            shared = [
                p for p in inherited if p.name not in own.parameters and p.kind is not p.VAR_KEYWORD
            ]
            merged = own.replace(parameters=named + shared)
            cls.__init__.__signature__ = merged  # type: ignore[attr-defined]

    @abstractmethod
    def build_module(self, n_features):
        """Build the untrained module for rows of `n_features` features.

        Its ``forward(x)`` takes rows (b, n_features) and returns ``(loss_n, loss_a)``, (b,) each.
        It may have a method ``prepare(x)``, which is called once before training with (a part
        of) the training rows, to set what depends on them, and a method ``embed(x)``, which
        returns (b, ...) values that `embed` hands out. Weights are drawn from torch's global
        generator, which is seeded around this call.
        """

    def fit(self, X, y=None, *, known_labels=None, outliers=None):
        """Train on X as if all of its rows of unknown label were normal.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows; at least two. Sparse rows are made dense a batch at a time.
        y : Ignored
            Present for API consistency; true labels are never looked at.
        known_labels : array-like of int, shape (n_samples,), or pair of masks, optional
            +1 for rows known to be normal, -1 for known anomalies, 0 for unknown; or two boolean
            masks, (normal, anomalous). A pandas Series must have the index of X. Known anomalies
            are trained with the anomaly loss.
        outliers : array-like of shape (n_outliers, n_features), str or None
            Auxiliary rows that are anomalies and none of the training rows: each step trains as
            many of them, drawn anew, with the anomaly loss (outlier exposure). They count for
            no ratio, label or threshold. ``"uniform"``, ``"shuffled"`` and ``"gaussian"`` are
            synthetic ones, see `lofe_sklearn.datasets.make_outliers`.

        Returns
        -------
        self : object
            The fitted detector.

        Raises
        ------
        ValueError
            If a parameter or the data cannot be used; the message says which and why.
        TrainingDivergedError
            If the loss stops being finite; the detector is then unfitted.
        """
        with all_or_nothing(self):
            X, known, tasks = self._start_fit(X, known_labels, outliers)
            self._end_fit(X, known, tasks, train_tasks(tasks, X))
        return self

    def _start_fit(self, X, known_labels, outliers=None, memo=None):
        check_parameters(self, self.parameter_constraints())
        owner, given = type(self).__name__, X
        X = self._check_training_rows(X)
        known = check_known_labels(known_labels, X.shape[0], owner, given)
        warn_of_a_low_ratio(self.contamination, known, owner)
        seed = draw_seeds(self.random_state, 1)[0]
        task = Task(
            self,
            rows=np.arange(X.shape[0]),
            seed=seed,
            rule=engine.RULES["blind"],
            contamination=ratio_with_known(self.contamination, known),
            known=known,
            outliers=check_outliers(outliers, self, X, seed, owner),
        )
        return X, known, [task]

    def _end_fit(self, X, known, tasks, losses):
        """Do nothing: training has set all there is."""

    def _check_training_rows(self, X):
        X = super()._check_training_rows(X)
        self.scaling_ = self.choose_scaling(X)
        return X

    def choose_scaling(self, X):
        """Return what ``scaling="auto"`` stands for on these rows, else `scaling`."""
        return resolve_scaling(X, self.scaling)

    def score_samples(self, X):
        """Score of each row: minus the normal loss, so the higher, the more normal.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to score.

        Returns
        -------
        scores : ndarray of float64, shape (n_samples,)
            ``-L_n(x)``; it does not depend on the other rows of X.
        """
        return -self._losses(self._check_rows(X))[0]

    def embed(self, X):
        """Embed rows by the trained network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to embed.

        Returns
        -------
        embeddings : ndarray of float64, shape (n_samples, n_outputs)
            Where the network sees each row: rows that are close are alike to it. Of a backbone
            whose module has no method ``embed``, the rows as they are scaled.
        """
        X = self._check_rows(X)  # raises if not fitted
        return engine.embeddings(
            self.module_,
            X,
            scaling=self._scaling,
            device=engine.resolve_device(self.device),
        )

    @classmethod
    def parameter_constraints(cls):
        """Return what each parameter may be, by name."""
        return {**cls._shared_constraints, **cls.own_constraints}

    def choose_max_epochs(self, n_samples):
        """Return the passes over `n_samples` training rows."""
        if self.max_epochs is not None:
            return self.max_epochs
        steps = len(engine.batch_sizes(n_samples, self.batch_size))
        low, high = self.default_epoch_range
        return min(max(math.ceil(self.default_steps / steps), low), high)

    def choose_lr(self, n_features):
        """Return the learning rate for rows of `n_features` features."""
        return self.lr

    def choose_loss_threshold(self, n_features):
        """Return the normal loss below which training stops, for rows of `n_features` features."""
        return None  # it does not

    def _losses(self, X):
        """Both losses of validated rows."""
        loss_n, loss_a = engine.losses(
            self.module_,
            X,
            scaling=self._scaling,
            device=engine.resolve_device(self.device),
        )
        finite = np.isfinite(loss_n)
        if not finite.all():
            raise ValueError(
                f"{type(self).__name__}: the score of row {np.flatnonzero(~finite)[0]} is not "
                "finite: its values are too large for the network. Bring the features to a common "
                "scale (scaling='minmax')."
            )
        return loss_n, loss_a
