"""TrainingDisplay: losses and inferred labels of each member, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from lofe_sklearn._any_detector import fitted_detector
from lofe_sklearn.plotting._drawing import (
    ANOMALY,
    NORMAL,
    ink,
    label,
    merged,
    require_matplotlib,
)
from lofe_sklearn.plotting._fitted import name_of
from lofe_sklearn.plotting._panels import two_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lofe_sklearn.engine import TrainingHistory

# Losses that fall by more than this factor are drawn by their logarithm.
_STEEP = 20


class TrainingDisplay:
    """Both losses and the inferred labels, epoch by epoch.

    The upper panel has the mean normal and anomaly loss of all rows, the lower one the share of the
    rows that is labelled anomalous, and the share whose label has changed since the epoch before.
    Each member is a thin line, and the median over members that are still trained a thick one.

    Use `from_estimator` or `from_histories` to make one. Parameters are stored as attributes.

    Parameters
    ----------
    loss_n, loss_a : ndarray of shape (n_epochs, n_members)
        Mean over the rows of each loss. NaN after the end of a member that stopped early.
    marked, changed : ndarray of shape (n_epochs, n_members)
        Shares of the rows labelled anomalous, and of those whose label has changed; the latter is
        NaN in the first epoch.
    name : str or None
        The title.

    Attributes
    ----------
    lines_ : dict of str to list of matplotlib Line2D
        By ``"loss_n"``, ``"loss_a"``, ``"marked"`` and ``"changed"``: a line for each member, and
        the median last if there are several.
    axes_ : tuple of matplotlib Axes
        The upper and the lower panel.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import numpy as np
    >>> from lofe_sklearn import LOE, DeepSVDD
    >>> from lofe_sklearn.plotting import TrainingDisplay
    >>> X = np.random.default_rng(0).normal(size=(200, 4))
    >>> detector = LOE(DeepSVDD(max_epochs=8), contamination=0.05, random_state=0).fit(X)
    >>> display = TrainingDisplay.from_estimator(detector)
    >>> display.loss_n.shape
    (8, 1)
    """

    def __init__(
        self,
        *,
        loss_n: np.ndarray,
        loss_a: np.ndarray,
        marked: np.ndarray,
        changed: np.ndarray,
        name: str | None = None,
    ) -> None:
        self.loss_n = loss_n
        self.loss_a = loss_a
        self.marked = marked
        self.changed = changed
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        members: Sequence[int] | None = None,
        name: str | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the training of a fitted detector.

        Parameters
        ----------
        estimator : LOE, backbone, LOESearchCV or Pipeline
            The fitted detector, or a Pipeline that ends in one.
        members : sequence of int, optional
            Which of LOE's `estimators_` to draw. Default: all. Those of different backbones have
            losses of different sizes.
        name : str, optional
            The title. Default: the name of the detector's class.
        ax : matplotlib Axes or pair of them, optional
            Where to draw. Both panels take the place of a single one. Default: a new figure.
        **kwargs : dict
            The other arguments of `plot`.

        Returns
        -------
        display : TrainingDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, NotFittedError
            If `estimator` is no detector of this package, or not fitted.
        ValueError
            If there is no such member.
        """
        owner = f"{cls.__name__}.from_estimator"
        require_matplotlib(owner)
        detector: Any = fitted_detector(estimator, owner)
        every = getattr(detector, "estimators_", [detector])
        chosen = range(len(every)) if members is None else np.ravel(members).tolist()
        if len(chosen) == 0 or not all(_is_index(m, len(every)) for m in chosen):
            raise ValueError(
                f"{owner}: members must be numbers from 0 to {len(every) - 1}, at least one; got "
                f"{members!r}."
            )
        histories = [every[m].history_ for m in chosen]
        return cls.from_histories(histories, name=name_of(estimator, name), ax=ax, **kwargs)

    @classmethod
    def from_histories(
        cls,
        histories: Sequence[TrainingHistory],
        *,
        name: str | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw trainings by their histories.

        Parameters
        ----------
        histories : sequence of TrainingHistory
            ``history_`` of fitted backbones.
        name, ax, **kwargs
            As in `from_estimator`.

        Returns
        -------
        display : TrainingDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no history.
        """
        owner = f"{cls.__name__}.from_histories"
        require_matplotlib(owner)
        if not isinstance(histories, Sequence) or len(histories) == 0:
            raise ValueError(
                f"{owner}: histories must be a list of at least one, the history_ of a fitted "
                "backbone."
            )
        n_epochs = max(int(history.n_iter.max()) for history in histories)
        marked, changed = zip(*map(_label_shares, histories), strict=True)
        display = cls(
            loss_n=_beside([history.loss_n for history in histories], n_epochs),
            loss_a=_beside([history.loss_a for history in histories], n_epochs),
            marked=_beside(marked, n_epochs),
            changed=_beside(changed, n_epochs),
            name=name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(
        self,
        ax: Axes | Sequence[Axes] | None = None,
        *,
        name: str | None = None,
        line_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw both panels.

        Parameters
        ----------
        ax : matplotlib Axes or pair of them, optional
            Where to draw. Default: a new figure.
        name : str, optional
            Another title.
        line_kwargs : dict, optional
            Keyword arguments of ``Axes.plot`` for all lines.

        Returns
        -------
        display : TrainingDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If `ax` is no axes.
        """
        from matplotlib.ticker import MaxNLocator

        upper, lower = self.axes_ = two_panels(ax, f"{type(self).__name__}.plot")
        self.figure_ = upper.figure
        self.lines_ = {
            "loss_n": self._draw(upper, self.loss_n, "normal loss", NORMAL, "-", line_kwargs),
            "loss_a": self._draw(upper, self.loss_a, "anomaly loss", ANOMALY, "--", line_kwargs),
            "marked": self._draw(lower, 100 * self.marked, "anomalous", ANOMALY, "-", line_kwargs),
            "changed": self._draw(
                lower, 100 * self.changed, "changed", ink(lower), ":", line_kwargs
            ),
        }
        losses = np.concatenate([self.loss_n, self.loss_a])
        losses = losses[np.isfinite(losses)]
        if losses.min() > 0 and losses.max() > _STEEP * losses.min():
            upper.set_yscale("log")
        upper.set_ylabel("mean loss")
        lower.set(xlabel="epoch", ylabel="labels, %")
        # All are zero if the training was blind. More may be drawn here.
        lower.set_ylim(0, max(1.0, lower.get_ylim()[1]), auto=None)
        lower.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(self.loss_n) == 1:
            for axes in self.axes_:
                axes.set_xlim(0.5, 1.5, auto=None)
        label(upper, self.name if name is None else name)
        if np.isnan(self.marked).all():
            text = "labels of rows in parts are not kept"
            lower.text(0.5, 0.5, text, ha="center", va="center", transform=lower.transAxes)
        else:
            label(lower)
        return self

    def _draw(
        self,
        axes: Axes,
        values: np.ndarray,
        text: str,
        color: Any,
        style: str,
        given: Mapping[str, Any] | None,
    ) -> list[Any]:
        from matplotlib.lines import Line2D

        epochs, lines = np.arange(1, len(values) + 1), []
        several = values.shape[1] > 1
        look = {"color": color, "linestyle": style, "linewidth": 1.8}
        for own in values.T:
            thin = {"linewidth": 0.7, "alpha": 0.35, "label": "_member"} if several else {}
            # A line of one point is not seen.
            dot = {"marker": "o"} if np.isfinite(own).sum() == 1 else {}
            styled = merged(Line2D, {**look, "label": text, **thin, **dot}, given)
            lines += axes.plot(epochs, own, **styled)
        if several:
            middle = [
                np.median(own[~np.isnan(own)]) if (own == own).any() else np.nan for own in values
            ]
            dot = {"marker": "o"} if np.isfinite(middle).sum() == 1 else {}
            styled = merged(Line2D, {**look, "label": text, **dot}, given)
            lines += axes.plot(epochs, middle, **styled)
        return lines


def _is_index(value: Any, length: int) -> bool:
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return is_integer and 0 <= value < length


def _label_shares(history: TrainingHistory) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares of rows labelled anomalous, and of changed labels: (n_epochs, M) each."""
    labels = history.labels
    changed = np.full(labels.shape[:2], np.nan)
    if labels.shape[2] == 0:  # rows came in parts, and their labels are not kept
        return changed, changed
    changed[1:] = (labels[1:] != labels[:-1]).mean(axis=2)
    return labels.mean(axis=2), changed


def _beside(columns: Sequence[np.ndarray], n_epochs: int) -> np.ndarray:
    """Put curves side by side, those that end early filled up with NaN."""
    filled = [
        np.concatenate([own, np.full((n_epochs - len(own), own.shape[1]), np.nan)])
        for own in columns
    ]
    return np.concatenate(filled, axis=1)
