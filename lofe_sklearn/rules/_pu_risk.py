"""PURisk: known anomalies correct the loss of unknown rows for the anomalies among them."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from lofe_sklearn._validation import OneOf
from lofe_sklearn.rules._label_rule import LabelRule


class PURisk(LabelRule):
    """The unbiased risk of positive and unlabelled rows, for known anomalies.

    Use it if some anomalies are known and no normal rows. A share alpha of the rows of unknown
    label is anomalous. So the mean normal loss over normal rows follows from two means that can be
    computed: that over the unknown rows, minus alpha times that over the known anomalies. The rule
    minimises ::

        alpha E_a[L_a] + max(0, E_u[L_n] - alpha E_a[L_n])

    with E_a over the known anomalies and E_u over the rows of unknown label. The risk is that of
    [1]_; [2]_ uses it for known anomalies.

    Parameters
    ----------
    non_negative : bool, default=True
        Whether the estimated risk of the normal rows is cut off at 0. The true risk cannot be
        negative if losses are not, and without the cut-off a few known anomalies would be pushed
        away without end. False leaves the ``max`` out, for backbones whose normal loss may be
        negative.

    Raises
    ------
    ValueError
        If no anomaly is known, or a normal row is; with `non_negative`, if a normal loss is
        negative.

    Notes
    -----
    alpha is the unknown share, which follows from `LOE.contamination` and the known anomalies. With
    ``contamination="auto"`` members use different ones.

    The risk is that of all rows if the known anomalies are drawn from the anomalies at random.
    If they are of one kind only, anomalies of other kinds are trained as normal rows.

    Each of the three means counts as in the formula, however few rows are known, unless
    `LOE.known_weight` is given: both means over the known anomalies are then multiplied by it. The
    cut-off is decided in each batch, by the means over its rows. If it applies, the step trains the
    known anomalies with the anomaly loss, and no other row.

    No row is labelled: `LOE.labels_` are +1 but for the known anomalies, unless `evidence` is
    named. `LOE` asks no `init` for first labels, and ``evidence="auto"`` is None.

    References
    ----------
    .. [1] R. Kiryo, G. Niu, M. C. du Plessis, M. Sugiyama (2017). Positive-Unlabeled Learning with
       Non-Negative Risk Estimator. NeurIPS. arXiv:1703.00593.
    .. [2] H. Takahashi, T. Iwata, A. Kumagai, Y. Yamanaka (2024). Deep Positive-Unlabeled Anomaly
       Detection for Contaminated Unlabeled Data. arXiv:2405.18929.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn import LOE, DeepSVDD
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> from lofe_sklearn.rules import PURisk
    >>> X, y = load_thyroid(return_X_y=True)
    >>> known = np.zeros(len(X), dtype=bool)
    >>> known[np.flatnonzero(y == 1)[:20]] = True
    >>> detector = LOE(DeepSVDD(), method=PURisk(), contamination=0.025, random_state=0)
    >>> detector = detector.fit(X, known_anomalies=known)
    >>> others = (y == 1) & ~known
    >>> bool((detector.predict(X)[others] == -1).mean() > 0.5)
    True
    """

    parameter_constraints: ClassVar = {"non_negative": OneOf((True, False))}
    labels_rows: ClassVar[bool] = False
    needs_known_anomalies: ClassVar[bool] = True
    # E_a counts as E_u does: the weights below are then those of the formula.
    known_weight: ClassVar[float | None] = 1.0

    def __init__(self, non_negative: bool = True) -> None:
        self.non_negative = non_negative

    @property
    def needs_ratio(self) -> bool:
        """False: no row is labelled by it. It is the alpha of the formula."""
        return False

    def __call__(
        self, loss_n: Tensor, loss_a: Tensor, alpha: Tensor, known: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Weigh both losses; see `LabelRule.__call__`."""
        share = alpha.to(loss_n).unsqueeze(1)
        if known is None:
            known = torch.zeros_like(loss_n)
        is_unknown, is_anomaly = (known == 0).to(loss_n), (known < 0).to(loss_n)
        w_n = is_unknown - share * is_anomaly
        if self.non_negative:
            _check_not_negative(loss_n)
            normal_risk = _mean(loss_n, is_unknown) - share * _mean(loss_n, is_anomaly)
            w_n = w_n * (normal_risk > 0)
        return torch.where(known > 0, 1.0, w_n), share * is_anomaly


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    """Mean over the entries that count, (M, 1); 0 where none does."""
    return (values * counted).sum(1, keepdim=True) / counted.sum(1, keepdim=True).clamp(min=1)


def _check_not_negative(loss_n: Tensor) -> None:
    lowest = loss_n.min()
    if lowest < 0:
        raise ValueError(
            f"PURisk: a normal loss must be at least 0, since the risk is cut off there; got "
            f"{lowest.item():.3g}. Pass PURisk(non_negative=False) for a backbone whose normal "
            "loss may have any sign, such as minus a log-density."
        )
