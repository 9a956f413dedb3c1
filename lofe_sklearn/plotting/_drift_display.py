"""DriftDisplay: the scores of new rows and of reference rows, and whether to refit."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from lofe_sklearn._notebook import counted
from lofe_sklearn._types import SamplesLike
from lofe_sklearn._validation import Number, check_argument
from lofe_sklearn.inspection._drift import compare_rows, compare_scores
from lofe_sklearn.inspection._drift_report import DriftReport
from lofe_sklearn.plotting._drawing import (
    NORMAL,
    SERIES,
    axes_to_draw_on,
    ink,
    label,
    merged,
    percent,
    require_matplotlib,
)
from lofe_sklearn.plotting._edges import check_bins, scaled_edges
from lofe_sklearn.plotting._fitted import finite_values, name_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class DriftDisplay:
    """Distributions of the scores of new rows and of reference rows, with the verdict.

    Use `from_estimator` or `from_predictions` to make one. Parameters are stored as attributes.

    Parameters
    ----------
    report : DriftReport
        The comparison.
    scores, reference : ndarray of shape (n_samples,) and (n_reference,)
        Scores of the new rows and of the reference rows, high for normal rows.
    offset : float or None
        Threshold: `predict` flags the scores below it.
    name : str or None
        What the picture is of: the first word of its title.

    Attributes
    ----------
    bars_ : list of matplotlib BarContainer
        Histograms of the reference rows and of the new rows.
    line_ : matplotlib Line2D or None
        The threshold.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    lofe_sklearn.inspection.drift_report : The same in numbers and words.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn import DeepSVDD
    >>> from lofe_sklearn.plotting import DriftDisplay
    >>> rng = np.random.default_rng(0)
    >>> detector = DeepSVDD(max_epochs=20, random_state=0).fit(rng.normal(size=(300, 4)))
    >>> new, kept_back = rng.normal(2, 1, size=(200, 4)), rng.normal(size=(200, 4))
    >>> display = DriftDisplay.from_estimator(detector, new, reference=kept_back)
    >>> display.report.verdict
    'refit'
    """

    def __init__(
        self,
        *,
        report: DriftReport,
        scores: np.ndarray,
        reference: np.ndarray,
        offset: float | None = None,
        name: str | None = None,
    ) -> None:
        self.report = report
        self.scores = scores
        self.reference = reference
        self.offset = offset
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: SamplesLike,
        *,
        reference: SamplesLike | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw how a fitted detector scores new rows and reference rows.

        Parameters
        ----------
        estimator : LOE, backbone, PatchDetector, TemporalSmoothing, LOESearchCV or Pipeline
            The fitted detector, or a Pipeline that ends in one.
        X, reference
            As in `lofe_sklearn.inspection.drift_report`.
        name : str, optional
            First word of the title. Default: the name of the detector's class.
        ax : matplotlib Axes, optional
            Where to draw. Default: a new figure.
        **kwargs : dict
            The other arguments of `plot`.

        Returns
        -------
        display : DriftDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, NotFittedError
            If `estimator` is no detector of this package, or not fitted.
        ValueError
            If X or `reference` cannot be scored.
        """
        owner = f"{cls.__name__}.from_estimator"
        require_matplotlib(owner)
        report, scores, others, offset = compare_rows(estimator, X, reference, owner, "estimator")
        title = name_of(estimator, name)
        display = cls(report=report, scores=scores, reference=others, offset=offset, name=title)
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        scores: ArrayLike,
        reference: ArrayLike,
        *,
        offset: float | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Compare scores of any detector that were computed before; `report` has the numbers.

        Parameters
        ----------
        scores, reference : array-like of shape (n_samples,) and (n_reference,)
            Scores of new rows and of reference rows, high for normal rows.
        offset : float, optional
            The threshold.
        name, ax, **kwargs
            As in `from_estimator`; `name` is None by default.

        Returns
        -------
        display : DriftDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no score, or one that is not finite.
        """
        owner = f"{cls.__name__}.from_predictions"
        require_matplotlib(owner)
        now = finite_values(scores, "scores", owner)
        before = finite_values(reference, "reference", owner)
        if offset is not None:
            check_argument(owner, "offset", offset, Number(Real))
        report = compare_scores(now, before, offset)
        display = cls(report=report, scores=now, reference=before, offset=offset, name=name)
        return display.plot(ax=ax, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        name: str | None = None,
        bins: int = 40,
        xscale: str = "auto",
        hist_kwargs: Mapping[str, Any] | None = None,
        line_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw both histograms, each as shares of its own rows.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw. Default: a new figure.
        name : str, optional
            Another first word of the title.
        bins : int, default=40
            Number of bars, of equal width on the axis; none of several spans the threshold. They
            are not the bins of the report.
        xscale : {"auto", "linear", "asinh"}, default="auto"
            The axis of scores, as in `ScoresDisplay.plot`.
        hist_kwargs, line_kwargs : dict, optional
            Keyword arguments of ``Axes.hist``, and of ``Axes.axvline`` for the threshold.

        Returns
        -------
        display : DriftDisplay

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
        everything = np.concatenate([self.reference, self.scores])
        edges = scaled_edges(self.ax_, everything, bins, xscale, self.offset)
        self._draw_bars(edges, hist_kwargs)
        self._draw_threshold(line_kwargs)
        self.ax_.set(xlabel="score, low for anomalies", ylabel="share of rows")
        label(self.ax_, self._title(self.name if name is None else name))
        return self

    def _title(self, name: str | None) -> str:
        report = self.report
        verdict = "too few rows to tell" if report.verdict == "unknown" else report.verdict
        return (
            f"{name + ': ' if name else ''}{verdict}\n"
            f"PSI {report.psi:.2f}, KS {report.ks:.2f} (p = {report.p_value:.2g})"
        )

    def _draw_bars(self, edges: np.ndarray, given: Mapping[str, Any] | None) -> None:
        from matplotlib.patches import Patch

        report, self.bars_ = self.report, []
        kind = "training" if report.in_sample else "reference"
        for text, color, scores, flagged in (
            (kind, NORMAL, self.reference, report.flagged_reference),
            ("new", SERIES[1], self.scores, report.flagged),
        ):
            share = "" if flagged is None else f", {percent(flagged)} flagged"
            defaults = {
                "color": color,
                "alpha": 0.6,
                "label": f"{text}: {counted(len(scores), 'row')}{share}",
            }
            styled = merged(Patch, defaults, given)
            weights = np.full(len(scores), 1 / len(scores))
            bars = self.ax_.hist(scores, edges.tolist(), weights=weights, **styled)[2]
            self.bars_.append(bars)

    def _draw_threshold(self, given: Mapping[str, Any] | None) -> None:
        from matplotlib.lines import Line2D

        self.line_ = None
        if self.offset is not None:
            look = {
                "color": ink(self.ax_),
                "linestyle": "--",
                "linewidth": 1.2,
                "label": f"threshold {self.offset:.3g}",
            }
            self.line_ = self.ax_.axvline(self.offset, **merged(Line2D, look, given))
