"""AAR: rows of extreme loss are rejected, by a cut that adapts to the losses."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from lofe_sklearn._validation import Number, OneOf
from lofe_sklearn.engine import with_known
from lofe_sklearn.rules._label_rule import LabelRule
from lofe_sklearn.rules._statistics import TwoNormals, from_median, modified_z_scores, unknown_rows


class AAR(LabelRule):
    """Adaptive and aggressive rejection: leave out rows of extreme loss; no ratio is needed.

    The losses themselves decide how many rows are left out, anew in each batch or epoch. At least
    half of the rows always stay. The method is that of [1]_.

    Parameters
    ----------
    rejection : {"cut", "posterior"}, default="cut"
        ``"cut"`` leaves out the rows whose modified z-score, ``.6745 (l - median) / MAD`` of the
        normal losses l, is above `cut`. ``"posterior"`` weighs each row by the posterior
        probability of the normal component in a mixture of two normal distributions of the normal
        losses. If that is below one half, rows above the median are left out, and rows up to the
        median, the majority, get the weight one half.
    cut : float, default=3.5
        The largest modified z-score that is kept, with ``rejection="cut"``. 3.5 is the usual one
        for outliers; a lower cut rejects more.

    Notes
    -----
    `LOE` uses its `contamination` for the threshold of `predict` only: members differ in their
    seeds alone. The first labels, those of `init`, reject rows by the scores of the other detector
    in the same way.

    Rows that are rejected count as labelled anomalous (`LOE.labels_`), unless `evidence` is named:
    as many rows as `contamination` says are then labelled, by their scores. If more than half of
    the losses are equal, so that the MAD is 0, the mean absolute deviation replaces it. The mixture
    is fitted by 20 steps of expectation maximisation.

    References
    ----------
    .. [1] Anomaly Detection with Adaptive and Aggressive Rejection for Contaminated Training Data
       (2025). arXiv:2511.21378.

    Examples
    --------
    >>> import torch
    >>> from lofe_sklearn.rules import AAR
    >>> loss_n = torch.tensor([[1.0, 1.1, 0.9, 1.2, 5.0]])
    >>> w_n, w_a = AAR()(loss_n, 1 / loss_n, alpha=torch.tensor([0.1]))
    >>> w_n.tolist(), w_a.tolist()
    ([[1.0, 1.0, 1.0, 1.0, 0.0]], [[0.0, 0.0, 0.0, 0.0, 0.0]])

    >>> from lofe_sklearn import LOE, DeepSVDD
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = LOE(DeepSVDD(max_epochs=5), method=AAR(cut=4.0), contamination=0.025)
    >>> detector.set_params(method__cut=5.0).fit(X).predict(X).shape
    (3772,)
    """

    is_repeatable = True
    parameter_constraints: ClassVar = {
        "rejection": OneOf(("cut", "posterior")),
        "cut": Number(low=0, exclude_low=True),
    }

    def __init__(self, rejection: Literal["cut", "posterior"] = "cut", cut: float = 3.5) -> None:
        self.rejection = rejection
        self.cut = cut

    @property
    def needs_ratio(self) -> bool:
        """False: the losses alone decide."""
        return False

    def __call__(
        self, loss_n: Tensor, loss_a: Tensor, alpha: Tensor, known: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Label rows; see `LabelRule.__call__`. `alpha` and the anomaly losses do not count."""
        counted = unknown_rows(loss_n, known)
        if self.rejection == "cut":
            w_n = (modified_z_scores(loss_n, counted) <= self.cut).to(loss_n)
        else:
            posterior = TwoNormals.fit(loss_n, counted).normal_posterior(loss_n)
            # Most rows are normal, whatever the mixture finds in losses of one group.
            is_lower_half = from_median(loss_n, counted)[1] <= 0
            least = torch.where(is_lower_half, 0.5, 0.0).to(loss_n)
            w_n = torch.maximum(posterior * (posterior >= 0.5), least)
        return with_known(w_n, torch.zeros_like(w_n), known)
