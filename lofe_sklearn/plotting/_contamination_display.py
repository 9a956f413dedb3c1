"""ContaminationDisplay: the ratio that LOE cuts at, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from lofe_sklearn._any_detector import fitted_detector
from lofe_sklearn._loe._find_ratio import RATIOS, SEPARATE, Belief, believe, usual_agreement
from lofe_sklearn.plotting._drawing import (
    ANOMALY,
    NORMAL,
    SMALL,
    ink,
    label,
    mark_log_ratios,
    merged,
    percent,
    require_matplotlib,
)
from lofe_sklearn.plotting._fitted import check_same_length, finite_values, name_of
from lofe_sklearn.plotting._panels import two_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ContaminationDisplay:
    """The ratio that LOE cuts at, and what it rests on.

    The upper panel shows how far detectors of different kinds agree on the rows above each cut, and
    how far they usually do: agreement above the usual makes a ratio likelier. If it reaches
    `separate_at`, the rows above the cut are a group of their own. They also are if three pairs of
    detectors agree nearly fully, which is not drawn. The lower panel shows how likely each ratio
    is, before that comparison (the prior) and after it, with the ratio of the threshold and its
    interval. If no group is separate, at most 5 % of the rows are flagged, whatever the belief is.

    Use `from_estimator` or `from_predictions` to make one. Parameters are stored as attributes.

    Parameters
    ----------
    ratios : ndarray of shape (n_ratios,)
        The ratios that are compared, ascending.
    prior, belief : ndarray of shape (n_ratios,)
        How likely each is, before and after; both sum to 1.
    agreement : ndarray of shape (n_ratios,) or None
        From 0, chance, to 1, the same rows. None if there were fewer than two detectors.
    usual_agreement : ndarray of shape (n_ratios,)
        The usual agreement of detectors of different kinds.
    separate_at : ndarray of shape (n_ratios,)
        Agreement from which the rows above a cut are a group of their own; infinite at ratios
        too high to be those of a group.
    contamination : float
        The ratio of the threshold.
    interval : tuple of float
        The interval of likely ratios.
    is_found : bool
        Whether `contamination` was found from the belief. Otherwise it was given, or set later.
    name : str or None
        The title.

    Attributes
    ----------
    agreement_line_, usual_line_ : matplotlib Line2D or None
        None if there is no agreement.
    prior_line_, belief_line_, ratio_line_ : matplotlib Line2D
    span_ : matplotlib artist or None
        The interval.
    axes_ : tuple of matplotlib Axes
        The upper and the lower panel.
    figure_ : matplotlib Figure

    See Also
    --------
    lofe_sklearn.LOE : Its Notes say how the belief is found.
    ScoresDisplay : Where the ratio cuts the scores.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn.plotting import ContaminationDisplay
    >>> rng = np.random.default_rng(0)
    >>> normality = np.concatenate([rng.normal(0, 1, 480), rng.normal(-9, 1, 20)])
    >>> scores = [normality + rng.normal(0, 1, 500) for _ in range(3)]  # of three detectors
    >>> display = ContaminationDisplay.from_predictions(scores)
    >>> bool(0.02 < display.contamination < 0.08)
    True
    """

    def __init__(
        self,
        *,
        ratios: np.ndarray,
        prior: np.ndarray,
        belief: np.ndarray,
        agreement: np.ndarray | None,
        usual_agreement: np.ndarray,
        separate_at: np.ndarray,
        contamination: float,
        interval: tuple[float, float],
        is_found: bool = True,
        name: str | None = None,
    ) -> None:
        self.ratios = ratios
        self.prior = prior
        self.belief = belief
        self.agreement = agreement
        self.usual_agreement = usual_agreement
        self.separate_at = separate_at
        self.contamination = contamination
        self.interval = interval
        self.is_found = is_found
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the belief of a fitted LOE about its ratio.

        Parameters
        ----------
        estimator : LOE, LOESearchCV or Pipeline
            The fitted LOE, or a Pipeline or search that ends in one. A ratio that the user gave is
            drawn beside the belief, which was then not used.
        name : str, optional
            The title. Default: the name of the detector's class.
        ax : matplotlib Axes or pair of them, optional
            Where to draw. Both panels take the place of a single one. Default: a new figure.
        **kwargs : dict
            The other arguments of `plot`.

        Returns
        -------
        display : ContaminationDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If `estimator` is no LOE: a backbone alone finds no ratio.
        NotFittedError
            If it is not fitted.
        """
        owner = f"{cls.__name__}.from_estimator"
        require_matplotlib(owner)
        detector: Any = fitted_detector(estimator, owner)
        belief = getattr(detector, "_belief", None)
        if belief is None:
            kind = type(detector).__name__
            raise TypeError(
                f"{owner}: estimator must be LOE, which finds a ratio; got {kind}, whose "
                f"contamination is what the user gave. Fit LOE({kind}())."
            )
        is_set = detector.contamination_ != detector._contamination_of_fit
        display = cls._of(
            belief,
            detector.contamination_,
            detector.contamination_interval_,
            is_found=detector._has_found_ratio() and not is_set,
            name=name_of(estimator, name),
        )
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        scores: Sequence[ArrayLike],
        *,
        name: str | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the belief about the ratio that follows from the scores of any detectors.

        Parameters
        ----------
        scores : sequence of array-like of shape (n_samples,)
            Scores of the same rows by detectors of different kinds, each high for normal rows, as
            ``score_samples`` returns them. With one detector the belief is the prior.
        name, ax, **kwargs
            As in `from_estimator`.

        Returns
        -------
        display : ContaminationDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If values are not finite, or not of the same rows.
        """
        owner = f"{cls.__name__}.from_predictions"
        require_matplotlib(owner)
        is_list = isinstance(scores, Sequence | np.ndarray)  # a frame has them as columns
        if not is_list or len(scores) == 0 or np.ndim(scores[0]) == 0:
            raise ValueError(
                f"{owner}: scores must be a list with the scores of each detector, (n_samples,) "
                "each. For one detector, pass [scores]."
            )
        named = {
            f"scores[{i}]": finite_values(own, f"scores[{i}]", owner)
            for i, own in enumerate(scores)
        }
        check_same_length(owner, **named)
        parties = [-own for own in named.values()]
        belief = believe(parties, len(parties[0]))
        found = belief.found
        display = cls._of(belief, found.value, (found.low, found.high), is_found=True, name=name)
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def _of(
        cls,
        belief: Belief,
        contamination: float,
        interval: tuple[float, float],
        *,
        is_found: bool,
        name: str | None,
    ) -> Self:
        return cls(
            ratios=RATIOS,
            prior=belief.prior,
            belief=belief.probability,
            agreement=belief.agreement,
            usual_agreement=usual_agreement(),
            separate_at=SEPARATE.copy(),
            contamination=contamination,
            interval=interval,
            is_found=is_found,
            name=name,
        )

    def plot(
        self,
        ax: Axes | Sequence[Axes] | None = None,
        *,
        name: str | None = None,
        belief_kwargs: Mapping[str, Any] | None = None,
        agreement_kwargs: Mapping[str, Any] | None = None,
        span_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw both panels.

        Parameters
        ----------
        ax : matplotlib Axes or pair of them, optional
            Where to draw. Default: a new figure.
        name : str, optional
            Another title.
        belief_kwargs, agreement_kwargs, span_kwargs : dict, optional
            Keyword arguments of ``Axes.plot`` for the belief and for the agreement, and of
            ``Axes.axvspan`` for the interval.

        Returns
        -------
        display : ContaminationDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If `ax` is no axes.
        """
        upper, lower = self.axes_ = two_panels(ax, f"{type(self).__name__}.plot")
        self.figure_ = upper.figure
        self._draw_agreement(upper, agreement_kwargs)
        self._draw_belief(lower, belief_kwargs, span_kwargs)
        for axes in self.axes_:
            axes.set_xlim(self.ratios[0], self.ratios[-1])
            mark_log_ratios(axes)
        label(upper, self.name if name is None else name)
        label(lower)
        return self

    def _draw_agreement(self, axes: Axes, given: Mapping[str, Any] | None) -> None:
        from matplotlib.lines import Line2D

        axes.set(ylabel="agreement", ylim=(0, 1.02))
        self.agreement_line_ = self.usual_line_ = None
        if self.agreement is None:
            axes.text(
                0.5, 0.5, "one detector: nothing to compare", ha="center", transform=axes.transAxes
            )
            return
        color = ink(axes)
        styled = merged(
            Line2D, {"color": ANOMALY, "linewidth": 1.8, "label": "these detectors"}, given
        )
        (self.agreement_line_,) = axes.plot(self.ratios, self.agreement, **styled)
        (self.usual_line_,) = axes.plot(
            self.ratios, self.usual_agreement, color=color, linestyle=":", label="usual"
        )
        drawn = np.isfinite(self.separate_at)
        ratios, separate_at = self.ratios[drawn], self.separate_at[drawn]
        axes.plot(ratios, separate_at, color=color, linestyle="--", linewidth=0.8)
        axes.annotate(
            "separate group",
            (ratios[-1], separate_at[-1]),
            xytext=(0, -2),  # above it is the end of the axes
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=SMALL,
        )

    def _draw_belief(
        self, axes: Axes, given: Mapping[str, Any] | None, span: Mapping[str, Any] | None
    ) -> None:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        color, (low, high) = ink(axes), self.interval
        styled = merged(Line2D, {"color": NORMAL, "linewidth": 1.8, "label": "belief"}, given)
        (self.belief_line_,) = axes.plot(self.ratios, self.belief, **styled)
        axes.fill_between(self.ratios, self.belief, color=styled["color"], alpha=0.25, linewidth=0)
        (self.prior_line_,) = axes.plot(
            self.ratios, self.prior, color=color, linestyle=":", label="prior"
        )
        self.span_ = None
        if low < high:
            look = {"color": color, "alpha": 0.12, "linewidth": 0, "zorder": 0}
            look["label"] = f"{100 * low:.2g} to {100 * high:.2g} %"
            self.span_ = axes.axvspan(low, high, **merged(Patch, look, span))
        text = f"{'found' if self.is_found else 'set'}: {percent(self.contamination)}"
        self.ratio_line_ = axes.axvline(
            self.contamination,
            color=color,
            linestyle="--",
            linewidth=1.2,
            label=text,
        )
        axes.set(xlabel="contamination", ylabel="probability")
        axes.set_ylim(0, None, auto=None)  # more may be drawn here
