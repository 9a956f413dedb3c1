"""ReasonsDisplay: the reasons of one row as a bar chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from lofe_sklearn._any_detector import fitted_detector
from lofe_sklearn._containers import count_rows, readable_rows
from lofe_sklearn._reasons import Explanation, shown_name, shown_value
from lofe_sklearn._take_rows import take_rows
from lofe_sklearn._types import MatrixLike
from lofe_sklearn._validation import Number, check_argument
from lofe_sklearn.inspection import explain
from lofe_sklearn.plotting._drawing import (
    ANOMALY,
    LETTER,
    NORMAL,
    SMALL,
    axes_to_draw_on,
    broken_to_fit,
    ink,
    merged,
    plain,
    require_matplotlib,
    width_in_points,
)
from lofe_sklearn.plotting._letters import beginning, end, n_letters
from lofe_sklearn.sources._find_source import in_memory

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LETTERS, _LEAST_LETTERS = 26, 11
# Inches of a new figure for each bar, beyond what its ends take, and at most.
_BAR, _ENDS, _HIGHEST = 0.34, 1.0, 100.0
# Points that two lines of a label take.
_TWO_LINES = 24
# Letters of the number at a bar, with its distance, and points that the bars take at least.
_NUMBER, _LEAST_WIDTH = 9, 70


class ReasonsDisplay:
    """How much each feature contributes to the anomaly of one row, as a bar chart.

    Bars to the right make the row anomalous, bars to the left make it look normal. The value that
    the row has stands beside the typical one.

    Use `from_estimator` or `from_explanation` to make one. Parameters are stored as attributes.

    Parameters
    ----------
    features : sequence of str
        Names of the features, the largest contribution first.
    contributions : ndarray of shape (n_shown,)
        In units of the score.
    values, typical : sequence of shape (n_shown,)
        The values of the row, and the typical ones.
    rest : float
        The sum of the contributions of all other features.
    n_rest : int
        How many these are.
    name : str or None
        The title.

    Attributes
    ----------
    bars_ : matplotlib BarContainer
        From the top: the features, and all others together, if there are any.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    lofe_sklearn.inspection.explain : Reasons as numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn import DeepSVDD
    >>> from lofe_sklearn.plotting import ReasonsDisplay
    >>> X = np.random.default_rng(0).normal(size=(200, 4))
    >>> X[7, 2] = 9.0
    >>> detector = DeepSVDD(max_epochs=20, random_state=0).fit(X)
    >>> ReasonsDisplay.from_estimator(detector, X, row=7).features[0]
    'x2'
    """

    def __init__(
        self,
        *,
        features: Sequence[str],
        contributions: np.ndarray,
        values: Sequence[Any],
        typical: Sequence[Any],
        rest: float = 0.0,
        n_rest: int = 0,
        name: str | None = None,
    ) -> None:
        self.features = features
        self.contributions = contributions
        self.values = values
        self.typical = typical
        self.rest = rest
        self.n_rest = n_rest
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        *,
        row: int = 0,
        k: int = 10,
        background: MatrixLike | None = None,
        groups: ArrayLike | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Explain one row, and draw its reasons.

        Parameters
        ----------
        estimator : LOE, backbone, LOESearchCV or Pipeline
            The fitted detector, or a Pipeline that ends in one.
        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            Rows, of which one is explained.
        row : int, default=0
            The number of that row, from 0 on; also if X has an index.
        k : int, default=10
            The most features to draw: those of the largest contribution, up or down. Those that
            contribute nothing are not drawn.
        background, groups
            As `lofe_sklearn.inspection.explain` takes them.
        name : str, optional
            The title. Default: the row and its score.
        ax : matplotlib Axes, optional
            Where to draw. Default: a new figure.
        **kwargs : dict
            The other arguments of `plot`.

        Returns
        -------
        display : ReasonsDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, NotFittedError
            If `estimator` is no detector of this package, or not fitted.
        ValueError
            If there is no such row, or X, `background` or `groups` cannot be used.
        """
        owner = f"{cls.__name__}.from_estimator"
        require_matplotlib(owner)
        fitted_detector(estimator, owner)
        rows = in_memory(readable_rows(X, owner), owner)
        _check_row(owner, row, count_rows(rows, "X", owner))
        explanation = explain(
            estimator, take_rows(rows, np.array([row])), background=background, groups=groups
        )
        # Rows without an index of their own are numbered in X.
        names = explanation.row_names if hasattr(X, "iloc") else [row]
        if name is None:
            name = _title(names[0], explanation, 0)
        return cls.from_explanation(explanation, row=0, k=k, name=name, ax=ax, **kwargs)

    @classmethod
    def from_explanation(
        cls,
        explanation: Explanation,
        *,
        row: int = 0,
        k: int = 10,
        name: str | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the reasons of one row of an explanation.

        Parameters
        ----------
        explanation : Explanation
            What ``explain`` returns.
        row, k, name, ax, **kwargs
            As in `from_estimator`; `row` counts the rows of the explanation.

        Returns
        -------
        display : ReasonsDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If `explanation` is something else.
        ValueError
            If there is no such row.
        """
        owner = f"{cls.__name__}.from_explanation"
        require_matplotlib(owner)
        if not isinstance(explanation, Explanation):
            raise TypeError(
                f"{owner}: explanation must be what explain returns; got "
                f"{type(explanation).__name__}. from_estimator takes a detector and rows."
            )
        _check_row(owner, row, len(explanation))
        check_argument(owner, "k", k, Number(Integral, low=1))
        own = explanation._beyond_rounding(row)
        largest = np.argsort(-np.abs(own), kind="stable")[:k]
        shown = largest[own[largest] != 0]
        if len(shown) == 0:
            shown = largest[:1]
        order = shown[np.argsort(-own[shown], kind="stable")]
        display = cls(
            features=[str(explanation.feature_names[j]) for j in order],
            contributions=own[order],
            values=[explanation.values[row, j] for j in order],
            typical=[explanation.typical[j] for j in order],
            rest=float(np.delete(own, order).sum()),
            n_rest=len(own) - len(order),
            name=_title(explanation.row_names[row], explanation, row) if name is None else name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        name: str | None = None,
        bar_kwargs: Mapping[str, Any] | None = None,
        text_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw. Default: a new figure.
        name : str, optional
            Another title.
        bar_kwargs, text_kwargs : dict, optional
            Keyword arguments of ``Axes.barh``, and of ``Axes.annotate`` for the numbers at the
            bars.

        Returns
        -------
        display : ReasonsDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from matplotlib.patches import Patch
        from matplotlib.text import Text

        lengths = np.asarray(self.contributions, dtype=float)
        if self.n_rest:
            lengths = np.append(lengths, self.rest)
        height = min(_BAR * len(lengths) + _ENDS, _HIGHEST)
        self.ax_ = axes_to_draw_on(ax, f"{type(self).__name__}.plot", height)
        self.figure_ = self.ax_.figure
        places = np.arange(len(lengths))
        colors = [ANOMALY if length > 0 else NORMAL for length in lengths]
        styled = merged(Patch, {"color": colors, "height": 0.7}, bar_kwargs)
        self.bars_ = self.ax_.barh(places, lengths, **styled)
        look = {"fontsize": SMALL, "va": "center", "textcoords": "offset points"}
        for place, length in zip(places, lengths, strict=True):
            # All on one side, so that none runs into the names of the features.
            aligned = {**look, "xytext": (3, 0), "ha": "left"}
            self.ax_.annotate(
                f"{length:+.2g}", (max(length, 0.0), place), **merged(Text, aligned, text_kwargs)
            )
        labels = self._labels(len(places))
        self.ax_.set_yticks(places, list(map(plain, labels)), fontsize=SMALL)
        self.ax_.invert_yaxis()
        self.ax_.axvline(0.0, color=ink(self.ax_), linewidth=0.8)
        self._leave_room(lengths, labels)
        self.ax_.set_xlabel("contribution")
        title = self.name if name is None else name
        if title:
            # The title ends with the bars, and may begin above the names.
            broken = broken_to_fit(title, self.ax_, "medium")
            self.ax_.set_title(broken, loc="right", fontsize="medium")
        return self

    def _leave_room(self, lengths: np.ndarray, labels: Sequence[str]) -> None:
        """Set limits that leave room for the numbers, which are right of the bars."""
        from matplotlib.font_manager import FontProperties

        letter = LETTER * FontProperties(size=SMALL).get_size_in_points()
        letters = max(n_letters(line) for text in labels for line in text.split("\n"))
        width = max(width_in_points(self.ax_) - letters * letter, _LEAST_WIDTH)
        room = min(_NUMBER * letter / width, 0.6)
        low, high = min(0.0, lengths.min()), max(0.0, lengths.max())
        span = (high - low) or 1.0
        self.ax_.set_xlim(low - (0.03 * span if low < 0 else 0), high + span * room / (1 - room))

    def _labels(self, n_bars: int) -> list[str]:
        """Return the labels of the bars, with a second line if there is room for it."""
        height = 72 * self.ax_.bbox.height / self.ax_.figure.dpi / max(1, n_bars)
        labels = []
        for feature, value, typical in zip(self.features, self.values, self.typical, strict=True):
            text = _equation(" ".join(feature.split()), shown_value(value))
            second = "\n" + _short(f"typically {shown_value(typical)}")
            labels.append(text + second if height > _TWO_LINES else text)
        if self.n_rest:
            labels.append(f"{self.n_rest} other feature{'s' if self.n_rest > 1 else ''}")
        return labels


def _check_row(owner: str, row: Any, n_rows: int) -> None:
    if n_rows == 0:
        raise ValueError(f"{owner}: there are 0 rows; the reasons of at least 1 can be drawn.")
    check_argument(owner, "row", row, Number(Integral, low=0, high=n_rows - 1))


def _title(row_name: Any, explanation: Explanation, row: int) -> str:
    score, typical = explanation.scores[row], explanation.typical_score
    return f"row {plain(shown_name(row_name))}\nscore {score:.3g}, typically {typical:.3g}"


def _equation(name: str, value: str) -> str:
    """Write both in one line, each with its beginning. Names, often alike, keep their end too."""
    room = _LETTERS - len(" = ")
    if n_letters(name) + n_letters(value) > room:
        for_value = max(room - n_letters(name), _LEAST_LETTERS)
        if n_letters(value) > for_value:
            value = beginning(value, for_value - 3) + "..."
        for_name = room - n_letters(value)
        if n_letters(name) > for_name:
            half = (for_name - 3) // 2
            name = f"{beginning(name, for_name - 3 - half)}...{end(name, half)}"
    return f"{name} = {value}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if n_letters(text) <= _LETTERS else beginning(text, _LETTERS - 3) + "..."
