"""ODIM: blind training that stops while normal rows are learned and anomalies are not."""

from __future__ import annotations

from numbers import Integral
from typing import ClassVar

from torch import Tensor

from lofe_sklearn._validation import Number
from lofe_sklearn.engine import RULES, Course, Peak
from lofe_sklearn.rules._label_rule import LabelRule
from lofe_sklearn.rules._statistics import TwoNormals


class ODIM(LabelRule):
    """Stop blind training when the losses fall into two groups most clearly.

    A network learns the many normal rows before the few anomalies, and in the end both. So from
    time to time a mixture of two normal distributions is fitted to the normal losses of the rows.
    The network with the largest Wasserstein distance between the two is kept. Training stops when
    the distance has not grown for some checks; each member of an ensemble stops at its own time.
    The method is that of [1]_.

    Parameters
    ----------
    check_every : int, default=10
        Updates of the network from one check to the next.
    patience : int, default=10
        Checks without a larger distance before the training stops, at the end of that epoch.

    Notes
    -----
    No row is labelled: every row of unknown label is trained as a normal one, as by ``"blind"``,
    and so `LOE.labels_` are all +1 but for known anomalies, and `LOE.fit_resample` drops no others,
    unless `evidence` is named: rows are then labelled by their scores.
    `LOE` uses its `contamination` for the threshold of `predict` only, and neither `init` nor
    `warmup_epochs`. `n_iter_` counts all epochs, also those after the state that is kept.

    The distance is the square root of ``(m1 - m0)**2 + (s1 - s0)**2``, of both components' means
    and standard deviations, in standard deviations of all losses, which shrink in the training. At
    most 4,096 rows are used. The paper averages ten networks: ``n_estimators=10``.

    References
    ----------
    .. [1] D. Kim, J. Hwang, J. Lee, K. Kim, Y. Kim (2024). ODIM: Outlier Detection via Likelihood
       of Under-Fitted Generative Models. ICML. arXiv:2301.04257.

    Examples
    --------
    >>> from lofe_sklearn import LOE, DeepSVDD
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> from lofe_sklearn.rules import ODIM
    >>> X, y = load_thyroid(return_X_y=True)
    >>> detector = LOE(DeepSVDD(), method=ODIM(), contamination=0.025, random_state=0).fit(X)
    >>> detector.n_iter_ < DeepSVDD().choose_max_epochs(*X.shape)
    True
    """

    is_repeatable = True
    parameter_constraints: ClassVar = {
        "check_every": Number(Integral, low=1),
        "patience": Number(Integral, low=1),
    }
    labels_rows: ClassVar[bool] = False

    def __init__(self, check_every: int = 10, patience: int = 10) -> None:
        self.check_every = check_every
        self.patience = patience

    @property
    def needs_ratio(self) -> bool:
        """False: no row is labelled."""
        return False

    def __call__(
        self, loss_n: Tensor, loss_a: Tensor, alpha: Tensor, known: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Train every row of unknown label as normal; see `LabelRule.__call__`."""
        return RULES["blind"](loss_n, loss_a, alpha, known)

    def course(self) -> Course:
        """Return when to check, and by which criterion."""
        return Course(peak=Peak(separation, int(self.check_every), int(self.patience)))


def separation(loss_n: Tensor, counted: Tensor) -> Tensor:
    """Wasserstein distance between two components of the losses that count, (M,)."""
    return TwoNormals.fit(loss_n, counted).distance()
