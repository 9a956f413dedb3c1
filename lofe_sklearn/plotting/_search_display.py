"""SearchDisplay: cross-validated scores over a parameter, as the contamination ratio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from lofe_sklearn._notebook import counted
from lofe_sklearn.plotting._cv_results import (
    candidates_with,
    fold_scores,
    index_of,
    is_number,
    ordered,
    parameter_to_draw,
    setting_of,
    shown_setting,
    varying,
)
from lofe_sklearn.plotting._drawing import (
    ANOMALY,
    MARKERS,
    SERIES,
    axes_to_draw_on,
    label,
    legend_entry,
    mark_as_far_as_apart,
    merged,
    name_places,
    plain,
    require_matplotlib,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Values that differ by more than this factor are drawn by their logarithm.
_WIDE = 8
_MANY = len(SERIES)
# Up to this number of values, the axis marks the values themselves.
_N_TICKS = 8


class SearchDisplay:
    """Cross-validated scores over the values of one parameter, with the spread of the folds.

    Small points are folds, a line with markers is their mean, and bars are one standard deviation
    up and down. There is a line for each setting of the other parameters. The best mean is marked.

    Use `from_estimator` or `from_cv_results` to make one. Parameters are stored as attributes.

    Parameters
    ----------
    param_name : str
        The parameter.
    values : list
        Its values, ascending if all are numbers.
    scores : dict of str to ndarray of shape (n_values, n_folds)
        Scores on each fold, by the setting of the other parameters, ``""`` if there are none. NaN
        where a training failed, and where a setting was not tried with a value.
    score_name : str
        What the scores are.
    name : str or None
        The title.

    Attributes
    ----------
    lines_ : list of matplotlib ErrorbarContainer
        Means and standard deviations of each setting.
    points_ : list of matplotlib Line2D
        The folds of each setting.
    best_ : matplotlib Line2D
        The mark of the best mean.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from lofe_sklearn import LOE, DeepSVDD, LOESearchCV
    >>> from lofe_sklearn.datasets import load_thyroid
    >>> from lofe_sklearn.plotting import SearchDisplay
    >>> X, y = load_thyroid(return_X_y=True)
    >>> grid = {"contamination": [0.01, 0.025, 0.1]}
    >>> search = LOESearchCV(LOE(DeepSVDD(max_epochs=2), random_state=0), grid, cv=3).fit(X, y)
    >>> display = SearchDisplay.from_estimator(search)
    >>> display.param_name, display.scores[""].shape
    ('contamination', (3, 3))
    """

    def __init__(
        self,
        *,
        param_name: str,
        values: list[Any],
        scores: Mapping[str, np.ndarray],
        score_name: str = "score",
        name: str | None = None,
    ) -> None:
        self.param_name = param_name
        self.values = values
        self.scores = scores
        self.score_name = score_name
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        param_name: str | None = None,
        score_name: str | None = None,
        fixed: Mapping[str, Any] | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the results of a fitted search.

        Parameters
        ----------
        estimator : LOESearchCV, or a search of scikit-learn's
            The fitted search.
        param_name : str, optional
            The parameter to draw. Default: the contamination, if it was searched, or else the only
            parameter with several values.
        score_name : str, optional
            Which score, if there are several. Default: the one of `refit`, or the only one.
        fixed : dict, optional
            Values of other parameters: only candidates that have them are drawn.
        name : str, optional
            The title.
        ax : matplotlib Axes, optional
            Where to draw. Default: a new figure.
        **kwargs : dict
            The other arguments of `plot`.

        Returns
        -------
        display : SearchDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, NotFittedError
            If `estimator` is no search, or not fitted.
        ValueError
            If it is not clear what to draw.
        """
        owner = f"{cls.__name__}.from_estimator"
        require_matplotlib(owner)
        if not hasattr(estimator, "cv_results_"):
            if hasattr(estimator, "cv") and hasattr(estimator, "scoring"):
                check_is_fitted(estimator, "cv_results_")
            raise TypeError(
                f"{owner}: estimator must be a fitted search with cv_results_, as LOESearchCV; got "
                f"{type(estimator).__name__}."
            )
        if score_name is None and isinstance(estimator.refit, str):
            score_name = estimator.refit
        display = cls.from_cv_results(
            estimator.cv_results_,
            param_name=param_name,
            score_name=score_name,
            fixed=fixed,
            name=name,
            ax=ax,
            **kwargs,
        )
        return display

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        *,
        param_name: str | None = None,
        score_name: str | None = None,
        fixed: Mapping[str, Any] | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw ``cv_results_`` of a search.

        Parameters
        ----------
        cv_results : dict of ndarrays
            With the keys of GridSearchCV's.
        param_name, score_name, fixed, name, ax, **kwargs
            As in `from_estimator`.

        Returns
        -------
        display : SearchDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If it is not clear what to draw, or if there is no such parameter or score.
        """
        owner = f"{cls.__name__}.from_cv_results"
        require_matplotlib(owner)
        folds = fold_scores(cv_results, score_name, owner)
        candidates = [dict(params) for params in cv_results["params"]]
        if fixed:
            kept = candidates_with(candidates, fixed, owner)
            folds, candidates = folds[kept], [candidates[i] for i in kept]
        if not np.isfinite(folds.mean(axis=1)).any():  # with a fold that failed, it has none
            raise ValueError(f"{owner}: no candidate has a finite score; there is nothing to draw.")
        param_name = parameter_to_draw(candidates, param_name, owner)
        values = ordered([params[param_name] for params in candidates if param_name in params])
        others = [other for other in varying(candidates) if other != param_name]
        settings = [setting_of(params, others) for params in candidates]
        names = list(dict.fromkeys(settings))
        if len(names) > _MANY:
            raise ValueError(
                f"{owner}: there are {len(names)} settings of {', '.join(others)}, more than the "
                f"{_MANY} lines that readers can tell apart. Choose some by "
                f"fixed={{{others[0]!r}: value}}."
            )
        scores = {own: np.full((len(values), folds.shape[1]), np.nan) for own in names}
        for params, setting, own in zip(candidates, settings, folds, strict=True):
            if param_name in params:
                scores[setting][index_of(values, params[param_name])] = own
        display = cls(
            param_name=param_name,
            values=values,
            scores=scores,
            score_name="score" if score_name is None else score_name,
            name=name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        name: str | None = None,
        line_kwargs: Mapping[str, Any] | None = None,
        point_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the lines.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw. Default: a new figure.
        name : str, optional
            Another title.
        line_kwargs, point_kwargs : dict, optional
            Keyword arguments of ``Axes.errorbar`` for the means, and of ``Axes.plot`` for the
            folds.

        Returns
        -------
        display : SearchDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from matplotlib.lines import Line2D

        self.ax_ = axes_to_draw_on(ax, f"{type(self).__name__}.plot")
        self.figure_ = self.ax_.figure
        places, is_numeric = self._places()
        self.lines_, self.points_ = [], []
        best = (-np.inf, 0.0)
        for i, (setting, folds) in enumerate(self.scores.items()):
            # NaN of a fold makes the mean NaN, as it does in the search.
            mean, spread = folds.mean(axis=1), folds.std(axis=1)
            look = {
                "color": SERIES[i],
                "marker": MARKERS[i],
                "capsize": 3,
                "linewidth": 1.5,
                "linestyle": "-" if is_numeric else "none",
                "label": legend_entry(self.ax_, plain(setting) or "mean, deviation"),
            }
            # Settings stand side by side, so that their bars do not cover each other.
            own = places(i)
            self.lines_.append(
                self.ax_.errorbar(own, mean, spread, **merged(Line2D, look, line_kwargs))
            )
            look = {"color": SERIES[i], "marker": ".", "linestyle": "none", "alpha": 0.5}
            self.points_ += self.ax_.plot(
                np.repeat(own, folds.shape[1]),
                folds.ravel(),
                **merged(Line2D, {**look, "label": "_fold"}, point_kwargs),
            )
            if np.isfinite(mean).any() and np.nanmax(mean) > best[0]:
                best = float(np.nanmax(mean)), float(own[np.nanargmax(mean)])
        (self.best_,) = self.ax_.plot(
            best[1],
            best[0],
            marker="o",
            markersize=12,
            markerfacecolor="none",
            markeredgecolor=ANOMALY,
            markeredgewidth=1.8,
            linestyle="none",
            label=f"best: {best[0]:.3g}",
        )
        n_folds = next(iter(self.scores.values())).shape[1]
        self.ax_.set(
            xlabel=self.param_name,
            ylabel=f"{self.score_name}, {counted(n_folds, 'fold')}",
        )
        if not is_numeric:
            name_places(self.ax_, [shown_setting(value) for value in self.values])
            self.ax_.set_xlim(-0.5, len(self.values) - 0.5)
        elif len(self.values) <= _N_TICKS:
            mark_as_far_as_apart(self.ax_, self.values, list(map(shown_setting, self.values)))
        label(self.ax_, self.name if name is None else name)
        return self

    def _is_wide(self) -> bool:
        return self.values[0] > 0 and self.values[-1] > _WIDE * self.values[0]

    def _places(self) -> tuple[Any, bool]:
        """Return where the markers of each setting are, and whether the axis is one of numbers."""
        n_lines = len(self.scores)
        shifts = np.linspace(-0.5, 0.5, n_lines) if n_lines > 1 else np.zeros(1)
        if not all(is_number(value) for value in self.values):
            places = np.arange(len(self.values), dtype=float)
            return lambda i: places + 0.3 * shifts[i], False
        values = np.array([float(value) for value in self.values])
        if self._is_wide():
            self.ax_.set_xscale("log")
            return lambda i: values * 1.08 ** shifts[i], True
        width = np.diff(values).min() if len(values) > 1 else 1.0
        return lambda i: values + 0.15 * width * shifts[i], True
