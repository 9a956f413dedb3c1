"""Draw the logo, the favicon and the card that is shown where somebody links to the site.

    python docs/scripts/make_logo.py

writes them to docs/_static. The logo is a ring of rows that belong together, and two that do not.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STATIC = Path(__file__).parents[1] / "_static"
INK = {"light": "#1b2433", "dark": "#e8edf5"}
NORMAL = {"light": "#2f6fdb", "dark": "#79a8ff"}
ANOMALY = "#f2762e"
N_POINTS = 12
PULLED_OUT = (1, 4)  # numbers of the points that do not belong to the ring


def ring(axes: Axes, mode: str) -> None:
    """Draw the points into axes of unit length."""
    angle = np.pi / 2 - 2 * np.pi * np.arange(N_POINTS) / N_POINTS
    anomalous = np.isin(np.arange(N_POINTS), PULLED_OUT)
    radius = np.where(anomalous, 0.46, 0.3)
    x, y = 0.47 + radius * np.cos(angle), 0.5 + radius * np.sin(angle)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.axis("off")
    for at, above, wrong in zip(x, y, anomalous, strict=True):
        colour = ANOMALY if wrong else NORMAL[mode]
        axes.add_patch(mpl.patches.Circle((at, above), 0.062, color=colour, linewidth=0))


def logo(mode: str) -> None:
    """The ring and the name, for the head of each page."""
    figure = Figure(figsize=(3.75, 0.8))
    ring(figure.add_axes((0, 0, 0.8 / 3.75, 1)), mode)
    figure.text(
        0.8 / 3.75 + 0.02,
        0.47,
        "lofe_sklearn",
        color=INK[mode],
        va="center",
        size=29,
        weight="bold",
    )
    figure.savefig(STATIC / f"logo-{mode}.svg", transparent=True, metadata={"Date": None})


def favicon() -> None:
    """The ring alone, on a browser's tab."""
    figure = Figure(figsize=(1, 1))
    ring(figure.add_axes((0, 0, 1, 1)), "light")
    figure.savefig(STATIC / "favicon.svg", transparent=True, metadata={"Date": None})


def card() -> None:
    """1200 x 630 pixels: the ring, the name and what it is."""
    figure = Figure(figsize=(12, 6.3), facecolor="#10182a")
    ring(figure.add_axes((0.04, 0.17, 0.66 * 6.3 / 12, 0.66)), "dark")
    figure.text(0.42, 0.62, "lofe_sklearn", color=INK["dark"], va="center", size=66, weight="bold")
    words = [
        "Deep anomaly detection",
        "for training data that is not clean,",
        "with scikit-learn's interface",
    ]
    figure.text(0.423, 0.42, "\n".join(words), color="#b7c3d9", va="top", size=26, linespacing=1.35)
    figure.savefig(STATIC / "card.png", dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    # Letters as outlines, so that no font is needed; the same file each time.
    mpl.rcParams.update({"svg.fonttype": "path", "svg.hashsalt": "lofe_sklearn"})
    for mode in ("light", "dark"):
        logo(mode)
    favicon()
    card()
