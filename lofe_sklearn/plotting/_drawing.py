"""What all displays share: axes, colours that suit light and dark pages, and keyword arguments.

matplotlib is imported in functions only, so that it stays optional. No setting of its is changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours that keep apart for colour-blind eyes, with a contrast of at least 3 to 1 to black and
# to white.
NORMAL, ANOMALY = "#4c78a8", "#e45756"
SERIES = (NORMAL, "#d1730c", "#54a24b", "#b279a2", "#9d755d", "#7f7f7f")
MARKERS = ("o", "s", "^", "D", "v", "P")
SMALL = "small"


def require_matplotlib(owner: str) -> None:
    """Raise ImportError, which names the extra, unless matplotlib is installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{owner}: pictures need matplotlib. Install it with: pip install 'lofe-sklearn[plot]'"
        ) from error


def axes_to_draw_on(ax: Axes | None, owner: str) -> Axes:
    """Return the axes given, or those of a new figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If `ax` is something else.
    """
    require_matplotlib(owner)
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if ax is None:
        return plt.subplots(layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise TypeError(
            f"{owner}: ax must be axes of matplotlib or None; got {type(ax).__name__}. Of several "
            "axes, pass one."
        )
    return ax


def two_panels(ax: Axes | Sequence[Axes] | None, owner: str) -> tuple[Axes, Axes]:
    """Return two axes, one above the other, which share their horizontal axis.

    Of one that is given, both take its place; two that are given are taken as they are.
    """
    require_matplotlib(owner)
    import matplotlib.pyplot as plt
    import numpy as np
    from matplotlib.axes import Axes

    if ax is None:
        upper, lower = plt.subplots(2, 1, sharex=True, layout="constrained")[1]
    elif isinstance(ax, Axes):
        ax.set_axis_off()
        lower = ax.inset_axes((0.0, 0.0, 1.0, 0.46))
        upper = ax.inset_axes((0.0, 0.54, 1.0, 0.46), sharex=lower)
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


def ink(ax: Axes) -> Any:
    """Return the colour that text has on these axes: it can be read on their ground."""
    return ax.xaxis.label.get_color()


def merged(kind: type, defaults: Mapping[str, Any], given: Mapping[str, Any] | None) -> Any:
    """Return keyword arguments of an artist; those given win, also by their short names."""
    from matplotlib.cbook import normalize_kwargs

    return {**defaults, **normalize_kwargs(dict(given or {}), kind)}


def percent(share: float) -> str:
    """Write a share as a percentage of two digits."""
    return f"{100 * share:.2g} %" if share < 0.995 else "100 %"


def mark_log_ratios(ax: Axes) -> None:
    """Make the horizontal axis one of ratios, in per cent and by their logarithm."""
    ticks = [0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    shown = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
    if len(shown) > 1:
        ax.set_xticks(shown, [f"{100 * tick:g} %" for tick in shown])
        ax.minorticks_off()
    ax.set_xlim(low, high)
