"""
Compare detectors on points in a plane
======================================

You see what different detectors take for normal. An isolation forest and two backbones that are
trained with :class:`~lofe_sklearn.LOE` are shown on points in a plane. The last column is LOE with
nothing chosen but the ratio: it trains both backbones and adds the evidence of other detectors.
"""

# %%
# Three shapes
# ------------
# Normal points are blue, and one point in ten is an anomaly.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from lofe_sklearn import LOE, AutoEncoder, DeepSVDD

rng = np.random.default_rng(0)
n_normal, n_anomalies = 360, 40
angle = rng.uniform(0, np.pi, n_normal)
arc = np.column_stack([2 * np.cos(angle), 2 * np.sin(angle) - 1])
normal = {
    "one group": rng.normal(size=(n_normal, 2)) * [1.2, 0.5],
    "two groups": rng.normal(size=(n_normal, 2)) * 0.35 + rng.choice([-1.5, 1.5], (n_normal, 1)),
    "an arc": arc + 0.12 * rng.normal(size=arc.shape),
}
anomalies = {
    "one group": rng.uniform(-3, 3, (n_anomalies, 2)),
    "two groups": rng.uniform(-3, 3, (n_anomalies, 2)),
    "an arc": rng.uniform(-3, 3, (n_anomalies, 2)),
}

# %%
# The scores in the plane
# -----------------------
# The darker the ground, the more anomalous. The line is the threshold. The number is the ROC AUC of
# the rows.

detectors = {
    "isolation forest": lambda: IsolationForest(contamination=0.1, random_state=0),
    "LOE(DeepSVDD())": lambda: LOE(DeepSVDD(), contamination=0.1, random_state=0),
    "LOE(AutoEncoder())": lambda: LOE(AutoEncoder(), contamination=0.1, random_state=0),
    "LOE()": lambda: LOE(contamination=0.1, random_state=0),
}
grid = np.linspace(-3.3, 3.3, 80)
plane = np.column_stack([axis.ravel() for axis in np.meshgrid(grid, grid)])
shade = LinearSegmentedColormap.from_list("shade", [(0.5, 0.5, 0.5, 0), (0.5, 0.5, 0.5, 0.8)])
figure, panels = plt.subplots(
    len(normal), len(detectors), figsize=(10, 8), sharex=True, sharey=True, layout="constrained"
)
for title, axes in zip(detectors, panels[0], strict=True):
    axes.set_title(title)
for row, name in zip(panels, normal, strict=True):
    X = np.vstack([normal[name], anomalies[name]])
    y = np.repeat([0, 1], [n_normal, n_anomalies])
    for axes, make in zip(row, detectors.values(), strict=True):
        detector = make().fit(X)
        score = -detector.decision_function(plane).reshape(80, 80)
        axes.contourf(grid, grid, score, 20, cmap=shade)
        axes.contour(grid, grid, score, levels=[0], colors="grey", linewidths=1.5)
        axes.scatter(*X[y == 0].T, s=4, color="#4c78a8")
        axes.scatter(*X[y == 1].T, s=9, color="#e45756", marker="^")
        auc = roc_auc_score(y, -detector.score_samples(X))
        axes.set_xlabel(f"ROC AUC {auc:.2f}", fontsize=9)
        limits = (grid[0], grid[-1])
        axes.set(aspect="equal", xlim=limits, ylim=limits, xticks=[], yticks=[])
        axes.spines[:].set_visible(True)
    row[0].set_ylabel(name)
plt.show()

# %%
# The networks draw simple shapes and the forest draws boxes. In two dimensions with few rows the
# forest is hard to beat. LOE with evidence has the shape of both.
#
# :class:`~lofe_sklearn.NeuTraL` and :class:`~lofe_sklearn.ICL` are not shown. They compare parts
# and views of a row, and two features are too few for that.
#
# Go on with :doc:`/choosing`, :doc:`/how_to/evidence` and :doc:`/benchmarks/index`.
