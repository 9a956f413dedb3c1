"""ScoresDisplay: the distribution of scores, with the threshold and what is labelled anomalous."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from lofe_sklearn._any_detector import fitted_with_threshold, normality
from lofe_sklearn._thresholds import ThresholdMixin
from lofe_sklearn._types import SamplesLike
from lofe_sklearn._validation import Number, check_argument
from lofe_sklearn.plotting._drawing import (
    ANOMALY,
    NORMAL,
    axes_to_draw_on,
    ink,
    label,
    merged,
    percent,
    require_matplotlib,
)
from lofe_sklearn.plotting._edges import check_bins, scaled_edges
from lofe_sklearn.plotting._fitted import check_same_length, finite_values, name_of, signs

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ScoresDisplay:
    """Histogram of scores, with the threshold and the rows that are labelled anomalous.

    Use `from_estimator` or `from_predictions` to make one. Parameters are stored as attributes.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores as ``score_samples`` returns them, high for normal rows.
    labels : ndarray of int, shape (n_samples,), or None
        -1 for rows labelled anomalous, +1 for all others; None for one histogram of all rows.
    offset : float or None
        Threshold: `predict` flags the scores below it.
    interval : tuple of float or None
        Lowest and highest threshold, for the ends of the interval of likely ratios.
    name : str or None
        What the picture is of: its title.
    n_rows : int or None
        How many rows the scores stand for, if these are more: a fit to more rows than are kept has
        scores that stand for those of all rows. Bars and legend count these rows.

    Attributes
    ----------
    bars_ : list of matplotlib BarContainer
        Histograms: of the normal rows, and of the anomalies if there are labels.
    line_ : matplotlib Line2D or None
        The threshold.
    span_ : matplotlib artist or None
        The interval.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    ContaminationDisplay : What the threshold of LOE rests on.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn import LOE, DeepSVDD
    >>> from lofe_sklearn.plotting import ScoresDisplay
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0, 1, (190, 4)), rng.normal(6, 1, (10, 4))])
    >>> detector = LOE(DeepSVDD(), contamination=0.05, random_state=0).fit(X)
    >>> display = ScoresDisplay.from_estimator(detector)
    >>> display.ax_.get_title()
    'LOE'
    """

    def __init__(
        self,
        *,
        scores: np.ndarray,
        labels: np.ndarray | None = None,
        offset: float | None = None,
        interval: tuple[float, float] | None = None,
        name: str | None = None,
        n_rows: int | None = None,
    ) -> None:
        self.scores = scores
        self.labels = labels
        self.offset = offset
        self.interval = interval
        self.name = name
        self.n_rows = n_rows

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: SamplesLike | None = None,
        *,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the scores of a fitted detector.

        Parameters
        ----------
        estimator : LOE, backbone, PatchDetector, TemporalSmoothing, LOESearchCV or Pipeline
            The fitted detector, or a Pipeline that ends in one.
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features), optional
            Rows to score, labelled by the threshold. Default: the training rows, whose scores a
            detector keeps, with its `labels_` if it has some. If rows came in parts, the scores are
            fewer than the rows, and the numbers of rows are approximate.
        name : str, optional
            The title. Default: the name of the detector's class.
        ax : matplotlib Axes, optional
            Where to draw. Default: a new figure.
        **kwargs : dict
            The other arguments of `plot`.

        Returns
        -------
        display : ScoresDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, NotFittedError
            If `estimator` is no detector of this package, or not fitted.
        ValueError
            If X cannot be scored.
        """
        owner = f"{cls.__name__}.from_estimator"
        require_matplotlib(owner)
        detector = fitted_with_threshold(estimator, owner)
        if X is None:
            scores, labels = detector._training_scores, getattr(detector, "labels_", None)
            n_rows = detector._n_rows_seen
        else:
            scores, labels, n_rows = normality(estimator, X, owner), None, None
        display = cls._of(
            scores, labels, detector.offset_, _thresholds(detector), name_of(estimator, name), owner
        )
        display.n_rows = n_rows
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        scores: ArrayLike,
        *,
        labels: ArrayLike | None = None,
        offset: float | None = None,
        interval: Sequence[float] | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw scores that are there already.

        Parameters
        ----------
        scores : array-like of shape (n_samples,)
            Scores, high for normal rows, as ``score_samples`` returns them.
        labels : array-like of int, shape (n_samples,), optional
            -1 for anomalies and +1 for normal rows, as ``predict`` returns them. Default: by
            `offset`, and none without it.
        offset : float, optional
            The threshold.
        interval : pair of float, optional
            Thresholds between which the right one may lie, the lower one first.
        name, ax, **kwargs
            As in `from_estimator`.

        Returns
        -------
        display : ScoresDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If values are not finite, or their numbers differ.
        """
        owner = f"{cls.__name__}.from_predictions"
        require_matplotlib(owner)
        return cls._of(scores, labels, offset, interval, name, owner).plot(ax=ax, **kwargs)

    @classmethod
    def _of(
        cls,
        scores: ArrayLike,
        labels: ArrayLike | None,
        offset: float | None,
        interval: Sequence[float] | None,
        name: str | None,
        owner: str,
    ) -> Self:
        values = finite_values(scores, "scores", owner)
        if offset is not None:
            check_argument(owner, "offset", offset, Number(Real))
        if labels is not None:
            read: np.ndarray | None = signs(labels, owner)
            check_same_length(owner, scores=values, labels=read)
        else:
            read = None if offset is None else np.where(values < offset, -1, 1)
        ends = None
        if interval is not None:
            low, high = finite_values(interval, "interval", owner)[[0, -1]]
            if len(interval) != 2 or low > high:
                raise ValueError(
                    f"{owner}: interval must be two thresholds, the lower one first; "
                    f"got {interval!r}."
                )
            ends = float(low), float(high)
        return cls(scores=values, labels=read, offset=offset, interval=ends, name=name)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        name: str | None = None,
        bins: int = 50,
        xscale: str = "auto",
        hist_kwargs: Mapping[str, Any] | None = None,
        line_kwargs: Mapping[str, Any] | None = None,
        span_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the histogram. Numbers of rows are on a logarithmic axis, since anomalies are few.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw. Default: a new figure.
        name : str, optional
            Another title.
        bins : int, default=50
            Number of bars, of equal width on the axis; none of several spans the threshold.
        xscale : {"auto", "linear", "asinh"}, default="auto"
            The axis of scores. ``"asinh"`` is linear near the median and logarithmic far from it,
            so that a few scores far out do not press all others together; ``"auto"`` chooses.
        hist_kwargs, line_kwargs, span_kwargs : dict, optional
            Keyword arguments of ``Axes.hist``, of ``Axes.axvline`` for the threshold, and of
            ``Axes.axvspan`` for the interval.

        Returns
        -------
        display : ScoresDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If an argument is out of its range.
        """
        owner = f"{type(self).__name__}.plot"
        check_bins(owner, bins, xscale)
        self.ax_ = axes_to_draw_on(ax, owner)
        self.figure_ = self.ax_.figure
        edges = scaled_edges(self.ax_, self.scores, bins, xscale, self.offset, self.interval or ())
        self._draw_bars(edges, hist_kwargs)
        self._draw_threshold(line_kwargs, span_kwargs)
        self.ax_.set_yscale("log")
        # A single row is a bar of some height. More may be drawn here.
        self.ax_.set_ylim(bottom=0.7, auto=None)
        self.ax_.set(xlabel="score, low for anomalies", ylabel="rows")
        label(self.ax_, self.name if name is None else name)
        return self

    def _draw_bars(self, edges: np.ndarray, given: Mapping[str, Any] | None) -> None:
        from matplotlib.patches import Patch

        if self.labels is None:
            parts = [("rows", NORMAL, np.ones(len(self.scores), dtype=bool))]
        else:
            parts = [
                ("labelled normal", NORMAL, self.labels > 0),
                ("labelled anomalous", ANOMALY, self.labels < 0),
            ]
        self.bars_ = []
        # How many rows a score stands for.
        each = 1.0 if self.n_rows is None else self.n_rows / len(self.scores)
        for text, color, part in parts:
            count = f"{'' if each == 1 else 'about '}{round(each * part.sum())}"
            defaults = {"color": color, "alpha": 0.85, "label": f"{text}: {count}"}
            styled = merged(Patch, {"weights": np.full(part.sum(), each), **defaults}, given)
            self.bars_.append(self.ax_.hist(self.scores[part], edges.tolist(), **styled)[2])

    def _draw_threshold(
        self, line: Mapping[str, Any] | None, span: Mapping[str, Any] | None
    ) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        self.span_ = self.line_ = None
        color = ink(self.ax_)
        if self.interval is not None:
            # Behind the bars, so that it does not change their colours.
            look = {"color": color, "alpha": 0.15, "linewidth": 0, "zorder": 0, "label": "interval"}
            styled = merged(Patch, look, span)
            self.span_ = self.ax_.axvspan(*self.interval, **styled)
        if self.offset is not None:
            share = float(np.mean(self.scores < self.offset))
            text = f"threshold {self.offset:.3g}: {percent(share)} below"
            look = {"color": color, "linestyle": "--", "linewidth": 1.2, "label": text}
            styled = merged(Line2D, look, line)
            self.line_ = self.ax_.axvline(self.offset, **styled)


def _thresholds(detector: ThresholdMixin) -> tuple[float, float] | None:
    """Return the thresholds of both ends of a detector's interval, if it has one."""
    low, high = getattr(detector, "contamination_interval_", (0.0, 0.0))
    if low >= high:
        return None
    return detector._threshold_at(low), detector._threshold_at(high)
