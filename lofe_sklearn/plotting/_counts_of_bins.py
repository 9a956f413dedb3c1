"""Numbers of rows beside the points of a reliability diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lofe_sklearn.plotting._drawing import SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# How much of the axis a number takes up and down, how much a digit takes to the side, and how far
# the number is from its point.
_HEIGHT, _DIGIT, _AWAY = 0.06, 0.02, 0.015


def write_counts(
    axes: Axes, predicted: np.ndarray, observed: np.ndarray, counts: np.ndarray, top: float
) -> None:
    """Write how many rows each point stands for, but no number over another.

    `top` is where both axes end.
    """
    from matplotlib.text import Annotation

    drawn = [text for text in axes.texts if isinstance(text, Annotation)]
    written = [_box(*text.xy, text.get_text(), top) for text in drawn]
    # From the right, where points are few, and each matters most.
    for x, y, count in reversed(list(zip(predicted, observed, counts, strict=True))):
        box = _box(x, y, f"{count}", top)
        if any(_overlap(box, other) for other in written):
            continue
        written.append(box)
        is_at_end, is_at_foot = _is_at_edge(x, y, top)
        axes.annotate(
            f"{count}",
            (x, y),
            xytext=(-5 if is_at_end else 5, 3 if is_at_foot else -3),
            textcoords="offset points",
            ha="right" if is_at_end else "left",
            va="bottom" if is_at_foot else "top",
            fontsize=SMALL,
        )


def _is_at_edge(x: float, y: float, top: float) -> tuple[bool, bool]:
    """Whether there is no room for a number to the right of a point, and below it."""
    return bool(x > (1 - _HEIGHT) * top), bool(y < _HEIGHT * top)


def _box(x: float, y: float, text: str, top: float) -> tuple[float, float, float, float]:
    """Return where the number beside a point is: its left, right, lower and upper end."""
    is_at_end, is_at_foot = _is_at_edge(x, y, top)
    width, height, away = (top * part for part in (_DIGIT * len(text), _HEIGHT, _AWAY))
    left = x - away - width if is_at_end else x + away
    lower = y if is_at_foot else y - height
    return left, left + width, lower, lower + height


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]
