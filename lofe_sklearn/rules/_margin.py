"""Margin: the rows near the cut are left out, so that a wrong ratio does less harm."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from lofe_sklearn._validation import Number
from lofe_sklearn.engine import mark, with_known
from lofe_sklearn.rules._label_rule import LabelRule

# Weight of the normal loss of rows that are left out and count as labelled normal.
_NEXT_TO_NOTHING = 1e-6


class Margin(LabelRule):
    """Hard labels that leave out the rows near the cut, for a ratio that may be wrong.

    With ``"hard"`` labels every row is trained as normal or as an anomaly, whichever side of the
    ratio it is on. A ratio that is too low trains anomalies as normal rows, and one that is too
    high trains normal rows as anomalies. Either way the network learns to confirm the labels. Here
    only the most anomalous part of the labelled rows is trained as anomalies. The rest of them, and
    the next rows after them, are left out. All other rows are trained as normal ones.

    Parameters
    ----------
    sure : float, default=0.5
        The part of the labelled rows that is trained as anomalies: those of largest
        ``loss_n - loss_a``. With one half, no normal row needs to be among them if the ratio is up
        to twice too high.
    reach : float, default=3.0
        Rows are left out up to this multiple of the ratio. With 3, there is room for all anomalies
        if the ratio is down to half of the true one, even if the network does not rank them first.
    most : float, default=0.15
        But no more than this share of the rows is left out or trained as anomalies, unless the
        ratio itself is larger. If too many normal rows are left out, the network does not learn
        what is normal.

    Notes
    -----
    For a ratio a of n rows, ``sure a n`` rows have the weights (0, 1), and the rows after them, up
    to ``max(a, min(reach a, most)) n``, (0, 0). ``sure=1`` with ``reach=1`` is ``"hard"``, and both
    shares of rows are rounded as there.

    The rows within the ratio count as labelled anomalous (`LOE.labels_`), trained or not. Those
    left out beyond it have a weight of a millionth, by which they count as labelled normal.

    The rule is this library's own. Its defaults suit ratios near 0.1, at which they were chosen:
    see the study ``wrong-ratio`` of the benchmarks. At 0.03 they lose if the ratio is too high, and
    at 0.2 a little if it is too low.

    Examples
    --------
    >>> import torch
    >>> from lofe_sklearn.rules import Margin
    >>> loss_n = torch.tensor([[1.0, 1.1, 0.9, 1.2, 1.4, 1.3, 1.5, 1.6, 4.0, 5.0]])
    >>> w_n, w_a = Margin(most=0.4)(loss_n, 1 / loss_n, alpha=torch.tensor([0.2]))
    >>> w_a.tolist()
    [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]]
    >>> (w_n > 0.5).tolist()
    [[True, True, True, True, True, True, False, False, False, False]]

    >>> from lofe_sklearn import LOE
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> X, y = load_thyroid(return_X_y=True)
    >>> LOE(method=Margin(), contamination=0.05).fit(X).predict(X).shape
    (3772,)
    """

    is_repeatable = True
    parameter_constraints: ClassVar = {
        "sure": Number(low=0, high=1, exclude_low=True),
        "reach": Number(low=1),
        "most": Number(low=0, high=1, exclude_high=True),
    }

    def __init__(self, sure: float = 0.5, reach: float = 3.0, most: float = 0.15) -> None:
        self.sure = sure
        self.reach = reach
        self.most = most

    def __call__(
        self, loss_n: Tensor, loss_a: Tensor, alpha: Tensor, known: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Label rows; see `LabelRule.__call__`."""
        score = loss_n - loss_a
        wide = torch.maximum(alpha, (self.reach * alpha).clamp(max=self.most))
        trained, labelled, left_out = (
            mark(score, share, known).to(loss_n) for share in (self.sure * alpha, alpha, wide)
        )
        w_n = 1.0 - left_out + _NEXT_TO_NOTHING * (left_out - labelled)
        return with_known(w_n, trained, known)
