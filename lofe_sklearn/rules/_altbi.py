"""ALTBI: a truncated loss, batches that grow, and scores averaged over the training."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from lofe_sklearn._validation import Number
from lofe_sklearn.engine import Course, with_known
from lofe_sklearn.rules._label_rule import LabelRule
from lofe_sklearn.rules._statistics import quantile, unknown_rows


class ALTBI(LabelRule):
    """Adaptive loss truncation with batch increment.

    The rows with the largest normal losses of a batch are left out. The batch grows from epoch to
    epoch, so that the quantile becomes more exact, and losses are averaged over states of the
    network during training. The method is that of [1]_.

    Parameters
    ----------
    quantile : float or None, default=0.92
        Rows are left out whose normal loss is above this quantile of the batch's: 8 % of them by
        default. None takes one minus the ratio, `LOE`'s `contamination`.
    batch_growth : float, default=1.03
        The batch size grows by this factor from epoch to epoch, until a batch has all rows. So
        there are fewer updates in later epochs. 1 keeps the batch size.
    averaged_share : float, default=0.5
        Both losses, and so the scores, are averaged over the states of the network at the ends of
        this last share of the epochs: over ten states at most, evenly spread. Scoring takes that
        many times longer. 0 uses the last state alone.

    Notes
    -----
    Unless `quantile` is None, `LOE` uses its `contamination` for the threshold of `predict` only.
    A fitted member's ``module_`` holds all its averaged states.

    References
    ----------
    .. [1] S. Cho, J. Hwang, K.-Y. Bak, D. Kim (2024). ALTBI: Constructing Improved Outlier
       Detection Models via Optimization of Inlier-Memorization Effect. arXiv:2408.09791.

    Examples
    --------
    >>> import torch
    >>> from lofe_sklearn.rules import ALTBI
    >>> loss_n = torch.tensor([[1.0, 1.1, 0.9, 1.2, 5.0]])
    >>> w_n, w_a = ALTBI()(loss_n, 1 / loss_n, alpha=torch.tensor([0.1]))
    >>> w_n.tolist(), w_a.tolist()
    ([[1.0, 1.0, 1.0, 1.0, 0.0]], [[0.0, 0.0, 0.0, 0.0, 0.0]])

    >>> from lofe_sklearn import LOE, DeepSVDD
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = LOE(DeepSVDD(max_epochs=6), method=ALTBI(), contamination=0.025).fit(X)
    >>> len(detector.estimator_.module_.states)
    3
    """

    is_repeatable = True
    parameter_constraints: ClassVar = {
        "quantile": Number(low=0.5, high=1, exclude_high=True, optional=True),
        "batch_growth": Number(low=1),
        "averaged_share": Number(low=0, high=1),
    }

    def __init__(
        self,
        quantile: float | None = 0.92,
        batch_growth: float = 1.03,
        averaged_share: float = 0.5,
    ) -> None:
        self.quantile = quantile
        self.batch_growth = batch_growth
        self.averaged_share = averaged_share

    @property
    def needs_ratio(self) -> bool:
        """Whether the ratio stands for the quantile."""
        return self.quantile is None

    def __call__(
        self, loss_n: Tensor, loss_a: Tensor, alpha: Tensor, known: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Label rows; see `LabelRule.__call__`. The anomaly losses do not count."""
        q = 1.0 - alpha.to(loss_n).unsqueeze(-1) if self.quantile is None else self.quantile
        kept = loss_n <= quantile(loss_n, unknown_rows(loss_n, known), q)
        return with_known(kept.to(loss_n), torch.zeros_like(loss_n), known)

    def course(self) -> Course:
        """Return the growth of the batch, and the states to average."""
        return Course(
            batch_growth=float(self.batch_growth), averaged_share=float(self.averaged_share)
        )
