"""What `drift_report` returns: how far scores have moved, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lofe_sklearn._types import Floats

# The bands of the population stability index that are in use since Siddiqi (2006).
_SOME, _MUCH = 0.1, 0.25
# How often chance alone may raise an alarm.
_ALPHA = 0.05
# Fewer rows are too few for ten bins.
_FEWEST = 30

_ADVICE = {
    "keep": "Keep the detector: its scores are distributed nearly as before.",
    "watch": (
        "Watch the detector: its scores have moved somewhat. Look at the rows of the bins that "
        "grew, and compare again with the next rows."
    ),
    "refit": (
        "Refit the detector on recent rows: its scores have moved much. Rule out first that the "
        "rows are wrong, for instance in another unit."
    ),
    "chance": (
        "Keep the detector for now: its scores seem to have moved, but among so few rows this "
        "may be chance. Compare again with more rows."
    ),
    "in sample": (
        "Watch the detector: the scores of the new rows differ from those of the training rows. "
        "That may be drift, or the usual difference between rows that a detector was trained on "
        "and others. To find out, pass reference=rows that were held back, or the first rows that "
        "were scored after the fit."
    ),
    "unknown": (
        f"Cannot tell: a comparison takes at least {_FEWEST} new rows and {_FEWEST} reference rows."
    ),
}


@dataclass(frozen=True, eq=False, repr=False)
class DriftReport:
    """How the scores of new rows are distributed, compared with those of reference rows.

    The verdict follows the usual bands of the population stability index (PSI) [1]_: "watch" from
    0.1, "refit" from 0.25. It counts only if the Kolmogorov-Smirnov test rejects at 0.05 that both
    are distributed alike. With few rows PSI is large by chance, and with many rows the test rejects
    for differences that do not matter. So both must agree.

    If nothing has changed, at most about 5 % of the reports say that it has, provided that the
    detector was not trained on the reference rows. Training rows score better than new rows of the
    same kind. So compared with training rows the verdict is at most "watch".

    Attributes
    ----------
    psi : float
        Population stability index: the sum of ``(p - q) * log(p / q)`` over the bins, where p and q
        are `shares` and `shares_reference`. 0 for equal shares.
    ks : float
        Greatest difference of both distribution functions, from 0 to 1.
    p_value : float
        Of the two-sided Kolmogorov-Smirnov test, by the asymptotic distribution unless there are
        very few rows. Ties make it larger.
    flagged, flagged_reference : float or None
        Share of the new rows and of the reference rows that `predict` flags. None without a
        threshold.
    n_rows, n_reference : int
        Numbers of new rows and of reference rows.
    in_sample : bool
        Whether the reference rows are the training rows.
    edges : ndarray of shape (n_bins - 1,)
        Scores that divide the bins, ascending: the deciles of the reference rows' scores. A score
        on an edge is in the bin above it. A score that takes up more than one decile has a bin of
        its own.
    shares, shares_reference : ndarray of shape (n_bins,)
        Share of the new rows and of the reference rows in each bin, from the most anomalous scores
        to the most normal ones. Half a row is added to each bin, so that none is empty.

    See Also
    --------
    drift_report : Makes one.
    lofe_sklearn.plotting.DriftDisplay : Draws it.

    References
    ----------
    .. [1] N. Siddiqi (2006). Credit Risk Scorecards: Developing and Implementing Intelligent Credit
       Scoring. Wiley.
    """

    psi: float
    ks: float
    p_value: float
    flagged: float | None
    flagged_reference: float | None
    n_rows: int
    n_reference: int
    in_sample: bool
    edges: Floats
    shares: Floats
    shares_reference: Floats

    @property
    def verdict(self) -> str:
        """One of "keep", "watch", "refit", and "unknown" if there are fewer than 30 rows."""
        return {"chance": "keep", "in sample": "watch"}.get(self._reason, self._reason)

    @property
    def drifted(self) -> bool | None:
        """Whether the data has changed; None if the report cannot tell.

        It cannot tell from fewer than 30 rows, nor where the scores have moved from those of the
        training rows.
        """
        return None if self._reason in ("unknown", "in sample") else self.verdict != "keep"

    @property
    def advice(self) -> str:
        """The verdict in a sentence or two."""
        return _ADVICE[self._reason]

    @property
    def _reason(self) -> str:
        if min(self.n_rows, self.n_reference) < _FEWEST:
            return "unknown"
        if self.psi < _SOME:
            return "keep"
        if self.p_value >= _ALPHA:
            return "chance"
        if self.in_sample:
            return "in sample"
        return "watch" if self.psi < _MUCH else "refit"

    def __repr__(self) -> str:
        kind = "training" if self.in_sample else "reference"
        lines = [
            f"Drift of scores: {self.n_rows} new rows, {self.n_reference} {kind} rows",
            f"  PSI      {self.psi:.3f} (some change from {_SOME}, much from {_MUCH})",
            f"  KS       {self.ks:.3f} (p-value {self.p_value:.2g})",
        ]
        if self.flagged is not None and self.flagged_reference is not None:
            now, before = _small_share(self.flagged), _small_share(self.flagged_reference)
            lines.append(f"  flagged  {now} % of the new and {before} % of the {kind} rows")
        lines += [
            "  share of rows in each bin, from anomalous to normal scores, in per cent:",
            f"    {kind:<9} {_in_per_cent(self.shares_reference, self.n_reference)}",
            f"    new       {_in_per_cent(self.shares, self.n_rows)}",
            self.advice,
        ]
        return "\n".join(lines)


def _small_share(share: float) -> str:
    """Write a share in per cent, none but 0 as zero."""
    return f"{100 * share:.1f}" if share == 0 or share >= 0.001 else f"{100 * share:.1g}"


def _in_per_cent(shares: np.ndarray, n_rows: int) -> str:
    """Write the shares of the rows themselves, without the half row that each bin has more."""
    of_rows = (shares * (n_rows + 0.5 * len(shares)) - 0.5) / n_rows
    return " ".join(f"{100 * abs(share):5.1f}" for share in of_rows)
