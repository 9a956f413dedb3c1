"""The critical-difference diagram."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.reports.ranks import Comparison

ROW = 0.24  # inches between two names


def cd_diagram(found: Comparison, path: Path, title: str) -> Path:
    """Draw mean ranks on a line, a bar over those that Nemenyi's test does not tell apart.

    Parameters
    ----------
    found : Comparison
    path : Path
        A picture file.
    title : str

    Returns
    -------
    Path
        `path`.
    """
    k = len(found.names)
    left = -(-k // 2)
    longest = max(map(len, found.names))
    side = 0.072 * longest + 0.65  # for a name and its rank
    width = 2 * side + 5.0

    def x(rank: float) -> float:
        return side + 0.3 + (rank - 1) / (k - 1) * (width - 2 * side - 0.6)

    ends = [(x(found.ranks[i]) - 0.05, x(found.ranks[j]) + 0.05) for i, j in found.groups]
    lanes = _lanes(ends)
    top, bars = 1.35, 0.17 * (max(lanes, default=-1) + 1) + 0.15
    height = top + bars + ROW * left + 0.2
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    line: dict[str, Any] = {"color": "black", "solid_capstyle": "butt"}
    axes.text(width / 2, 0.2, title, ha="center", va="center", fontsize=10)
    under = f"bar: not told apart by Nemenyi's test at {found.level:g}"
    if not found.significant:
        under = f"Friedman's test does not tell them apart at {found.level:g}"
    axes.text(width / 2, 0.44, under, ha="center", va="center", fontsize=8, color="0.35")
    axes.plot([x(1), x(k)], [top, top], lw=1.2, **line)
    step = 1 if k <= 12 else 2
    for tick in range(1, k + 1):
        long = (tick - 1) % step == 0
        axes.plot([x(tick)] * 2, [top, top - (0.09 if long else 0.05)], lw=1, **line)
        if long:
            axes.text(x(tick), top - 0.13, str(tick), ha="center", va="bottom", fontsize=8)
    axes.text(x(1) - 0.2, top - 0.2, "best", ha="right", va="center", fontsize=8, color="0.35")
    axes.text(x(k) + 0.2, top - 0.2, "worst", ha="left", va="center", fontsize=8, color="0.35")
    if found.significant:
        _distance(axes, x, found, k, line)
    for bar, lane in zip(ends, lanes, strict=True):
        y = top + 0.17 * (lane + 1)
        axes.plot(bar, [y, y], lw=3.2, color="#D55E00", solid_capstyle="butt", zorder=3)
    for place, (name, rank) in enumerate(zip(found.names, found.ranks, strict=True)):
        on_left = place < left
        y = top + bars + ROW * ((place if on_left else k - 1 - place) + 0.5)
        end = side if on_left else width - side
        axes.plot([x(rank), x(rank), end], [top, y, y], lw=0.8, color="0.25")
        inside, outside = (0.05, "left") if on_left else (-0.05, "right")
        axes.text(end + inside, y - 0.01, f"{rank:.2f}", ha=outside, va="bottom",
                  fontsize=7, color="0.35")  # fmt: skip
        axes.text(end - inside, y, name, ha="right" if on_left else "left", va="center",
                  fontsize=9)  # fmt: skip
    figure.savefig(path, dpi=150)
    return path


def _distance(
    axes: Axes, x: Callable[[float], float], found: Comparison, k: int, line: dict[str, Any]
) -> None:
    y, end = 0.85, min(1 + found.critical_difference, k)
    axes.plot([x(1), x(end)], [y, y], lw=1.2, **line)
    for rank in (1.0, end):
        axes.plot([x(rank)] * 2, [y - 0.05, y + 0.05], lw=1.2, **line)
    size = f"critical difference {found.critical_difference:.2f}"
    axes.text((x(1) + x(end)) / 2, y - 0.06, size, ha="center", va="bottom", fontsize=8)


def _lanes(bars: Sequence[tuple[float, float]]) -> list[int]:
    """Give each bar the first lane in which it comes near no other."""
    ends: list[float] = []
    lanes = []
    for start, end in bars:
        lane = next((i for i, last in enumerate(ends) if last + 0.1 < start), len(ends))
        ends[lane : lane + 1] = [end]
        lanes.append(lane)
    return lanes


def cd_text(found: Comparison) -> str:
    """Say what Friedman's test and the tests after it found."""
    out = (
        f"Friedman's test of {len(found.names)} detectors over {found.n_sets} sets: "
        f"chi² = {found.statistic:.2f} (p = {_p(found.p_chi2)}); Iman's and Davenport's "
        f"F = {found.f_statistic:.2f} (p = {_p(found.p_value)}). "
    )
    if not found.significant:
        return out + (
            f"It does not tell the detectors apart at {found.level:g}, so that no pair is tested: "
            "one bar over all."
        )
    out += (
        f"Bars join detectors that Nemenyi's test does not tell apart at {found.level:g}: their "
        f"mean ranks differ by less than {found.critical_difference:.2f}. "
    )
    different = found.p_pairs < found.level
    upper = np.triu_indices(len(found.names), 1)
    beaten = [n for n, worse in zip(found.names, different[0], strict=True) if worse]
    rest = len(found.names) - 1
    out += (
        f"Wilcoxon's signed-rank tests with Holm's correction, which do not depend on who else "
        f"is compared, tell {int(different[upper].sum())} of {len(upper[0])} pairs apart; "
        f"{found.names[0]}, the first by mean rank, from "
    )
    which = f": {'; '.join(beaten)}" if 0 < len(beaten) < rest else ""
    out += f"{len(beaten)} of the {rest} others{which}."
    if found.n_sets < 10:
        out += f" With {found.n_sets} sets these tests find only large differences."
    return out


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}" if value else "0"
