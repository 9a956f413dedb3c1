"""Pictures of the report, as SVG within the page: they take its colours, light or dark."""

from __future__ import annotations

import numpy as np

from lofe_sklearn._command_line._plain_values import percent
from lofe_sklearn._loe._find_ratio import RATIOS, Belief, log_prior

_WIDTH, _HEIGHT = 720, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 12, 26, 44
_N_BINS = 60


def score_histogram(scores: np.ndarray, cut: float, interval: tuple[float, float]) -> str:
    """Draw how many rows have which anomaly score.

    Parameters
    ----------
    scores : ndarray of shape (n_rows,)
        High for anomalies.
    cut : float
        Rows above are flagged.
    interval : pair of float
        The range of likely cuts.
    """
    low, high = float(scores.min()), float(scores.max())
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    # A bin ends at the cut, so that each is either flagged or not.
    cut = min(max(cut, low), high)
    width = (high - low) / _N_BINS
    below = np.linspace(low, cut, max(1, round((cut - low) / width)) + 1)
    above = np.linspace(cut, high, max(1, round((high - cut) / width)) + 1)
    edges = np.unique(np.concatenate([below, above]))
    counts = np.histogram(scores, edges)[0]
    most = max(1, int(counts.max()))

    def x(score: float) -> float:
        return _LEFT + (score - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def y(count: float) -> float:
        # The square root, so that bins of one row can be seen beside bins of a thousand.
        return _HEIGHT - _BOTTOM - np.sqrt(count / most) * (_HEIGHT - _TOP - _BOTTOM)

    parts = []
    start, stop = (x(min(max(edge, low), high)) for edge in interval)
    parts.append(_rectangle("band", start, _TOP, stop - start, _HEIGHT - _BOTTOM - _TOP))
    parts += [_horizontal(y(count), f"{count:,}") for count in _counts_of_axis(most)]
    for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True):
        if count:
            kind = "bin flagged" if left >= cut else "bin"
            tip = f"{count:,} rows, scores {left:.2f} to {right:.2f}"
            top, wide = y(count), max(x(right) - x(left) - 1, 0.8)
            parts.append(_rectangle(kind, x(left), top, wide, _HEIGHT - _BOTTOM - top, tip))
    parts += [_below(x(tick), f"{tick:g}") for tick in _ticks(low, high)]
    parts.append(
        f'<line class="cut" x1="{x(cut):.1f}" x2="{x(cut):.1f}" y1="{_TOP - 8}" '
        f'y2="{_HEIGHT - _BOTTOM}"/>'
    )
    side = "end" if x(cut) > 0.7 * _WIDTH else "start"
    shift = -6 if side == "end" else 6
    parts.append(
        _text(x(cut) + shift, _TOP - 8, "flagged" if side == "start" else "flagged →", side)
    )
    parts.append(_text((_LEFT + _WIDTH) / 2, _HEIGHT - 6, "anomaly score", "middle"))
    parts.append(_text(4, 14, "rows (square-root scale)", "start"))
    return _picture("Histogram of the anomaly scores", parts)


def belief_chart(belief: Belief) -> str:
    """Draw how likely each share of anomalies is, before and after looking at the data."""
    logs = np.log(RATIOS)
    prior = np.exp(log_prior())
    prior /= prior.sum()
    most = float(max(prior.max(), belief.probability.max()))
    step = (_WIDTH - _LEFT - _RIGHT) / len(RATIOS)

    def x(ratio: float) -> float:
        place = (np.log(ratio) - logs[0]) / (logs[1] - logs[0])
        return _LEFT + (place + 0.5) * step

    def y(probability: float) -> float:
        return _HEIGHT - _BOTTOM - probability / most * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        _rectangle(
            "bin",
            x(ratio) - step / 2 + 1,
            y(own),
            step - 2,
            _HEIGHT - _BOTTOM - y(own),
            f"{percent(ratio)}: {percent(own)} likely",
        )
        for ratio, own in zip(RATIOS, belief.probability, strict=True)
    ]
    points = " ".join(f"{x(r):.1f},{y(p):.1f}" for r, p in zip(RATIOS, prior, strict=True))
    parts.append(f'<polyline class="prior" points="{points}"/>')
    parts.append(_horizontal(y(0), ""))
    parts += [_below(x(ratio), percent(ratio)) for ratio in (0.001, 0.01, 0.05, 0.2, 0.5)]
    parts.append(_text((_LEFT + _WIDTH) / 2, _HEIGHT - 6, "share of anomalies", "middle"))
    return _picture("How likely each share of anomalies is", parts)


def _picture(title: str, parts: list[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title}">\n'
        + "\n".join(parts)
        + "\n</svg>"
    )


def _rectangle(kind: str, x: float, y: float, width: float, height: float, tip: str = "") -> str:
    title = f"<title>{tip}</title>" if tip else ""
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" '
        f'height="{max(height, 0):.1f}">{title}</rect>'
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _horizontal(y: float, label: str) -> str:
    line = f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return line + (_text(_LEFT - 6, y + 4, label, "end") if label else "")


def _below(x: float, label: str) -> str:
    return _text(x, _HEIGHT - _BOTTOM + 18, label, "middle")


def _counts_of_axis(most: int) -> list[int]:
    """Return 0, and a few round numbers up to the largest count, far enough from each other."""
    marks, power = [0], 1
    while power <= most:
        marks.append(power)
        power *= 10
    if 4 * marks[-1] <= most and marks[-1] > 0:
        marks.append(4 * marks[-1])
    gap = (_HEIGHT - _TOP - _BOTTOM) / 12
    kept = [marks[-1]]
    for mark in reversed(marks[:-1]):
        distance = (np.sqrt(kept[-1] / most) - np.sqrt(mark / most)) * (_HEIGHT - _TOP - _BOTTOM)
        if distance > gap or mark == 0:
            if mark == 0 and distance < gap and len(kept) > 1:
                kept.pop()
            kept.append(mark)
    return kept[::-1]


def _ticks(low: float, high: float) -> list[float]:
    """Return about six round numbers between two."""
    raw = (high - low) / 6
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first = np.ceil(low / step)
    # With + 0.0 the tick at zero has no sign.
    return [float(round(k * step, 10)) + 0.0 for k in np.arange(first, np.floor(high / step) + 1)]
