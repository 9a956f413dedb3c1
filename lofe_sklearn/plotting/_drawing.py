"""Shared parts of all displays: axes, colours that suit light and dark pages, keyword arguments.

matplotlib is imported in functions only, so that it stays optional. Its settings are not changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from lofe_sklearn.plotting._letters import n_letters

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours that colour-blind readers can tell apart, with a contrast of at least 3 to 1 to black and
# to white.
NORMAL, ANOMALY = "#4c78a8", "#e45756"
SERIES = (NORMAL, "#d1730c", "#54a24b", "#b279a2", "#9d755d", "#7f7f7f")
MARKERS = ("o", "s", "^", "D", "v", "P")
SMALL = "small"
# The usual width of a letter, as a share of the size of the type.
LETTER = 0.55
# The width of the symbol before a legend's entry, in letters.
_HANDLE = 5
# Of titles and entries of legends that are broken into lines.
_LEAST_LETTERS, _MOST_LINES = 8, 4


def require_matplotlib(owner: str) -> None:
    """Raise ImportError, which names the extra, unless matplotlib is installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{owner}: pictures need matplotlib. Install it with: pip install 'lofe-sklearn[plot]'"
        ) from error


def axes_to_draw_on(ax: Axes | None, owner: str, least_height: float = 0.0) -> Axes:
    """Return the axes given, or those of a new figure, of at least a height in inches.

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
        width, height = plt.rcParams["figure.figsize"]
        size = width, max(height, least_height)
        return plt.subplots(layout="constrained", figsize=size)[1]
    if not isinstance(ax, Axes):
        raise TypeError(
            f"{owner}: ax must be axes of matplotlib or None; got {type(ax).__name__}. Of several "
            "axes, pass one."
        )
    return ax


def ink(ax: Axes) -> Any:
    """Return the colour of text on these axes, which can be read on their background."""
    return ax.xaxis.label.get_color()


def merged(kind: type, defaults: Mapping[str, Any], given: Mapping[str, Any] | None) -> Any:
    """Return keyword arguments of an artist; those given win, also by their short names."""
    from matplotlib.cbook import normalize_kwargs

    own = normalize_kwargs(dict(given or {}), kind)
    # Two names of one colour may not be given together.
    hidden = {"color": "facecolor", "facecolor": "color"}
    unwanted = {hidden[name] for name in own if name in hidden}
    return {**{k: v for k, v in defaults.items() if k not in unwanted}, **own}


def plain(text: Any) -> str:
    """Return a text that matplotlib writes as it is: two dollars would enclose a formula."""
    return str(text).replace("$", r"\$")


def percent(share: float) -> str:
    """Write a share as a percentage of two digits."""
    return f"{100 * share:.2g} %" if share < 0.995 else "100 %"


def label(axes: Axes, title: str | None = None) -> None:
    """Write a legend above the axes, where it hides nothing, and a title above that."""
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties

    points = FontProperties(size=SMALL).get_size_in_points()
    texts = axes.get_legend_handles_labels()[1]
    n_rows = 0
    if texts:
        room = width_in_points(axes) / (LETTER * points)
        longest = [max(map(n_letters, text.split("\n"))) for text in texts]
        n_columns = _columns_within(room, [length + _HANDLE for length in longest])
        n_rows = -(-len(texts) // n_columns)
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=n_columns,
            fontsize=SMALL,
            frameon=False,
            borderaxespad=0.1,
            handlelength=1.4,
            columnspacing=1.0,
        )
    if title:
        pad = rcParams["axes.titlepad"] + 1.6 * points * n_rows
        axes.set_title(broken_to_fit(title, axes, rcParams["axes.titlesize"]), pad=pad)


def legend_entry(axes: Axes, text: str) -> str:
    """Break a long entry of a legend into lines."""
    return broken_to_fit(text, axes, SMALL, taken=_HANDLE)


def broken_to_fit(text: str, axes: Axes, size: float | str, taken: int = 0) -> str:
    """Break lines that are longer than the axes are wide, so that the figure does not cut them off.

    `taken` is the number of letters of other things in the line. Formulas stay whole.
    """
    from matplotlib.cbook import is_math_text
    from matplotlib.font_manager import FontProperties

    points = FontProperties(size=size).get_size_in_points()
    letters = max(int(width_in_points(axes) / (LETTER * points)) - taken, _LEAST_LETTERS)
    lines = []
    for line in text.split("\n"):
        if is_math_text(line):
            lines.append(line)
            continue
        line = line.replace(r"\$", "$")
        # Of wide letters fewer fit.
        own = max(1, letters * len(line) // max(1, n_letters(line)))
        half = own * _MOST_LINES // 2 - len("...")
        # The end stays: it is what names differ in, and what a display adds.
        whole = line if len(line) <= 2 * half else f"{line[:half]}...{line[-half:]}"
        lines += map(plain, wrap(whole, own) or [""])
    return "\n".join(lines)


def width_in_points(axes: Axes) -> float:
    """Return the approximate width of axes; the exact one is known only after the layout."""
    return float(72 * axes.bbox.width / axes.figure.dpi)


def _columns_within(room: float, widths: Sequence[int]) -> int:
    """Return how many columns of a legend fit; it is filled column by column."""
    for n_columns in range(len(widths), 1, -1):
        columns = np.array_split(np.asarray(widths), n_columns)
        if sum(column.max() for column in columns) <= room:
            return n_columns
    return 1


def mark_log_ratios(ax: Axes) -> None:
    """Make the horizontal axis one of ratios, in per cent and by their logarithm."""
    ticks = [0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    shown = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
    if len(shown) > 1:
        mark_as_far_as_apart(ax, shown, [f"{100 * tick:g} %" for tick in shown])
    ax.set_xlim(low, high)


def mark_as_far_as_apart(ax: Axes, ticks: Sequence[float], texts: Sequence[str]) -> None:
    """Mark values of the horizontal axis by texts, but none that would run into one before it."""
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties

    letter = LETTER * FontProperties(size=rcParams["xtick.labelsize"]).get_size_in_points()
    height = ax.get_ylim()[0]  # it also brings the limits up to date, for the places below
    places = ax.transData.transform([(tick, height) for tick in ticks])[:, 0]
    kept: list[int] = []
    for i, text in enumerate(texts):
        if kept:
            apart = 72 * (places[i] - places[kept[-1]]) / ax.figure.dpi
            if apart < letter * (n_letters(texts[kept[-1]]) + n_letters(text) + 2) / 2:
                continue
        kept.append(i)
    ax.set_xticks([ticks[i] for i in kept], [texts[i] for i in kept])
    ax.minorticks_off()


def name_places(ax: Axes, names: Sequence[str]) -> None:
    """Write names below the places 0, 1, ... of an axis, slanted where they would overlap."""
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties

    texts = list(map(plain, names))
    letter = LETTER * FontProperties(size=rcParams["xtick.labelsize"]).get_size_in_points()
    widths = letter * np.array([n_letters(text) + 1 for text in texts])
    is_tight = (widths[:-1] + widths[1:] > 2 * width_in_points(ax) / len(texts)).any()
    slanted: Any = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if is_tight else {}
    ax.set_xticks(range(len(texts)), texts, **slanted)
