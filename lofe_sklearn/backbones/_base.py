"""The base class of the backbones.

A backbone is two things: a torch module whose ``forward(x)`` returns the two losses of each row,
``(loss_n, loss_a)``, and an estimator here that stores its hyperparameters and builds that module.
A fitted backbone on its own was trained blind, as if its rows were all normal; `lofe_sklearn.LOE`
trains the same backbone with a latent-label rule.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import clone
from torch import nn

from lofe_sklearn import engine
from lofe_sklearn._containers import Matrix
from lofe_sklearn._cut import threshold, warn_of_equal_scores
from lofe_sklearn._detectors import OutlierDetector
from lofe_sklearn._known_labels import Known, contamination_with_known, warn_of_other_contamination
from lofe_sklearn._prepared_rows import PreparedRows
from lofe_sklearn._training import (
    InPartsMixin,
    Memo,
    Plan,
    Task,
    Trained,
    draw_seeds,
    exposure_to,
    fit,
    plain,
)
from lofe_sklearn._types import Ints, KnownLabels, Mask, MatrixLike, RandomState
from lofe_sklearn._validation import Constraint, check_parameters
from lofe_sklearn.backbones._choices import ChoicesMixin, check_choices
from lofe_sklearn.backbones._hooks import (
    check_constructor,
    refuse_earlier_names,
    refuse_unknown_parameters,
)
from lofe_sklearn.backbones._network_outputs import NetworkOutputsMixin
from lofe_sklearn.backbones._saved_network import SavedNetworkMixin
from lofe_sklearn.backbones._shared import SHARED_CONSTRAINTS, Scaling


class Backbone(
    ChoicesMixin, SavedNetworkMixin, InPartsMixin, NetworkOutputsMixin, OutlierDetector, ABC
):
    """Base class of the backbones.

    A subclass stores its own hyperparameters in ``__init__``, passes the shared ones on as
    ``**shared``, declares what its own may be in `own_constraints`, and builds its module in
    `build_module`. Everything else that it may override has a public name too: the attributes below
    and in `ChoicesMixin`, and the methods ``choose_...``, `to_rows` and `resolved`.
    """

    # What its own parameters may be, by name.
    own_constraints: ClassVar[Mapping[str, Constraint]] = {}

    # The meaning of ``LOE(init="auto")``: "iforest" or "knn" for first labels by such a detector,
    # "auto" for what LOE takes, or None for a blind warm-up.
    default_init: ClassVar[str | None] = "auto"

    input_dtypes: ClassVar[Sequence[type]] = [np.float64, np.float32]  # others become the first
    min_features: ClassVar[int] = 1
    # The parameters that `to_rows` depends on.
    layout_parameters: ClassVar[Sequence[str]] = ()

    # The state of the optimiser, which `partial_fit` continues.
    _optimizer: engine.AdamState | None = None

    _shared_constraints: ClassVar[Mapping[str, Constraint]] = SHARED_CONSTRAINTS

    def __init__(
        self,
        *,
        scaling: Scaling = None,
        max_epochs: int | None = 100,
        batch_size: int = 128,
        lr: float | None = 1e-3,
        weight_decay: float = 1e-5,
        gradient_clip_value: float | None = None,
        n_iter_no_change: int | None = None,
        tol: float = 1e-4,
        contamination: float = 0.1,
        device: str | torch.device = "auto",
        warm_start: bool = False,
        random_state: RandomState = None,
        verbose: int = 0,
        **unknown: Any,
    ) -> None:
        refuse_unknown_parameters(type(self), unknown)
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
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Replace a subclass's ``**shared`` by the shared parameters in its signature.

        scikit-learn reads an estimator's parameters off the signature of its ``__init__``.
        """
        super().__init_subclass__(**kwargs)
        refuse_earlier_names(cls)
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

    def fit(
        self,
        X: MatrixLike,
        y: Any = None,
        *,
        known_anomalies: Mask | None = None,
        known_normal: Mask | None = None,
        known_labels: KnownLabels | None = None,
        outliers: MatrixLike | str | None = None,
    ) -> Self:
        """Train on X as if all of its rows of unknown label were normal.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The training rows; at least two. Sparse rows are made dense a batch at a time. Arrays
            on disk and `lofe_sklearn.sources.ParquetRows` are read in blocks, if they are large.
        y : Ignored
            Present for API consistency; true labels are never looked at.
        known_anomalies, known_normal : array-like of bool, shape (n_samples,), optional
            Masks of the rows known to be anomalies, which are trained with the anomaly loss, and
            of those known to be normal. A pandas Series must have the index of X.
        known_labels : array-like of int, shape (n_samples,), or pair of masks, optional
            The same in one array: -1 for known anomalies, +1 for rows known to be normal, 0 for
            unknown (data sets' 1 for anomalies is refused); or masks ``(normal, anomalous)``.
        outliers : array-like of shape (n_outliers, n_features), str or None
            Auxiliary anomalies that are not among the training rows. Each step draws as many of
            them as it has training rows, and trains them with the anomaly loss (outlier exposure).
            They do not affect the ratio, the labels or the threshold. ``"uniform"``, ``"shuffled"``
            and ``"gaussian"`` are synthetic ones, see `lofe_sklearn.datasets.make_outliers`.

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
        fit(self, X, Known(known_labels, known_anomalies, known_normal), outliers)
        return self

    @classmethod
    def parameter_constraints(cls) -> dict[str, Constraint]:
        """Return what each parameter may be, by name."""
        return {**cls._shared_constraints, **cls.own_constraints}

    @abstractmethod
    def build_module(self, n_features: int) -> nn.Module:
        """Build the untrained module for rows of `n_features` features.

        Its ``forward(x)`` takes rows (b, n_features) and returns ``(loss_n, loss_a)``, (b,) each.
        It may have a method ``prepare(x)``, which is called once before training with (a part of)
        the training rows, to set values that depend on them, and a method ``embed(x)``, whose (b,
        ...) values `embed` returns. Weights are drawn from torch's global generator, which is
        seeded around this call.

        Parameters
        ----------
        n_features : int
            Values of a row.

        Returns
        -------
        module : torch.nn.Module
        """

    def to_rows(self, X: Any, layout: Any = None) -> tuple[Any, Any]:
        """Lay X out as rows; here they are taken as they are.

        Parameters
        ----------
        X : array-like
            As the user gave it, before its validation.
        layout : object, optional
            The layout that was found for the training rows, if X are rows to score.

        Returns
        -------
        rows : array-like of shape (n_samples, n_features)
        layout : object
            What was found out about X, such as the shape of its images.
        """
        return X, None

    def feature_groups(self, n_features: int, layout: Any = None) -> Ints | None:
        """Return which group `explain` replaces each feature with; None for one by one."""
        return None

    def warn_of_other_rows(self, X: Matrix, owner: str, name: str) -> None:
        """Warn, for `owner`, of validated rows, its argument `name`, in units of their own."""

    def resolved(self, X: Matrix, layout: Any = None) -> Self:
        """Return a copy for training on validated rows, whose open parameters are set by them.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        layout : object, optional
            What `to_rows` found out about them.

        Returns
        -------
        model : Backbone
            Unfitted, with the result of `choose_scaling` as `scaling`.
        """
        model = clone(self)
        own = {name: plain(value) for name, value in model.get_params(deep=False).items()}
        return model.set_params(**own | {"scaling": self.choose_scaling(X)})

    def _check_parameters(self) -> None:
        constraints = self.parameter_constraints()
        check_constructor(self, constraints)
        check_parameters(self, constraints)

    def _readers(self, *, fitted: bool) -> Sequence[Backbone]:
        return [self]

    def _check_known(self, known: np.ndarray | None, *, again: bool = False) -> None:
        share = self.contamination
        warn_of_other_contamination(share, share, known, type(self).__name__)

    def _plan_fit(
        self, rows: PreparedRows, known: np.ndarray | None, outliers: Any, memo: Memo
    ) -> Plan:
        owner, n_samples = type(self).__name__, rows.X.shape[0]
        contamination = contamination_with_known(float(self.contamination), known)
        [seed] = draw_seeds(self.random_state, 1)
        model = self.resolved(rows.seen, rows.layout).set_params(contamination=contamination)
        check_choices(model, *rows.X.shape)
        task = Task(
            model,
            rows=np.arange(n_samples),
            seed=seed,
            # Blind: every row of unknown label is trained as normal.
            labelling=engine.Labelling(engine.RULES["blind"], alpha=0.0, known=known),
            exposure=exposure_to(
                outliers,
                rows.seen,
                lambda other: self._rows_like(other, rows, "outliers"),
                seed=seed,
                owner=owner,
            ),
        )
        return Plan(rows, known, [task])

    def _finish_fit(self, plan: Plan, trained: Sequence[Trained]) -> None:
        self._set_trained(plan.members[0], trained[0], plan.rows.layout)
        model: Any = plan.members[0].model
        warn_of_equal_scores(
            type(self).__name__,
            self._training_scores,
            plan.rows.X,
            offset=self.offset_,
            asked=model.contamination,
        )

    def _set_trained(self, task: Task, trained: Trained, layout: Any) -> None:
        """Set the fitted attributes, but for those of the rows."""
        model: Any = task.model
        self._built_by = model
        self._layout, self._scaling = layout, trained.scaling
        self.scaling_ = model.scaling
        self.module_ = trained.module
        self.history_ = trained.history
        self.__dict__.pop("_optimizer", None)
        if trained.optimizer is not None:  # more rows may come
            self._optimizer = trained.optimizer
        self.n_iter_ = int(trained.history.n_iter[0])
        self.loss_history_ = trained.history.objective[:, 0]
        self._keep_training_scores(-trained.losses[0])
        self.offset_ = threshold(self._training_scores, model.contamination)
