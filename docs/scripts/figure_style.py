"""How matplotlib draws the pictures of these pages: readable on a light and on a dark ground.

The gallery calls `apply` before each example (``reset_modules`` in conf.py). The script
``explanation_pictures.py`` calls it once.
"""

from __future__ import annotations

from typing import Any

# The colours of lofe_sklearn.plotting.
NORMAL, ANOMALY = "#4c78a8", "#e45756"
SERIES = (NORMAL, "#d1730c", "#54a24b", "#b279a2", "#9d755d", "#7f7f7f")
# About the same contrast to white and to the dark ground of the theme.
INK, FRAME = "#7b7f86", "#9a9ea6"


def apply(gallery_conf: Any = None, fname: Any = None) -> None:
    """Set matplotlib's defaults; the arguments are those that sphinx-gallery passes."""
    from cycler import cycler
    from matplotlib import rcParams

    for name in ("figure.facecolor", "axes.facecolor", "savefig.facecolor", "legend.facecolor"):
        rcParams[name] = "none"
    for name in ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color"):
        rcParams[name] = INK
    rcParams["axes.edgecolor"] = FRAME
    rcParams["axes.spines.top"] = rcParams["axes.spines.right"] = False
    rcParams["axes.prop_cycle"] = cycler(color=SERIES)
    rcParams["font.size"] = 11
    rcParams["axes.titlesize"] = 12
    rcParams["axes.titleweight"] = "bold"
    rcParams["legend.frameon"] = False
