"""Two panels, one above the other: in a new figure, in two axes, or both in place of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lofe_sklearn.plotting._drawing import require_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

# Shares of the height of the axes that both panels replace: what is left above the upper panel, and
# what is at least and at most between them.
_ABOVE, _LEAST_GAP, _MOST_GAP = 0.06, 0.18, 0.6
# Points between the lower panel's legend and the upper panel.
_DISTANCE = 4


def two_panels(ax: Axes | Sequence[Axes] | None, owner: str) -> tuple[Axes, Axes]:
    """Return two axes, one above the other, which share their horizontal axis.

    If one is given, both replace it, and stay if more is drawn there; if two are given, they are
    used as they are.
    """
    require_matplotlib(owner)
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if ax is None:
        upper, lower = plt.subplots(2, 1, sharex=True, layout="constrained")[1]
    elif isinstance(ax, Axes):
        panels = [child for child in ax.child_axes if isinstance(child.get_axes_locator(), _Place)]
        if panels:
            lower, upper = panels
        else:
            ax.set_axis_off()
            lower = ax.inset_axes((0.0, 0.0, 1.0, 0.38))
            upper = ax.inset_axes((0.0, 0.56, 1.0, 0.38), sharex=lower)
            lower.set_axes_locator(_Place(ax, lower, is_upper=False))
            upper.set_axes_locator(_Place(ax, lower, is_upper=True))
    else:
        given = list(np.ravel(np.asarray(ax, dtype=object)))
        if len(given) != 2 or not all(isinstance(each, Axes) for each in given):
            raise TypeError(
                f"{owner}: ax must be one or two axes of matplotlib or None, since the picture has "
                f"two panels; got {type(ax).__name__} of {len(given)}."
            )
        return given[0], given[1]
    upper.tick_params(labelbottom=False)
    return upper, lower


class _Place:
    """The place of a panel, with room for the lower panel's legend, however low the axes are."""

    def __init__(self, outer: Axes, lower: Axes, *, is_upper: bool) -> None:
        self._outer, self._lower, self._is_upper = outer, lower, is_upper

    def __call__(self, axes: Any, renderer: Any) -> Bbox:
        from matplotlib.transforms import Bbox, TransformedBbox

        gap, legend = _LEAST_GAP, self._lower.get_legend()
        if legend is not None:
            dots = legend.get_window_extent(renderer).height + _DISTANCE * axes.figure.dpi / 72
            gap = min(max(gap, dots / max(1.0, self._outer.bbox.height)), _MOST_GAP)
        height = (1 - _ABOVE - gap) / 2
        own = Bbox.from_bounds(0.0, height + gap if self._is_upper else 0.0, 1.0, height)
        return TransformedBbox(own, self._outer.transAxes - axes.figure.transSubfigure).frozen()
