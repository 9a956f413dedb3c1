"""The base class of label rules that have parameters or change more than labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from sklearn.base import BaseEstimator
from torch import Tensor

from lofe_sklearn._notebook import DocumentationMixin
from lofe_sklearn._validation import Constraint
from lofe_sklearn.engine import Course


class LabelRule(DocumentationMixin, BaseEstimator, ABC):
    """Base class of label rules with parameters.

    A subclass stores its parameters in ``__init__``, under their names, and labels rows when it is
    called. So it can be cloned, and a grid reaches its parameters by ``method__name``. In `course`
    it can request more than labels, for example larger batches.

    Examples
    --------
    A rule that drops the rows whose normal loss is more than `factor` times the mean:

    >>> import numpy as np
    >>> from lofe_sklearn import LOE, DeepSVDD
    >>> from lofe_sklearn.rules import LabelRule
    >>> class BelowMean(LabelRule):
    ...     needs_ratio = False
    ...
    ...     def __init__(self, factor=3.0):
    ...         self.factor = factor
    ...
    ...     def __call__(self, loss_n, loss_a, alpha, known=None):
    ...         kept = (loss_n <= self.factor * loss_n.mean(dim=1, keepdim=True)).to(loss_n)
    ...         return kept, 0 * kept
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> LOE(DeepSVDD(max_epochs=3), method=BelowMean(2.0), random_state=0).fit(X).method
    BelowMean(factor=2.0)
    """

    # What parameters may be, by name; checked by `LOE.fit`.
    parameter_constraints: ClassVar[Mapping[str, Constraint]] = {}

    # Whether the rule labels any rows; if not, there are no first labels either.
    labels_rows: ClassVar[bool] = True

    # Whether the rule does the same operations on the device whatever the losses are: a GPU can
    # then repeat a training step by itself. Of this library's own rules only, since `LOE` looks at
    # the weights of all others in each step.
    is_repeatable: ClassVar[bool] = False

    # Whether the rule needs known anomalies and no known normal rows; `LOE.fit` refuses anything
    # else.
    needs_known_anomalies: ClassVar[bool] = False

    # The meaning of ``LOE(known_weight=None)``; None if every row counts the same.
    known_weight: ClassVar[float | None] = None

    @property
    def needs_ratio(self) -> bool:
        """Whether the rule labels by the ratio, `alpha`, and the order of the losses alone.

        If not, LOE labels in each batch unless told otherwise, and the rule sees the scores of
        `init` as they are, rather than their ranks.
        """
        return True

    @abstractmethod
    def __call__(
        self, loss_n: Tensor, loss_a: Tensor, alpha: Tensor, known: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Label rows.

        Parameters
        ----------
        loss_n, loss_a : Tensor of shape (M, b)
            Normal and anomaly losses of b rows by each of M models.
        alpha : Tensor of shape (M,)
            The ratio that each model assumes among the rows of unknown label.
        known : Tensor of shape (M, b) or None
            -1 for a known anomaly, +1 for a known normal row, 0 for unknown.

        Returns
        -------
        w_n, w_a : Tensor of shape (M, b)
            Weights of both losses. Rows with ``w_a >= w_n`` count as labelled anomalous.
        """

    def course(self) -> Course:
        """Return what the rule requests of the training besides labels; here nothing."""
        return Course()
