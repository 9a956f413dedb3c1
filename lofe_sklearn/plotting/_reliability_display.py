"""ReliabilityDisplay: how often rows of a given probability are anomalies."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from lofe_sklearn._any_detector import fitted_detector, rows_of_detector
from lofe_sklearn._types import MatrixLike
from lofe_sklearn._validation import MOST_PARTS, Number, OneOf, check_argument
from lofe_sklearn.metrics import is_anomaly
from lofe_sklearn.plotting._counts_of_bins import write_counts
from lofe_sklearn.plotting._drawing import (
    MARKERS,
    SERIES,
    axes_to_draw_on,
    ink,
    label,
    legend_entry,
    merged,
    require_matplotlib,
)
from lofe_sklearn.plotting._fitted import check_same_length, finite_values, name_of
from lofe_sklearn.plotting._wilson import wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# If all values are below this, only that part of the square is shown.
_HALF = 0.5
# The margin of the axes beyond the data, as a factor.
_MARGIN = 1.03


class ReliabilityDisplay:
    """How often rows of a given probability are anomalies: a reliability diagram.

    Rows are sorted into bins by their probability. Each bin is drawn as a point: its mean
    probability, and the share of anomalies among its rows, with Wilson's interval [1]_ of 90 %.
    Points on the diagonal are calibrated. The number of rows is written beside each point: a bin of
    few rows tells little.

    Use `from_estimator` or `from_predictions` to make one. Parameters are stored as attributes.

    Parameters
    ----------
    predicted, observed : ndarray of shape (n_bins,)
        Mean probability, and share of anomalies, of the bins that have rows.
    low, high : ndarray of shape (n_bins,)
        The interval of each share.
    counts : ndarray of int, shape (n_bins,)
        Rows in each bin.
    brier_score : float
        Mean squared difference between probability and truth.
    name : str or None
        What the legend calls the points.

    Attributes
    ----------
    container_ : matplotlib ErrorbarContainer
        Points and bars.
    reference_line_ : matplotlib Line2D or None
        The diagonal; None if the axes had one.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : The same of classifiers, without intervals.

    References
    ----------
    .. [1] E. B. Wilson (1927). Probable Inference, the Law of Succession, and Statistical
       Inference. Journal of the American Statistical Association 22.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn.plotting import ReliabilityDisplay
    >>> rng = np.random.default_rng(0)
    >>> proba = rng.uniform(size=2000)
    >>> y = rng.uniform(size=2000) < proba
    >>> display = ReliabilityDisplay.from_predictions(y, proba, n_bins=5)
    >>> display.counts.sum(), display.observed.round(1).tolist()
    (np.int64(2000), [0.1, 0.3, 0.5, 0.7, 0.9])
    """

    def __init__(
        self,
        *,
        predicted: np.ndarray,
        observed: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
        counts: np.ndarray,
        brier_score: float,
        name: str | None = None,
    ) -> None:
        self.predicted = predicted
        self.observed = observed
        self.low = low
        self.high = high
        self.counts = counts
        self.brier_score = brier_score
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        y: ArrayLike,
        *,
        contamination: float | None = None,
        n_bins: int = 10,
        strategy: str = "uniform",
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the reliability of a fitted LOE's ``anomaly_proba``.

        Parameters
        ----------
        estimator : LOE, LOESearchCV or Pipeline
            The fitted LOE, or a Pipeline or search that ends in one.
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            Rows whose labels are known.
        y : array-like of shape (n_samples,)
            Their labels, as `lofe_sklearn.metrics.is_anomaly` reads them.
        contamination : float in (0, 1), optional
            As ``LOE.anomaly_proba`` takes it.
        n_bins : int, default=10
            Number of bins. Bins without rows are left out.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width, or with about equal numbers of rows. Most rows are normal and have
            a low probability; ``"quantile"`` shows these in more detail.
        name : str, optional
            What the legend calls the points. Default: the name of the detector's class.
        ax : matplotlib Axes, optional
            Where to draw. Default: a new figure.
        **kwargs : dict
            The other arguments of `plot`.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, NotFittedError
            If `estimator` has no probabilities, or is not fitted.
        ValueError
            If X, `y` or another argument cannot be used.
        """
        owner = f"{cls.__name__}.from_estimator"
        require_matplotlib(owner)
        detector: Any = fitted_detector(estimator, owner)
        if not hasattr(detector, "anomaly_proba"):
            kind = type(detector).__name__
            raise TypeError(
                f"{owner}: estimator must be LOE, which has probabilities; got {kind}. Fit "
                f"LOE({kind}())."
            )
        rows = rows_of_detector(estimator, X, "X", owner)
        return cls.from_predictions(
            y,
            detector.anomaly_proba(rows, contamination),
            n_bins=n_bins,
            strategy=strategy,
            name=name_of(estimator, name),
            ax=ax,
            **kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_proba: ArrayLike,
        *,
        n_bins: int = 10,
        strategy: str = "uniform",
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the reliability of probabilities that are there already.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels, as `lofe_sklearn.metrics.is_anomaly` reads them.
        y_proba : array-like of shape (n_samples,)
            Probability of each row to be an anomaly, in [0, 1].
        n_bins, strategy, name, ax, **kwargs
            As in `from_estimator`.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If an argument cannot be used.
        """
        owner = f"{cls.__name__}.from_predictions"
        require_matplotlib(owner)
        check_argument(owner, "n_bins", n_bins, Number(Integral, low=1, most=MOST_PARTS))
        check_argument(owner, "strategy", strategy, OneOf(("uniform", "quantile")))
        anomalous = is_anomaly(y_true, name=f"{owner}: y_true")
        proba = finite_values(y_proba, "y_proba", owner)
        check_same_length(owner, y_true=anomalous, y_proba=proba)
        if proba.min() < 0 or proba.max() > 1:
            raise ValueError(
                f"{owner}: y_proba must be in [0, 1]; got values from {proba.min():g} to "
                f"{proba.max():g}. Scores are not probabilities; LOE.anomaly_proba returns some."
            )
        inner = np.linspace(0, 1, n_bins + 1)[1:-1]
        bins = np.searchsorted(inner, proba, side="right")
        if strategy == "quantile":
            inner = np.unique(np.percentile(proba, 100 * inner))
            # Many rows of the lowest probability are a bin of their own.
            bins = np.searchsorted(inner, proba, side="left")
        every = np.bincount(bins, minlength=len(inner) + 1)
        used = every > 0
        counts = every[used]
        observed = np.bincount(bins, anomalous, len(every))[used] / counts
        low, high = wilson(observed, counts)
        display = cls(
            predicted=np.bincount(bins, proba, len(every))[used] / counts,
            observed=observed,
            low=low,
            high=high,
            counts=counts,
            brier_score=float(np.mean((proba - anomalous) ** 2)),
            name=name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        name: str | None = None,
        reference_line: bool = True,
        show_counts: bool = True,
        line_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the diagram.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw. Several displays may share one. Default: a new figure.
        name : str, optional
            Another name in the legend.
        reference_line : bool, default=True
            Whether to draw the diagonal, if the axes have none yet.
        show_counts : bool, default=True
            Whether to write the number of rows beside each point, as far as there is room.
        line_kwargs : dict, optional
            Keyword arguments of ``Axes.errorbar``.

        Returns
        -------
        display : ReliabilityDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from matplotlib.container import ErrorbarContainer
        from matplotlib.lines import Line2D

        self.ax_ = axes_to_draw_on(ax, f"{type(self).__name__}.plot")
        self.figure_ = self.ax_.figure
        color, calibrated = ink(self.ax_), "calibrated"
        self.reference_line_ = None
        # Another display may have drawn here: it stays visible, and its diagonal is enough.
        is_first = calibrated not in self.ax_.get_legend_handles_labels()[1]
        highest = max(self.predicted.max(), self.high.max())
        if not is_first:
            highest = max(highest, self.ax_.get_xlim()[1] / _MARGIN)
        if reference_line and is_first:
            (self.reference_line_,) = self.ax_.plot(
                [0, 1], [0, 1], color=color, linestyle=":", label=calibrated
            )
        name = self.name if name is None else name
        score = f"Brier score {self.brier_score:.2g}"
        # Another display that was drawn here has the colour before.
        n_drawn = sum(isinstance(drawn, ErrorbarContainer) for drawn in self.ax_.containers)
        look = {
            "color": SERIES[n_drawn % len(SERIES)],
            "marker": MARKERS[n_drawn % len(MARKERS)],
            "linewidth": 1.5,
            "capsize": 3,
            "label": legend_entry(self.ax_, f"{name}: {score}" if name else score),
        }
        bars = np.stack([self.observed - self.low, self.high - self.observed]).clip(min=0)
        self.container_ = self.ax_.errorbar(
            self.predicted, self.observed, bars, **merged(Line2D, look, line_kwargs)
        )
        top = 1.0 if highest > _HALF else highest
        if show_counts:
            write_counts(self.ax_, self.predicted, self.observed, self.counts, top)
        self.ax_.set(xlabel="mean probability of a bin", ylabel="share of anomalies")
        limits = (1 - _MARGIN) * top, _MARGIN * top
        self.ax_.set(xlim=limits, ylim=limits)
        label(self.ax_)
        return self
