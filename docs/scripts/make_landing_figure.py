"""Draw the figure of the landing page, for the light and the dark theme.

    python docs/scripts/make_landing_figure.py

reads the rows of the contaminated track, benchmarks/results/contaminated.jsonl, which
`python -m benchmarks run contaminated` writes, and writes docs/_static/contaminated-*.svg. All
detectors are drawn; `python -m benchmarks report` draws the same lines with all names.
"""

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.ledger import read  # noqa: E402
from benchmarks.reports.track import BLIND, NOTHING_CHOSEN, Track  # noqa: E402

# The lines with a name, and what the name is here. The others are drawn in grey.
NAMED = {
    NOTHING_CHOSEN: "LOE()",
    BLIND: "its networks alone",
    "IForest (pyod)": "isolation forest",
    "KNN (pyod)": "nearest neighbours",
    "COPOD (pyod)": "COPOD",
    "AutoEncoder (pyod)": "autoencoder",
}
COLOURS = {
    "light": {
        "ink": "#1b2433",
        "grey": "#c3c9d3",
        "named": "#67707f",
        "loe": "#1d5bc4",
        "blind": "#c94b08",
    },
    "dark": {
        "ink": "#dfe6f1",
        "grey": "#454d5c",
        "named": "#a5afbf",
        "loe": "#79a8ff",
        "blind": "#f79a5e",
    },
}


def draw(track: Track, path: Path, colours: dict[str, str]) -> None:
    """One line for each detector, with the names of some beside their ends."""
    figure = Figure(figsize=(5.9, 4.3), layout="constrained")
    axes = figure.subplots()
    x = 100 * np.array(track.shares)
    means = {name: curve.mean(axis=0) / 100 for name, curve in track.curves.items()}
    for name, mean in means.items():
        if not name.startswith("LOE(") or name in NAMED:  # LOE with other settings is left out
            axes.plot(x, mean, solid_capstyle="round", clip_on=False, **_look(name, colours))
    axes.set_xlim(0, 20)
    for name, height in _apart({name: float(means[name][-1]) for name in NAMED}, 0.025).items():
        look = _look(name, colours)
        bold = "bold" if name in (NOTHING_CHOSEN, BLIND) else "normal"
        axes.text(20.4, height, NAMED[name], color=look["color"], va="center", weight=bold)
    axes.set_xticks(x, [f"{share:g} %" for share in x])
    axes.set_xlabel("anomalies among the training rows", color=colours["ink"])
    axes.set_title(
        f"Average precision, mean over {len(track.sets)} data sets",
        loc="left",
        color=colours["ink"],
    )
    axes.grid(axis="y", color=colours["grey"], lw=0.5, alpha=0.6)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, colors=colours["ink"])
    figure.savefig(path, transparent=True, metadata={"Date": None})


def _apart(heights: dict[str, float], step: float) -> dict[str, float]:
    """Move heights so that any two differ by `step` or more, and keep their order and mean."""
    names = sorted(heights, key=lambda name: heights[name])
    moved: list[float] = []
    for name in names:
        moved.append(max(heights[name], moved[-1] + step if moved else heights[name]))
    shift = np.mean(moved) - np.mean(list(heights.values()))
    return {name: float(height - shift) for name, height in zip(names, moved, strict=True)}


def _look(name: str, colours: dict[str, str]) -> dict[str, Any]:
    if name == NOTHING_CHOSEN:
        return {"color": colours["loe"], "lw": 3.4, "zorder": 5}
    if name == BLIND:
        return {"color": colours["blind"], "lw": 2.4, "zorder": 4}
    if name in NAMED:
        return {"color": colours["named"], "lw": 1.6, "zorder": 3}
    return {"color": colours["grey"], "lw": 1, "zorder": 2}


if __name__ == "__main__":
    mpl.rcParams.update({"svg.fonttype": "path", "svg.hashsalt": "lofe_sklearn", "font.size": 10.5})
    track = Track(
        read([ROOT / "benchmarks" / "results" / "contaminated.jsonl"]), "average_precision"
    )
    for mode, colours in COLOURS.items():
        draw(track, Path(__file__).parents[1] / "_static" / f"contaminated-{mode}.svg", colours)
