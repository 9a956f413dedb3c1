"""The distribution of the scores of more rows than are kept: exact counts between chosen scores."""

from __future__ import annotations

import numpy as np

# Scores that stand for those of all rows, evenly spaced in rank.
_N_POINTS = 2**17


class ScoreHistogram:
    """Count scores between those of a sample.

    The edges are the scores of a random sample, so that each of the m + 1 bins holds about as many
    rows. The counts are exact: a quantile is off by no more than what its bin holds, 1 / (m + 1) of
    the rows on average. Scores that equal an edge are counted apart, so that ties stay ties.

    Parameters
    ----------
    edges : ndarray of shape (m,)
    """

    def __init__(self, edges: np.ndarray) -> None:
        self._edges = np.unique(edges)
        self._counts = np.zeros(2 * len(self._edges) + 1, dtype=np.int64)
        self._low, self._high = np.inf, -np.inf

    def add(self, scores: np.ndarray) -> None:
        """Count scores."""
        below = np.searchsorted(self._edges, scores, side="left")
        bins = below + np.searchsorted(self._edges, scores, side="right")  # odd at an edge
        self._counts += np.bincount(bins, minlength=len(self._counts))
        self._low = min(self._low, float(scores.min()))
        self._high = max(self._high, float(scores.max()))

    def quantiles(self) -> np.ndarray:
        """Return scores that stand for all that were counted, evenly spaced in rank.

        The first and the last one are the lowest and the highest of all, so that a threshold beside
        them cuts off none or all.
        """
        n_scores = int(self._counts.sum())
        n_points = min(n_scores, _N_POINTS)
        last = max(self._high, float(self._edges[-1]))
        values = np.concatenate([[self._low], np.repeat(self._edges, 2), [last]])
        reached = np.append(0, np.cumsum(self._counts)) / n_scores
        ranks = (np.arange(n_points) + 0.5) / n_points
        result = np.maximum.accumulate(np.interp(ranks, reached, np.maximum(values, self._low)))
        result[0], result[-1] = self._low, last
        return result
